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
    fn r1_a_line_without_three_fields_is_an_error_and_changes_nothing() {
        holds(&[
            "INDEX|a| => OK",
            "INDEX|b => ERROR",
            "REMOVE|a => ERROR",
            "INDEX|b|| => ERROR",
            " => ERROR",
        ]);
        holds(&["INDEX|b => ERROR", "INDEX|b|| => ERROR", "QUERY|b| => FAIL"]);
    }

    #[test]
    fn r2_an_unknown_command_is_an_error_and_changes_nothing() {
        holds(&["index|b| => ERROR", "INDEXX|b| => ERROR", " INDEX|b| => ERROR", "QUERY|b| => FAIL"]);
        holds(&["INDEX|a| => OK", "remove|a| => ERROR", "QUERY|a| => OK"]);
    }

    #[test]
    fn r3_an_empty_package_is_an_error() {
        holds(&[
            "INDEX|a| => OK",
            "INDEX|| => ERROR",
            "INDEX||a => ERROR",
            "REMOVE|| => ERROR",
            "QUERY|| => ERROR",
        ]);
    }

    #[test]
    fn r4_every_name_of_the_list_counts() {
        holds(&["INDEX|b| => OK", "INDEX|a|b,c => FAIL", "INDEX|c| => OK", "INDEX|a|b,c => OK"]);
        holds(&[
            "INDEX|b| => OK",
            "INDEX|c| => OK",
            "INDEX|a|b,c => OK",
            "REMOVE|b| => FAIL",
            "REMOVE|c| => FAIL",
        ]);
    }

    #[test]
    fn r5_empty_names_count_for_nothing_and_a_name_listed_twice_for_one() {
        holds(&[
            "INDEX|b| => OK",
            "INDEX|a|b,, b,b, => OK",
            "REMOVE|b| => FAIL",
            "INDEX|a|, => OK",
            "REMOVE|b| => OK",
        ]);
    }

    #[test]
    fn r6_a_list_on_remove_or_query_is_ignored() {
        holds(&["INDEX|a| => OK", "QUERY|a|missing => OK", "REMOVE|a|missing => OK"]);
    }

    #[test]
    fn r7_names_are_bytes_and_differ_if_one_byte_does() {
        are_different_packages(&[b"a", b"a ", b" a", b"a=", b"a\xff", b"a\xfe", b"\x00", b"a\r"]);
    }

    #[test]
    fn r8_long_names_and_long_lists_are_taken() {
        let long = [b'n'; 255];
        are_different_packages(&[&long, &long[..254]]);
        let mut model = Model::default();
        let names: Vec<String> = (0..1000).map(|number| format!("n{number}")).collect();
        for name in &names {
            assert_eq!(model.answer(format!("INDEX|{name}|").as_bytes()), Reply::Ok);
        }
        assert_eq!(model.answer(format!("INDEX|a|{}", names.join(",")).as_bytes()), Reply::Ok);
        assert_eq!(model.answer(b"REMOVE|n999|"), Reply::Fail);
    }

    #[test]
    fn r9_case_counts_and_the_whole_name_counts() {
        are_different_packages(&[
            b"a",
            b"A",
            b"aa",
            b"a.b",
            b"a-b",
            b"a_b",
            b"a+b",
            b"a@1",
            &[b'a'; 100],
            &[b'a'; 99],
        ]);
    }

    /// Each of the names is a package of its own.
    fn are_different_packages(names: &[&[u8]]) {
        let mut model = Model::default();
        for name in names {
            let ask = |model: &mut Model, command: &[u8]| model.answer(&[command, name, b"|"].concat());
            assert_eq!(ask(&mut model, b"QUERY|"), Reply::Fail, "{}", name.escape_ascii());
            assert_eq!(ask(&mut model, b"INDEX|"), Reply::Ok);
            assert_eq!(ask(&mut model, b"QUERY|"), Reply::Ok);
        }
    }
}
