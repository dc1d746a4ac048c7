//! Cycles among the modules of a crate, from the graph that cargo-modules draws.
//!
//! `cargo modules dependencies --acyclic` also counts a type and its own methods as a cycle, so this module reads the graph
//! of modules instead.

use std::collections::{BTreeMap, BTreeSet};

/// The flags of `cargo modules dependencies` that leave the modules and the uses between them.
pub(crate) const FLAGS: [&str; 6] =
    ["--no-externs", "--no-sysroot", "--no-fns", "--no-traits", "--no-types", "--no-owns"];

/// By module: the modules that it uses.
type Uses<'g> = BTreeMap<&'g str, BTreeSet<&'g str>>;

/// Returns the modules that use themselves through others, in order. The graph is in the language of Graphviz.
pub(crate) fn in_cycles(graph: &str) -> Vec<&str> {
    let mut uses = Uses::new();
    for (from, to) in graph.lines().filter_map(edge) {
        if from != to {
            uses.entry(from).or_default().insert(to);
        }
    }
    uses.keys().copied().filter(|module| reaches(&uses, module, module)).collect()
}

/// Reads a line such as `"a::b" -> "a::c" [label="uses"];`.
fn edge(line: &str) -> Option<(&str, &str)> {
    let (from, rest) = line.trim().strip_prefix('"')?.split_once("\" -> \"")?;
    Some((from, rest.split_once('"')?.0))
}

fn reaches(uses: &Uses<'_>, from: &str, to: &str) -> bool {
    let mut pending = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(module) = pending.pop() {
        for used in uses.get(module).into_iter().flatten() {
            if *used == to {
                return true;
            }
            if seen.insert(*used) {
                pending.push(used);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_a_cycle_are_found_and_those_that_only_use_it_are_not() {
        let graph = r#"
            digraph {
                "a" [label="crate|a"];
                "a" -> "a::one" [label="uses", color="x"] [constraint=false];
                "a::one" -> "a::two" [label="uses"];
                "a::two" -> "a::three" [label="uses"];
                "a::three" -> "a::one" [label="uses"];
                "a::three" -> "a::leaf" [label="uses"];
                "a::leaf" -> "a::leaf" [label="uses"];
            }"#;
        assert_eq!(in_cycles(graph), ["a::one", "a::three", "a::two"]);
        assert!(in_cycles(&graph.replace("\"a::three\" -> \"a::one\"", "")).is_empty());
        assert!(in_cycles("").is_empty());
    }
}
