//! What the judge of a replay finds, and how it says it.

use std::time::Duration;

use fixtures::PackageNumber;
use protocol::index::wire::Reply;

use super::{Ask, ReplayJudge, Step};
use crate::drive::Ending;
use crate::history::{Failure, FailureKind, What};
use crate::pairing::{Place, Replied};
use crate::verdict::{Clause, Finding, Verdict, printable};
use crate::workload::{Judge, Progress};

/// The protocol promises to serve this many clients (C1); what happens beyond is no violation.
const CLIENTS_PROMISED: u32 = 100;

/// A time-out that the harness noticed this much too late says something about the harness only.
const LATE_NS_MAX: u64 = 1_000_000_000;

pub(super) const A1: Clause =
    Clause { id: "A1", says: "each request gets exactly one of OK, FAIL, ERROR, and a line end" };
pub(super) const A3: Clause = Clause { id: "A3", says: "the connection goes on after each reply" };
pub(super) const A4: Clause = Clause { id: "A4", says: "no bytes that a client sends end the server" };
pub(super) const C1: Clause = Clause { id: "C1", says: "at least 100 clients are served at the same time" };
pub(super) const F1: Clause = Clause { id: "F1", says: "the server says nothing unasked" };
pub(super) const R1: Clause = Clause { id: "R1", says: "a request has exactly three fields" };
pub(super) const R2: Clause =
    Clause { id: "R2", says: "the command is INDEX, REMOVE or QUERY, in capitals and whole" };
pub(super) const S1: Clause =
    Clause { id: "S1", says: "INDEX is OK if every dependency is indexed, else FAIL" };
pub(super) const S2: Clause =
    Clause { id: "S2", says: "INDEX of an indexed package is OK if its new dependencies are indexed" };
pub(super) const S3: Clause =
    Clause { id: "S3", says: "REMOVE is OK if no other indexed package lists it, else FAIL" };
pub(super) const S4: Clause = Clause { id: "S4", says: "REMOVE of a package that is not indexed is OK" };
pub(super) const S5: Clause = Clause { id: "S5", says: "QUERY is OK if the package is indexed, else FAIL" };

impl ReplayJudge {
    pub(super) fn find_wrong_reply(
        &mut self,
        replied: &Replied<'_>,
        reply: Reply,
        clause: Clause,
        allowed: &[Reply],
    ) {
        let client = Some(replied.place.client);
        // A target that refuses a client says ERROR and closes, so a first ERROR beside others that are served is one.
        let is_beyond = self.plan.options.concurrency > CLIENTS_PROMISED;
        let is_refusal =
            reply == Reply::Error && replied.place.replies == 0 && (self.has_served || is_beyond);
        let (clause, summary) = if is_refusal {
            (C1, "a new client was answered ERROR, while others were served")
        } else {
            (clause, "a wrong reply")
        };
        let finding = self.find(Verdict::Fail, Some(clause), client, summary.into());
        finding.sent = Some(printable(&[replied.request, b"\n"].concat()));
        finding.came = Some(printable(&[replied.reply, b"\n"].concat()));
        finding.had_to_come = Some(one_of(allowed));
    }

    pub(super) fn find_no_reply(&mut self, replied: &Replied<'_>) {
        if self.is_foreign_speech(replied.reply) {
            return;
        }
        let client = Some(replied.place.client);
        let finding = self.find(Verdict::Fail, Some(A1), client, "a reply that is none of the three".into());
        finding.sent = Some(printable(&[replied.request, b"\n"].concat()));
        finding.came = Some(printable(&[replied.reply, b"\n"].concat()));
        finding.had_to_come = Some(one_of(&[Reply::Ok, Reply::Fail, Reply::Error]));
    }

    pub(super) fn find_surplus(&mut self, place: &Place, bytes: &[u8]) {
        if self.is_foreign_speech(bytes) {
            return;
        }
        let (clause, summary) = if place.has_sent {
            (A1, "bytes beyond the one reply to each request")
        } else {
            (F1, "bytes before anything was asked")
        };
        let finding = self.find(Verdict::Fail, Some(clause), Some(place.client), summary.into());
        finding.came = Some(printable(bytes));
        finding.had_to_come = Some("nothing".into());
    }

    pub(super) fn find_unanswered(&mut self, place: &Place, request: &[u8], partial: &[u8], end: &What<'_>) {
        if self.is_foreign_speech(partial) {
            return;
        }
        let client = place.client;
        let others_were_served = self.answered_count > self.clients[client as usize].answered_at_send;
        let (verdict, clause, summary, how) = match end {
            What::TimedOut { waited_ns, late_ns } if *late_ns > LATE_NS_MAX => {
                let summary =
                    format!("no reply in time, but the harness itself was held up for {}", seconds(*late_ns));
                (Verdict::Unknown, None, summary, format!("nothing within {}", seconds(*waited_ns)))
            }
            What::TimedOut { waited_ns, late_ns } => {
                let waited = seconds(waited_ns - late_ns);
                let (clause, summary) = if others_were_served && place.replies == 0 {
                    (C1, "no reply in time on a new connection, while other clients were served")
                } else {
                    (A1, "no reply in time")
                };
                (Verdict::Fail, Some(clause), summary.to_owned(), format!("nothing within {waited}"))
            }
            What::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                let summary = "this machine ran out of what a connection needs".to_owned();
                (Verdict::Unknown, None, summary, message.clone())
            }
            end => {
                let how = match end {
                    What::Lost(failure) => failure.message.clone(),
                    _ => "end of stream".to_owned(),
                };
                let is_refusal = place.replies == 0 && self.plan.options.concurrency > 1;
                let (clause, summary) = if is_refusal {
                    (C1, "the target closed a connection before its first reply")
                } else {
                    (A3, "the target closed a connection instead of replying")
                };
                (Verdict::Fail, Some(clause), summary.to_owned(), how)
            }
        };
        let finding = self.find(verdict, clause, Some(client), summary);
        finding.sent = Some(printable(&[request, b"\n"].concat()));
        finding.came = Some(match partial {
            [] => how,
            partial => format!("{} without a line end, then {how}", printable(partial)),
        });
        finding.had_to_come = Some(one_of(&[Reply::Ok, Reply::Fail, Reply::Error]));
    }

    pub(super) fn find_not_opened(&mut self, client: u32, failure: &Failure) {
        let Failure { kind, message } = failure;
        let (verdict, clause, summary) = match kind {
            FailureKind::OutOfResources => {
                (Verdict::Unknown, None, format!("this machine ran out of descriptors or ports: {message}"))
            }
            _ if !self.has_connected => {
                (Verdict::Unreachable, None, format!("the target takes no connection: {message}"))
            }
            FailureKind::Refused => (
                Verdict::Fail,
                Some(A4),
                format!("the target took connections before and takes none now: {message}"),
            ),
            _ => (Verdict::Fail, Some(C1), format!("a connection could not be opened: {message}")),
        };
        self.find(verdict, clause, Some(client), summary);
    }

    /// The step stands still: nobody has changed anything, and everybody has tried everything since.
    pub(super) fn find_no_progress(&mut self, step: Step) {
        let must_be_ok =
            |&(package, is_refused): &(PackageNumber, &bool)| *is_refused && self.must_be_ok(step, package);
        let stuck = (0..).zip(&self.is_refused).find(must_be_ok);
        let (Some((package, _)), true) = (stuck, step != Step::Remove) else {
            self.find(
                Verdict::Unknown,
                None,
                None,
                "packages of the fixture cannot be removed: others, that are not in it, may depend on them; \
                 start the target with an empty index"
                    .into(),
            );
            return;
        };
        let (clause, why) = match (step, self.is_done[package as usize]) {
            (Step::Index, false) => (S1, "each of its dependencies was answered OK"),
            (Step::Index, true) => (S2, "it is indexed, and each of its dependencies was answered OK"),
            (_, false) => (S3, "each package that lists it was removed with OK"),
            (_, true) => (S4, "it is removed already"),
        };
        let client = self.plan.client_of(package);
        self.plan.write(step, Ask::Package(package), &mut self.line);
        let sent = printable(&self.line);
        let summary = format!(
            "refused for ever, though {why}: since the last change every unfinished client has gone through all of \
             its packages once more"
        );
        let finding = self.find(Verdict::Fail, Some(clause), Some(client), summary);
        finding.sent = Some(sent);
        finding.came = Some(printable(Reply::Fail.line()));
        finding.had_to_come = Some(one_of(&[Reply::Ok]));
    }

    /// Whether nothing that is known to be indexed stands in the way of a package.
    fn must_be_ok(&self, step: Step, package: PackageNumber) -> bool {
        let is_done = |other: &PackageNumber| self.is_done[*other as usize];
        match step {
            Step::Index => self.plan.graph.package(package).dependencies.iter().all(is_done),
            _ => self.dependents()[package as usize].iter().all(is_done),
        }
    }

    /// Who lists whom: needed only once something went wrong.
    fn dependents(&self) -> &[Vec<PackageNumber>] {
        self.dependents.get_or_init(|| {
            let mut dependents = vec![Vec::new(); self.is_done.len()];
            for (number, package) in (0..).zip(self.plan.graph.packages()) {
                for &dependency in &package.dependencies {
                    dependents[dependency as usize].push(number);
                }
            }
            dependents
        })
    }

    pub(super) fn find_too_many_rounds(&mut self, client: u32, step: Step, passes: u32) {
        let summary = format!(
            "a client went {passes} times through its packages in step {} and was not done; --rounds-max allows more",
            step.name()
        );
        self.find(Verdict::Unknown, None, Some(client), summary);
    }

    pub(super) fn find_how_it_ended(&mut self, ending: Ending) {
        let summary = match ending {
            Ending::Finished if self.step == Some(Step::VerifyRemoved) => return,
            Ending::Finished | Ending::Stopped => "the run ended before it was decided".to_owned(),
            Ending::Interrupted => "interrupted".to_owned(),
            Ending::TimeOver => {
                let Progress { done, of, .. } = self.progress();
                let step = self.step.map_or("connecting", Step::name);
                format!(
                    "the time for the run was over in step {step}, {done} of {of} packages done; --deadline allows more"
                )
            }
        };
        self.find(Verdict::Unknown, None, None, summary);
    }

    pub(super) fn find_foreign_history(&mut self, client: u32) {
        let summary = "the history holds a request that is not in the plan".into();
        self.find(Verdict::Unknown, None, Some(client), summary);
    }

    fn find(
        &mut self,
        verdict: Verdict,
        clause: Option<Clause>,
        client: Option<u32>,
        summary: String,
    ) -> &mut Finding {
        // Beyond a hundred clients the protocol promises nothing about being served at all.
        let is_beyond = clause == Some(C1) && self.plan.options.concurrency > CLIENTS_PROMISED;
        let (verdict, summary) = if is_beyond && verdict == Verdict::Fail {
            (Verdict::Unknown, format!("{summary}; beyond {CLIENTS_PROMISED} clients nothing is promised"))
        } else {
            (verdict, summary)
        };
        self.is_found.extend(client);
        let phase = self.step.map(Step::name);
        let finding =
            Finding { verdict, summary, clause, client, phase, sent: None, came: None, had_to_come: None };
        self.findings.push(finding);
        self.findings.last_mut().expect("it was pushed just now")
    }

    /// Whether the target gives away that it speaks another protocol, which is then the only thing to be said of it.
    fn is_foreign_speech(&mut self, bytes: &[u8]) -> bool {
        let Some(other) = foreign_speech(bytes).filter(|_| !self.has_served) else {
            return false;
        };
        self.is_foreign = true;
        self.findings.clear();
        let summary = format!("the target speaks {other}, not the package index");
        self.find(Verdict::Unreachable, None, None, summary);
        true
    }
}

/// Another protocol that a reply gives away.
fn foreign_speech(reply: &[u8]) -> Option<&'static str> {
    const SIGNS: [(&[u8], &str); 6] = [
        (b"HTTP/", "HTTP"),
        (b"<!DOCTYPE", "HTTP"),
        (b"<html", "HTTP"),
        (b"\x15\x03", "TLS"),
        (b"SSH-", "SSH"),
        (b"220 ", "SMTP or FTP"),
    ];
    SIGNS.iter().find(|(sign, _)| reply.starts_with(sign)).map(|(_, name)| *name)
}

fn one_of(replies: &[Reply]) -> String {
    let lines: Vec<String> = replies.iter().map(|reply| printable(reply.line())).collect();
    lines.join(" or ")
}

fn seconds(ns: u64) -> String {
    format!("{:.1} s", Duration::from_nanos(ns).as_secs_f64())
}
