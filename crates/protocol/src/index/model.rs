//! The sequential specification of the package index: slow, short, and written from the clauses.
//!
//! Judges compare servers with this model, so it shares no code with the index of a server.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::{Command, Reply, Request};

type Name = Vec<u8>;

/// The indexed packages, each with its current dependency list.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model {
    packages: BTreeMap<Name, BTreeSet<Name>>,
}

impl Model {
    /// Applies a line, without its line end, and returns the reply that the specification requires.
    pub fn answer(&mut self, line: &[u8]) -> Reply {
        let Ok(request) = Request::decode(line) else {
            return Reply::Error; // A2: no change
        };
        let succeeds = match request.command {
            Command::Index => self.index(request.package, request.dependencies()),
            Command::Remove => self.remove(request.package),
            Command::Query => self.is_indexed(request.package), // S5
        };
        if succeeds { Reply::Ok } else { Reply::Fail }
    }

    /// Returns whether a package is indexed.
    #[must_use]
    pub fn is_indexed(&self, package: &[u8]) -> bool {
        self.packages.contains_key(package)
    }

    fn index<'a>(&mut self, package: &[u8], dependencies: impl Iterator<Item = &'a [u8]>) -> bool {
        let list: BTreeSet<Name> = dependencies.map(<[u8]>::to_vec).collect();
        let is_allowed = list.iter().all(|dependency| self.is_indexed(dependency)); // S1, S2
        if is_allowed {
            self.packages.insert(package.to_vec(), list); // S2: the new list replaces the old one
        }
        is_allowed
    }

    fn remove(&mut self, package: &[u8]) -> bool {
        let has_dependents =
            self.packages.iter().any(|(other, list)| other != package && list.contains(package)); // S3, S6
        if !has_dependents {
            self.packages.remove(package); // S4: OK also if the package is not indexed
        }
        !has_dependents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends each line to a model that is empty at first, and compares the reply: `line => reply`.
    fn check(steps: &[&str]) {
        let mut model = Model::default();
        for (number, step) in steps.iter().enumerate() {
            let (line, expected) = step.split_once(" => ").unwrap();
            let reply = model.answer(line.as_bytes()).line();
            assert_eq!(reply, format!("{expected}\n").as_bytes(), "step {number}: {line}");
        }
    }

    #[test]
    fn s1_index_is_ok_when_every_dependency_is_indexed() {
        check(&[
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
    fn s2_a_new_list_replaces_the_old_one() {
        check(&["INDEX|b| => OK", "INDEX|c| => OK", "INDEX|a|b => OK", "INDEX|a|c => OK"]);
        check(&[
            "INDEX|b| => OK",
            "INDEX|c| => OK",
            "INDEX|a|b => OK",
            "INDEX|a|c => OK",
            "REMOVE|b| => OK",
            "REMOVE|c| => FAIL",
        ]);
    }

    #[test]
    fn s2_a_failed_update_keeps_the_old_list() {
        check(&[
            "INDEX|b| => OK",
            "INDEX|a|b => OK",
            "INDEX|a|missing => FAIL",
            "QUERY|a| => OK",
            "REMOVE|b| => FAIL",
        ]);
    }

    #[test]
    fn s3_remove_is_ok_when_no_other_package_lists_it() {
        check(&[
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
    fn s4_remove_of_a_package_that_is_not_indexed_is_ok() {
        check(&["REMOVE|a| => OK", "INDEX|a| => OK", "REMOVE|a| => OK", "REMOVE|a| => OK"]);
    }

    #[test]
    fn s5_query_changes_nothing() {
        check(&[
            "QUERY|a| => FAIL",
            "QUERY|a|b => FAIL",
            "INDEX|a| => OK",
            "QUERY|a| => OK",
            "QUERY|a| => OK",
        ]);
    }

    #[test]
    fn s6_a_package_that_lists_itself_can_be_removed() {
        check(&[
            "INDEX|a|a => FAIL",
            "INDEX|a| => OK",
            "INDEX|a|a => OK",
            "REMOVE|a| => OK",
            "QUERY|a| => FAIL",
        ]);
    }

    #[test]
    fn s7_a_removed_package_starts_afresh() {
        check(&["INDEX|b| => OK", "INDEX|a|b => OK", "REMOVE|a| => OK", "INDEX|a| => OK", "REMOVE|b| => OK"]);
    }

    #[test]
    fn s8_packages_of_a_cycle_cannot_be_removed() {
        check(&[
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
        check(&[
            "INDEX|a| => OK",
            "INDEX|b => ERROR",
            "REMOVE|a => ERROR",
            "INDEX|b|| => ERROR",
            " => ERROR",
        ]);
        check(&["INDEX|b => ERROR", "INDEX|b|| => ERROR", "QUERY|b| => FAIL"]);
    }

    #[test]
    fn r2_an_unknown_command_is_an_error_and_changes_nothing() {
        check(&["index|b| => ERROR", "INDEXX|b| => ERROR", " INDEX|b| => ERROR", "QUERY|b| => FAIL"]);
        check(&["INDEX|a| => OK", "remove|a| => ERROR", "QUERY|a| => OK"]);
    }

    #[test]
    fn r3_an_empty_package_is_an_error() {
        check(&[
            "INDEX|a| => OK",
            "INDEX|| => ERROR",
            "INDEX||a => ERROR",
            "REMOVE|| => ERROR",
            "QUERY|| => ERROR",
        ]);
    }

    #[test]
    fn r4_every_name_of_the_list_counts() {
        check(&["INDEX|b| => OK", "INDEX|a|b,c => FAIL", "INDEX|c| => OK", "INDEX|a|b,c => OK"]);
        check(&[
            "INDEX|b| => OK",
            "INDEX|c| => OK",
            "INDEX|a|b,c => OK",
            "REMOVE|b| => FAIL",
            "REMOVE|c| => FAIL",
        ]);
    }

    #[test]
    fn r5_empty_names_are_ignored_and_a_repeated_name_counts_once() {
        check(&[
            "INDEX|b| => OK",
            "INDEX|a|b,, b,b, => OK",
            "REMOVE|b| => FAIL",
            "INDEX|a|, => OK",
            "REMOVE|b| => OK",
        ]);
    }

    #[test]
    fn r6_a_list_on_remove_or_query_is_ignored() {
        check(&["INDEX|a| => OK", "QUERY|a|missing => OK", "REMOVE|a|missing => OK"]);
    }

    #[test]
    fn r7_names_are_compared_byte_for_byte() {
        check_distinct(&[b"a", b"a ", b" a", b"a=", b"a\xff", b"a\xfe", b"\x00", b"a\r"]);
    }

    #[test]
    fn r8_long_names_and_long_lists_are_accepted() {
        let long = [b'n'; 255];
        check_distinct(&[&long, &long[..254]]);
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
        check_distinct(&[
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

    /// Checks that each name denotes a different package.
    fn check_distinct(names: &[&[u8]]) {
        let mut model = Model::default();
        for name in names {
            let ask = |model: &mut Model, command: &[u8]| model.answer(&[command, name, b"|"].concat());
            assert_eq!(ask(&mut model, b"QUERY|"), Reply::Fail, "{}", name.escape_ascii());
            assert_eq!(ask(&mut model, b"INDEX|"), Reply::Ok);
            assert_eq!(ask(&mut model, b"QUERY|"), Reply::Ok);
        }
    }
}
