//! The description of a violation: clause, window, possible states and explanation.

use protocol::Clause;
use protocol::index::clauses::{C2, R1, R2, R3, S1, S2, S3, S4, S5, S6};
use protocol::index::wire::{Command, Malformed, Reply};
use protocol::text::printable;

use crate::search::component::Component;
use crate::search::explain::{Explanation, explain, overlapping};
use crate::search::meter::{Meter, Used};
use crate::search::result::Violation;
use crate::search::shared::Search;
use crate::search::states::ABSENT;
use crate::search::walk::Walk;

impl Search<'_> {
    /// Describes an incorrect reply to an invalid request, or about a package that cannot have been indexed.
    pub(super) fn contradiction(&self, operation: usize) -> Violation {
        let (clause, possible, explanation) = match self.requests.of(operation) {
            Err(malformed) => {
                let clause = match malformed {
                    Malformed::Command => R2,
                    Malformed::EmptyPackage => R3,
                    Malformed::Fields | Malformed::Reply => R1,
                };
                (clause, Reply::Error, malformed.to_string())
            }
            Ok(known) => {
                let (clause, possible) = match known.command {
                    Command::Index => (S1, Reply::Fail),
                    Command::Query => (S5, Reply::Fail),
                    Command::Remove => (S4, Reply::Ok),
                };
                let what = match known.command {
                    Command::Index => "one of its dependencies".to_owned(),
                    _ => printable(self.requests.names[known.package as usize]),
                };
                let explanation = format!("{what} was not indexed at any time: no INDEX can have added it");
                (clause, possible, explanation)
            }
        };
        let possible = vec![possible];
        Violation { operation, clause, possible, window: vec![operation], states: vec![], explanation }
    }

    /// Describes a reply after which a component has no linearization.
    pub(super) fn violation(&self, operation: usize, part: usize, event: u32) -> Violation {
        let used = Used::default();
        let meter = || Meter::new(self.budget, &used, self.budget.component_nodes_max, self.bytes_max);
        let mut component = Component::new(self.operations, self.requests, self.parts, part);
        let is_blocked_by_itself =
            component.lists_itself() && self.is_linearizable_if_kept(&mut component, &mut meter());
        let explained = explain(&mut component, event, &mut meter());
        let number = |&of: &u32| component.calls[of as usize].number as usize;
        let Ok(explained) = explained else {
            let window = overlapping(&component, event).iter().map(number).collect();
            let clause = if is_blocked_by_itself { S6 } else { C2 };
            let explanation = "no linearization includes this reply; the budget was exhausted before a minimal set of operations was found";
            return Violation {
                operation,
                clause,
                possible: vec![],
                window,
                states: vec![],
                explanation: explanation.to_owned(),
            };
        };
        let clause = if is_blocked_by_itself { S6 } else { self.clause(operation, &explained) };
        let window: Vec<usize> = explained.window.iter().map(number).collect();
        let states = self.states(&component, &explained);
        let explanation = match window.len() {
            1 => "the reply is possible in none of the states that the index may have had".to_owned(),
            count => format!("these {count} operations have no linearization that includes this reply"),
        };
        Violation { operation, clause, possible: explained.possible, window, states, explanation }
    }

    /// Returns whether a linearization may exist if packages that list themselves cannot be removed. Only a SHOULD
    /// forbids that.
    fn is_linearizable_if_kept(&self, component: &mut Component<'_>, meter: &mut Meter<'_>) -> bool {
        component.blocks_own_removal = true;
        let found = self.walk(component, &mut Walk::from_empty_index(component), meter);
        component.blocks_own_removal = false;
        !matches!(found, Ok(Some(_)))
    }

    fn clause(&self, operation: usize, explanation: &Explanation) -> Clause {
        let Explanation { is_contended, was_indexed, .. } = explanation;
        let (Ok(known), false) = (self.requests.of(operation), is_contended) else { return C2 };
        let is_fail = matches!(self.operations[operation].replied, Some((Reply::Fail, _)));
        match (known.command, was_indexed) {
            (Command::Query, _) => S5,
            (Command::Index, Some(true)) => S2,
            (Command::Index, _) => S1,
            (Command::Remove, Some(false)) if is_fail => S4,
            (Command::Remove, _) => S3,
        }
    }

    fn states(&self, component: &Component<'_>, explanation: &Explanation) -> Vec<String> {
        /// The number of states that is still readable.
        const SHOWN_MAX: usize = 8;
        let name = |name: u32| printable(self.requests.names[name as usize]);
        let package = |&(package, value): &(u32, u32)| {
            let package = name(component.packages[package as usize]);
            if value == ABSENT {
                return format!("{package} not indexed");
            }
            let list: Vec<String> = component.list_of(value).iter().map(|&other| name(other)).collect();
            let with = if list.is_empty() { "" } else { " with dependencies " };
            format!("{package} indexed{with}{}", list.join(","))
        };
        let state = |state: &Vec<(u32, u32)>| state.iter().map(package).collect::<Vec<_>>().join("; ");
        explanation.states.iter().take(SHOWN_MAX).map(state).collect()
    }
}
