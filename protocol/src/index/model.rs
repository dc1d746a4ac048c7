//! The sequential specification of the package index: slow, short, and written from the clauses.
//!
//! Judges compare servers with it, so it shares no code with a server's index.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::{Command, Reply, Request};

type Name = Vec<u8>;

/// The indexed packages, each with the list it was last indexed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model {
    packages: BTreeMap<Name, BTreeSet<Name>>,
}

impl Model {
    /// Answers a line, and takes the change that it makes.
    pub fn answer(&mut self, line: &[u8]) -> Reply {
        let Ok(request) = Request::decode(line) else {
            return Reply::Error; // A2: it changes nothing
        };
        let is_done = match request.command {
            Command::Index => self.index(request.package, request.dependencies()),
            Command::Remove => self.remove(request.package),
            Command::Query => self.is_indexed(request.package), // S5
        };
        if is_done { Reply::Ok } else { Reply::Fail }
    }

    /// Whether a package is indexed.
    #[must_use]
    pub fn is_indexed(&self, package: &[u8]) -> bool {
        self.packages.contains_key(package)
    }

    fn index<'a>(&mut self, package: &[u8], dependencies: impl Iterator<Item = &'a [u8]>) -> bool {
        let list: BTreeSet<Name> = dependencies.map(<[u8]>::to_vec).collect();
        let may = list.iter().all(|dependency| self.is_indexed(dependency)); // S1, S2
        if may {
            self.packages.insert(package.to_vec(), list); // S2: the new list takes the old one's place
        }
        may
    }

    fn remove(&mut self, package: &[u8]) -> bool {
        let is_needed = self.packages.iter().any(|(other, list)| other != package && list.contains(package)); // S3, S6
        if !is_needed {
            self.packages.remove(package); // S4: OK also where there is nothing to remove
        }
        !is_needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `line => reply` pairs to an empty model.
    fn holds(steps: &[&str]) {
        let mut model = Model::default();
        for (number, step) in steps.iter().enumerate() {
            let (line, expected) = step.split_once(" => ").unwrap();
            let reply = model.answer(line.as_bytes()).line();
            assert_eq!(reply, format!("{expected}\n").as_bytes(), "step {number}: {line}");
        }
    }

    #[test]
    fn s1_index_is_ok_when_every_dependency_is_indexed() {
        holds(&[
            "INDEX|a|b => FAIL",
            "QUERY|a| => FAIL",
            "INDEX|b| => OK",
            "INDEX|a|b,c => FAIL",
            "QUERY|a| => FAIL",
            "INDEX|a|b => OK",
            "QUERY|a| => OK",
        ]);
    }

    #[test]
    fn s2_a_new_list_takes_the_place_of_the_old_one() {
        holds(&["INDEX|b| => OK", "INDEX|c| => OK", "INDEX|a|b => OK", "INDEX|a|c => OK"]);
        holds(&[
            "INDEX|b| => OK",
            "INDEX|c| => OK",
            "INDEX|a|b => OK",
            "INDEX|a|c => OK",
            "REMOVE|b| => OK",
            "REMOVE|c| => FAIL",
        ]);
    }

    #[test]
    fn s2_a_refused_update_leaves_the_old_list() {
        holds(&[
            "INDEX|b| => OK",
            "INDEX|a|b => OK",
            "INDEX|a|missing => FAIL",
            "QUERY|a| => OK",
            "REMOVE|b| => FAIL",
        ]);
    }

    #[test]
    fn s3_remove_is_ok_when_no_other_package_lists_it() {
        holds(&[
            "INDEX|b| => OK",
            "INDEX|a|b => OK",
            "REMOVE|b| => FAIL",
            "QUERY|b| => OK",
            "REMOVE|a| => OK",
            "QUERY|a| => FAIL",
            "REMOVE|b| => OK",
        ]);
    }

    #[test]
    fn s4_remove_of_what_is_not_indexed_is_ok() {
        holds(&["REMOVE|a| => OK", "INDEX|a| => OK", "REMOVE|a| => OK", "REMOVE|a| => OK"]);
    }

    #[test]
    fn s5_query_tells_and_changes_nothing() {
        holds(&[
            "QUERY|a| => FAIL",
            "QUERY|a|b => FAIL",
            "INDEX|a| => OK",
            "QUERY|a| => OK",
            "QUERY|a| => OK",
        ]);
    }

    #[test]
    fn s6_a_package_that_lists_itself_can_go() {
        holds(&[
            "INDEX|a|a => FAIL",
            "INDEX|a| => OK",
            "INDEX|a|a => OK",
            "REMOVE|a| => OK",
            "QUERY|a| => FAIL",
        ]);
    }

    #[test]
    fn s7_a_removed_package_starts_afresh() {
        holds(&["INDEX|b| => OK", "INDEX|a|b => OK", "REMOVE|a| => OK", "INDEX|a| => OK", "REMOVE|b| => OK"]);
    }

    #[test]
    fn s8_the_packages_of_a_cycle_hold_each_other() {
        holds(&[
            "INDEX|b| => OK",
            "INDEX|a|b => OK",
            "INDEX|b|a => OK",
            "REMOVE|a| => FAIL",
            "REMOVE|b| => FAIL",
            "INDEX|b| => OK",
            "REMOVE|a| => OK",
        ]);
    }

    #[test]
    fn r1_to_r3_a_line_that_is_no_request_is_an_error_and_changes_nothing() {
        holds(&[
            "INDEX|a| => OK",
            "INDEX|b => ERROR",
            "INDEX|b|| => ERROR",
            "index|b| => ERROR",
            "INDEX||a => ERROR",
            " => ERROR",
            "QUERY|b| => FAIL",
            "QUERY|a| => OK",
        ]);
    }

    #[test]
    fn r4_and_r5_lists_are_read_name_by_name_and_a_name_counts_once() {
        holds(&[
            "INDEX|b| => OK",
            "INDEX|c| => OK",
            "INDEX|a|b,,c,b, => OK",
            "REMOVE|b| => FAIL",
            "INDEX|a|c => OK",
            "REMOVE|b| => OK",
        ]);
    }

    #[test]
    fn r6_a_list_on_remove_or_query_is_ignored() {
        holds(&["INDEX|a| => OK", "QUERY|a|missing => OK", "REMOVE|a|missing => OK"]);
    }

    #[test]
    fn r7_r8_and_r9_names_are_compared_byte_for_byte() {
        let mut model = Model::default();
        let long = [b"n".repeat(255), b"x".to_vec()].concat();
        for name in [&b"a"[..], b"A", b"a ", b"a\xff", b"a\xfe", &long, &long[..255]] {
            let query = [b"QUERY|", name, b"|"].concat();
            let index = [b"INDEX|", name, b"|"].concat();
            assert_eq!(model.answer(&query), Reply::Fail, "{}", name.escape_ascii());
            assert_eq!(model.answer(&index), Reply::Ok);
            assert_eq!(model.answer(&query), Reply::Ok);
        }
    }
}
