//! A violation in words: the clause, the window, what was in before.

use protocol::Clause;
use protocol::index::clauses::{C2, R1, R2, R3, S1, S2, S3, S4, S5, S6};
use protocol::index::wire::{Command, Malformed, Reply};

use super::component::Component;
use super::explain::{Explanation, explain, overlapping};
use super::meter::{Meter, Used};
use super::states::OUT;
use super::walk::Walk;
use super::{Search, Violation};
use protocol::text::printable;

impl Search<'_> {
    /// A reply that is wrong for what is no request, or for a package that cannot have been in.
    pub(super) fn contradiction(&self, operation: usize) -> Violation {
        let (clause, possible, why) = match self.requests.of(operation) {
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
                let why = format!("{what} was not in at any moment: no INDEX can have put it there");
                (clause, possible, why)
            }
        };
        let possible = vec![possible];
        Violation { operation, clause, possible, window: vec![operation], states: vec![], why }
    }

    /// A reply by which a component had no order any more.
    pub(super) fn violation(&self, operation: usize, part: usize, event: u32) -> Violation {
        let used = Used::default();
        let meter = || Meter::new(self.budget, &used, self.budget.component_nodes_max, self.bytes_max);
        let mut component = Component::new(self.operations, self.requests, self.parts, part);
        let is_kept = component.lists_itself() && self.has_order_if_kept(&mut component, &mut meter());
        let explained = explain(&mut component, event, &mut meter());
        let number = |&of: &u32| component.moves[of as usize].number as usize;
        let Ok(explanation) = explained else {
            let window = overlapping(&component, event).iter().map(number).collect();
            let clause = if is_kept { S6 } else { C2 };
            let why = "no order has it; there was no budget left to find the fewest operations that show it";
            return Violation {
                operation,
                clause,
                possible: vec![],
                window,
                states: vec![],
                why: why.to_owned(),
            };
        };
        let clause = if is_kept { S6 } else { self.clause(operation, &explanation) };
        let window: Vec<usize> = explanation.window.iter().map(number).collect();
        let states = self.states(&component, &explanation);
        let why = match window.len() {
            1 => "it fits none of the states that there may have been".to_owned(),
            count => format!("no order of these {count} operations has it"),
        };
        Violation { operation, clause, possible: explanation.possible, window, states, why }
    }

    /// Whether there may be an order if packages that list themselves are kept in by that, which only a SHOULD forbids.
    fn has_order_if_kept(&self, component: &mut Component<'_>, meter: &mut Meter<'_>) -> bool {
        component.is_kept_by_itself = true;
        let found = self.walk(component, &mut Walk::from_nothing(component), meter);
        component.is_kept_by_itself = false;
        !matches!(found, Ok(Some(_)))
    }

    fn clause(&self, operation: usize, explanation: &Explanation) -> Clause {
        let Explanation { is_contended, was_in, .. } = explanation;
        let (Ok(known), false) = (self.requests.of(operation), is_contended) else { return C2 };
        let is_fail = matches!(self.operations[operation].replied, Some((Reply::Fail, _)));
        match (known.command, was_in) {
            (Command::Query, _) => S5,
            (Command::Index, Some(true)) => S2,
            (Command::Index, _) => S1,
            (Command::Remove, Some(false)) if is_fail => S4,
            (Command::Remove, _) => S3,
        }
    }

    fn states(&self, component: &Component<'_>, explanation: &Explanation) -> Vec<String> {
        /// More nobody looks at.
        const SHOWN_MAX: usize = 8;
        let name = |name: u32| printable(self.requests.names[name as usize]);
        let package = |&(package, value): &(u32, u32)| {
            let package = name(component.packages[package as usize]);
            if value == OUT {
                return format!("{package} out");
            }
            let list: Vec<String> = component.list_of(value).iter().map(|&other| name(other)).collect();
            let with = if list.is_empty() { "" } else { " with " };
            format!("{package} in{with}{}", list.join(","))
        };
        let state = |state: &Vec<(u32, u32)>| state.iter().map(package).collect::<Vec<_>>().join("; ");
        explanation.states.iter().take(SHOWN_MAX).map(state).collect()
    }
}
