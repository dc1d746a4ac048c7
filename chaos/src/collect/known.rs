//! What a target does without a fault: no scene is accused of it.

use std::collections::BTreeSet;

use protocol::Clause;
use protocol::text::printable;
use verdict::Finding;

use crate::harm::evidence::{Incident, IncidentTime, Instead, Noted};

/// What the sessions of a run have shown about a target that is not at fault for it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The clause of a target that loses lines which arrive together, once a baseline has shown that.
    pub(crate) lost_lines: Option<Clause>,
    /// The incorrect replies that bystanders receive before the first fault; newcomers receive them too.
    wrong_replies: BTreeSet<WrongReply>,
    /// Whether a session has ended. What later ones show before their first fault may be the consequence of an earlier fault.
    has_session: bool,
}

/// A kind of incorrect reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct WrongReply {
    command: String,
    expected: String,
    actual: String,
}

/// The number of characters in which kinds of replies differ.
const REPLY_CHARS: usize = 8;

impl WrongReply {
    fn of(incident: &Incident) -> Option<Self> {
        let Incident::IncorrectReply { request, actual, expected, .. } = incident else { return None };
        Some(Self { command: command_of(request), expected: expected.clone(), actual: beginning_of(actual) })
    }

    /// Returns whether the incident is that a newcomer with this request received such a reply.
    fn explains(&self, incident: &Incident, newcomer: &[u8]) -> bool {
        let Incident::NewcomerNotServed(Instead::Reply(actual)) = incident else { return false };
        self.command == command_of(&printable(newcomer)) && self.actual == beginning_of(actual)
    }
}

fn command_of(request: &str) -> String {
    request.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn beginning_of(reply: &str) -> String {
    reply.trim_end_matches("\\n").chars().take(REPLY_CHARS).collect()
}

/// Returns whether an incident is that a newcomer with this request received the incorrect reply that bystanders of the same process
/// received before the first fault.
pub(super) fn is_usual(incident: &Incident, newcomer: &[u8], of_process: &[Noted]) -> bool {
    let before = of_process.iter().filter(|noted| noted.time == IncidentTime::BeforeFaults);
    before.filter_map(|noted| WrongReply::of(&noted.incident)).any(|kind| kind.explains(incident, newcomer))
}

impl Known {
    /// Returns whether bystanders receive incorrect replies without a fault.
    pub(crate) fn has_wrong_replies(&self) -> bool {
        !self.wrong_replies.is_empty()
    }

    /// Returns whether a finding about a client at fault is that it received such a reply.
    pub(crate) fn explains(&self, finding: &Finding) -> bool {
        let Finding { sent: Some(sent), actual: Some(actual), expected: Some(expected), .. } = finding else {
            return false;
        };
        let (command, actual) = (command_of(sent), beginning_of(actual));
        let is_same = |kind: &WrongReply| {
            kind.command == command && kind.actual == actual && expected.contains(&kind.expected)
        };
        self.wrong_replies.iter().any(is_same)
    }

    /// Removes the incidents that are no harm from those of all scenes of a session, because the target does the same before the first
    /// fault of the run. The first one of each kind that a bystander received remains. `newcomer` is the request of newcomers.
    pub(crate) fn remove_from<'s>(
        &mut self,
        scenes: impl Iterator<Item = &'s mut Vec<Noted>>,
        newcomer: &[u8],
    ) {
        let mut scenes: Vec<&mut Vec<Noted>> = scenes.collect();
        let mut new = BTreeSet::new();
        for noted in scenes.iter().flat_map(|incidents| incidents.iter()) {
            if noted.time == IncidentTime::BeforeFaults
                && !self.has_session
                && let Some(kind) = WrongReply::of(&noted.incident)
            {
                new.insert(kind);
            }
        }
        let mut shown = BTreeSet::new();
        for incidents in &mut scenes {
            incidents.retain(|noted| {
                if self.wrong_replies.union(&new).any(|kind| kind.explains(&noted.incident, newcomer)) {
                    return false;
                }
                let Some(kind) = WrongReply::of(&noted.incident) else { return true };
                let is_first = noted.time == IncidentTime::BeforeFaults && new.contains(&kind);
                !self.wrong_replies.contains(&kind) && !new.contains(&kind) || is_first && shown.insert(kind)
            });
        }
        self.wrong_replies.append(&mut new);
        self.has_session = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harm::evidence::IncidentTime::{After, BeforeFaults, During};

    const NEWCOMER: &[u8] = b"QUERY|newcomer|\n";

    fn noted(request: &str, actual: &str, time: IncidentTime) -> Noted {
        let [request, actual, expected] = [request, actual, "OK"].map(str::to_owned);
        Noted {
            client: Some(1),
            incident: Incident::IncorrectReply { request, actual, expected, is_refusal: false },
            time,
        }
    }

    #[test]
    fn what_a_target_does_before_the_first_fault_is_shown_once() {
        let mut known = Known::default();
        let mut first =
            vec![noted("INDEX|a-1|", "ERROR", BeforeFaults), noted("INDEX|a-2|", "ERROR", During)];
        let mut second = vec![noted("INDEX|a-3|", "ERROR", After), noted("QUERY|b|", "FAIL", After)];
        known.remove_from([&mut first, &mut second].into_iter(), NEWCOMER);
        assert_eq!(first, [noted("INDEX|a-1|", "ERROR", BeforeFaults)]);
        assert_eq!(second, [noted("QUERY|b|", "FAIL", After)], "another kind of reply");
        let mut later =
            vec![noted("INDEX|c-1|", "ERROR", BeforeFaults), noted("INDEX|c-2|", "ERROR", During)];
        known.remove_from([&mut later].into_iter(), NEWCOMER);
        assert_eq!(later, []);
        // A store that a fault has damaged: the next process gives incorrect replies before its first fault.
        let mut damaged = vec![noted("QUERY|d|", "ERROR", BeforeFaults), noted("QUERY|e|", "ERROR", During)];
        known.remove_from([&mut damaged].into_iter(), NEWCOMER);
        assert_eq!(damaged.len(), 2);
    }
    #[test]
    fn a_client_at_fault_that_receives_what_bystanders_received_before_shows_no_harm() {
        let mut known = Known::default();
        known.remove_from([&mut vec![noted("QUERY|a|", "ERROR", BeforeFaults)]].into_iter(), NEWCOMER);
        let finding = |sent: &str, expected: &str, actual: &str| {
            let mut finding = Finding::new(verdict::Verdict::Fail, "incorrect reply");
            finding.show(sent.to_owned(), actual.to_owned(), expected.to_owned());
            finding
        };
        assert!(known.explains(&finding(r"QUERY|b|\n", r"OK\n", r"ERROR\n")));
        assert!(!known.explains(&finding(r"QUERY|b|\n", r"OK\n", r"FAIL\n")));
        assert!(!known.explains(&finding(r"QUERY|b|\n", r"FAIL\n", r"ERROR\n")), "bystanders expected OK");
        assert!(!known.explains(&finding(r"INDEX|b|\n", r"OK\n", r"ERROR\n")));
    }

    #[test]
    fn a_newcomer_that_receives_what_bystanders_received_before_was_not_harmed() {
        let of_newcomer = |actual: &str| Noted {
            client: None,
            incident: Incident::NewcomerNotServed(Instead::Reply(actual.to_owned())),
            time: After,
        };
        let mut scene =
            vec![noted("QUERY|a|", "ERROR", BeforeFaults), of_newcomer("ERROR"), of_newcomer("NO")];
        assert!(is_usual(&scene[1].incident, NEWCOMER, &scene));
        assert!(!is_usual(&scene[2].incident, NEWCOMER, &scene));
        let mut known = Known::default();
        known.remove_from([&mut scene].into_iter(), NEWCOMER);
        assert_eq!(scene, [noted("QUERY|a|", "ERROR", BeforeFaults), of_newcomer("NO")]);
        // Another request of bystanders says nothing about that of the newcomer.
        let mut other = vec![noted("INDEX|a|", "ERROR", BeforeFaults), of_newcomer("ERROR")];
        assert!(!is_usual(&other[1].incident, NEWCOMER, &other));
        Known::default().remove_from([&mut other].into_iter(), NEWCOMER);
        assert_eq!(other.len(), 2);
    }
}
