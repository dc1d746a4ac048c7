//! Judges a replay: follows the plan through the history, and finds every reply that it does not allow.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use fixtures::PackageNumber;
use protocol::index::wire::{Command, Reply};

use super::walk::Ask;
use super::{BROKEN_LINES, BrokenBy, Plan, Step, Walk};
use crate::drive::Ending;
use crate::history::{Failure, FailureKind, What};
use crate::pairing::{Place, Replied, Seen};
use crate::verdict::{Clause, Finding, Verdict, printable};
use crate::workload::{Judge, Progress};

/// The protocol promises to serve this many clients (C1); what happens beyond is no violation.
const CLIENTS_PROMISED: u32 = 100;

/// A time-out that the harness noticed this much too late says something about the harness only.
const LATE_NS_MAX: u64 = 1_000_000_000;

const A1: Clause =
    Clause { id: "A1", says: "each request gets exactly one of OK, FAIL, ERROR, and a line end" };
const A3: Clause = Clause { id: "A3", says: "the connection goes on after each reply" };
const A4: Clause = Clause { id: "A4", says: "no bytes that a client sends end the server" };
const C1: Clause = Clause { id: "C1", says: "at least 100 clients are served at the same time" };
const F1: Clause = Clause { id: "F1", says: "the server says nothing unasked" };
const R1: Clause = Clause { id: "R1", says: "a request has exactly three fields" };
const R2: Clause = Clause { id: "R2", says: "the command is INDEX, REMOVE or QUERY, in capitals and whole" };
const S1: Clause = Clause { id: "S1", says: "INDEX is OK if every dependency is indexed, else FAIL" };
const S2: Clause =
    Clause { id: "S2", says: "INDEX of an indexed package is OK if its new dependencies are indexed" };
const S3: Clause = Clause { id: "S3", says: "REMOVE is OK if no other indexed package lists it, else FAIL" };
const S4: Clause = Clause { id: "S4", says: "REMOVE of a package that is not indexed is OK" };
const S5: Clause = Clause { id: "S5", says: "QUERY is OK if the package is indexed, else FAIL" };

/// The judge of one replay.
#[derive(Debug)]
pub struct ReplayJudge {
    plan: Rc<Plan>,
    clients: Vec<Client>,
    step: Option<Step>,
    /// Which packages have had their `OK` in this step; each is a change of the index.
    is_done: Vec<bool>,
    done_count: u32,
    /// Which packages got `FAIL` when they were last asked for in this step.
    is_refused: Vec<bool>,
    /// How many clients are not done with this step.
    unfinished_count: u32,
    /// How many of them have gone through all of their packages since the last change.
    settled_count: u32,
    answered_count: u64,
    has_connected: bool,
    /// Whether a request was ever answered with anything but `ERROR`.
    has_served: bool,
    /// A connection whose only surplus so far is one `ERROR`: allowed just before the target closes it.
    last_words: Option<Place>,
    line: Vec<u8>,
    dependents: OnceCell<Vec<Vec<PackageNumber>>>,
    findings: Vec<Finding>,
}

#[derive(Debug)]
struct Client {
    walk: Walk,
    /// How many packages were done when the pass that is under way began.
    done_at_pass_begin: u32,
    /// How many were done when this client last went through all of its packages without a change.
    settled_at: Option<u32>,
    /// How many requests of all clients had been answered when this one's last request was sent, roughly: when its
    /// reply before came.
    answered_at_send: u64,
}

impl ReplayJudge {
    pub(super) fn new(plan: Rc<Plan>) -> Self {
        let clients = (0..plan.options.concurrency)
            .map(|client| Client {
                walk: Walk::new(client),
                done_at_pass_begin: 0,
                settled_at: None,
                answered_at_send: 0,
            })
            .collect();
        Self {
            is_done: vec![false; plan.graph.packages().len()],
            is_refused: vec![false; plan.graph.packages().len()],
            plan,
            clients,
            step: None,
            done_count: 0,
            unfinished_count: 0,
            settled_count: 0,
            answered_count: 0,
            has_connected: false,
            has_served: false,
            last_words: None,
            line: Vec::new(),
            dependents: OnceCell::new(),
            findings: Vec::new(),
        }
    }

    fn begin_phase(&mut self, client: u32, phase: u32) {
        let Some(step) = Step::of_phase(phase) else { return };
        if self.step != Some(step) {
            self.step = Some(step);
            self.is_done.fill(false);
            self.is_refused.fill(false);
            self.done_count = 0;
            self.settled_count = 0;
            self.unfinished_count = (0..)
                .zip(&self.clients)
                .filter(|&(client, _)| !self.plan.packages_of(client).is_empty())
                .count()
                .try_into()
                .unwrap_or(u32::MAX);
        }
        let walker = &mut self.clients[client as usize];
        walker.walk.begin(step, &self.plan);
        walker.done_at_pass_begin = 0;
        walker.settled_at = None;
        walker.answered_at_send = self.answered_count;
    }

    fn replied(&mut self, replied: &Replied<'_>) {
        let client = replied.place.client;
        self.has_connected = true;
        self.answered_count += 1;
        let Some((step, ask)) = self.planned(client) else {
            return self.find_foreign_history(client);
        };
        self.plan.write(step, ask, &mut self.line);
        if self.line.strip_suffix(b"\n") != Some(replied.request) {
            return self.find_foreign_history(client);
        }
        let Ok(reply) = Reply::decode(replied.reply) else {
            return self.find_no_reply(replied);
        };
        let (clause, allowed) = allowed(step, ask);
        if !allowed.contains(&reply) {
            self.find_wrong_reply(replied, reply, clause, allowed);
        }
        self.has_served |= reply != Reply::Error;
        self.follow(client, step, ask, reply);
    }

    /// What the plan lets a client ask now.
    fn planned(&self, client: u32) -> Option<(Step, Ask)> {
        let walk = &self.clients.get(client as usize)?.walk;
        Some((walk.step(), walk.ask(&self.plan)?))
    }

    /// Goes on in the plan, and looks whether the step still does.
    fn follow(&mut self, client: u32, step: Step, ask: Ask, reply: Reply) {
        if let Ask::Package(package) = ask {
            self.note_reply(step, package as usize, reply);
        }
        let walker = &mut self.clients[client as usize];
        walker.answered_at_send = self.answered_count;
        let passes_before = walker.walk.passes();
        walker.walk.answered(reply, &self.plan);
        if walker.walk.passes() != passes_before {
            self.end_pass(client, step);
        }
    }

    fn note_reply(&mut self, step: Step, package: usize, reply: Reply) {
        self.is_refused[package] = reply != Reply::Ok;
        let is_done = reply == Reply::Ok || !step.is_repeated();
        if is_done && !self.is_done[package] {
            self.is_done[package] = true;
            self.done_count += 1;
            self.settled_count = 0;
        }
    }

    /// A step stands still when every unfinished client has begun and ended a whole pass since the last change.
    fn end_pass(&mut self, client: u32, step: Step) {
        let walker = &mut self.clients[client as usize];
        let passes = walker.walk.passes();
        let was_settled = walker.settled_at == Some(self.done_count);
        if walker.walk.ask(&self.plan).is_none() {
            self.unfinished_count -= 1;
            self.settled_count -= u32::from(was_settled);
        } else if walker.done_at_pass_begin == self.done_count && !was_settled {
            walker.settled_at = Some(self.done_count);
            self.settled_count += 1;
        }
        walker.done_at_pass_begin = self.done_count;
        if self.unfinished_count > 0 && self.settled_count == self.unfinished_count {
            self.find_no_progress(step);
        } else if passes >= self.plan.options.rounds_max && walker.walk.ask(&self.plan).is_some() {
            self.find_too_many_rounds(client, step, passes);
        }
    }
}

impl Judge for ReplayJudge {
    fn observe(&mut self, seen: &Seen<'_>) {
        match seen {
            Seen::Phase { client, phase } => self.begin_phase(*client, *phase),
            Seen::Replied(replied) => self.replied(replied),
            Seen::Surplus { place, bytes: b"ERROR\n" } if self.last_words.is_none() => {
                self.last_words = Some(*place)
            }
            Seen::Surplus { place, bytes } => self.find_surplus(place, bytes),
            Seen::Unanswered { place, request, partial, end, .. } => {
                self.find_unanswered(place, request, partial, end);
            }
            Seen::EndedAtRest { place } => {
                if self.last_words.is_some_and(|said| said.connection == place.connection) {
                    self.last_words = None;
                }
            }
            Seen::NotOpened { client, failure } => self.find_not_opened(*client, failure),
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            phase: self.step.map_or(0, Step::phase),
            done: self.done_count.into(),
            of: self.is_done.len() as u64,
        }
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn finish(&mut self, ending: Ending) -> Verdict {
        if let Some(place) = self.last_words.take() {
            self.find_surplus(&place, b"ERROR\n");
        }
        if self.findings.is_empty() {
            self.find_how_it_ended(ending);
        }
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass)
    }
}

/// The replies that a request may have, and the clause that says so.
fn allowed(step: Step, ask: Ask) -> (Clause, &'static [Reply]) {
    match ask {
        Ask::Broken(which) if BROKEN_LINES[which].1 == BrokenBy::Fields => (R1, &[Reply::Error]),
        Ask::Broken(_) => (R2, &[Reply::Error]),
        Ask::Package(_) => match (step.command(), step.only_reply()) {
            (Command::Query, Some(Reply::Ok)) => (S5, &[Reply::Ok]),
            (Command::Query, _) => (S5, &[Reply::Fail]),
            (Command::Index, _) => (S1, &[Reply::Ok, Reply::Fail]),
            (Command::Remove, _) => (S3, &[Reply::Ok, Reply::Fail]),
        },
    }
}

/// What is found, and how it is said.
impl ReplayJudge {
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
        let phase = self.step.map(Step::name);
        let finding =
            Finding { verdict, summary, clause, client, phase, sent: None, came: None, had_to_come: None };
        self.findings.push(finding);
        self.findings.last_mut().expect("it was pushed just now")
    }

    fn find_wrong_reply(&mut self, replied: &Replied<'_>, reply: Reply, clause: Clause, allowed: &[Reply]) {
        let client = Some(replied.place.client);
        // A target that refuses a client says ERROR and closes, so a first ERROR beside others that are served is one.
        let is_refusal = reply == Reply::Error && replied.place.replies == 0 && self.has_served;
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

    fn find_no_reply(&mut self, replied: &Replied<'_>) {
        if let Some(other) = foreign_speech(replied.reply) {
            return self.find_foreign_speech(other);
        }
        let client = Some(replied.place.client);
        let finding = self.find(Verdict::Fail, Some(A1), client, "a reply that is none of the three".into());
        finding.sent = Some(printable(&[replied.request, b"\n"].concat()));
        finding.came = Some(printable(&[replied.reply, b"\n"].concat()));
        finding.had_to_come = Some(one_of(&[Reply::Ok, Reply::Fail, Reply::Error]));
    }

    fn find_surplus(&mut self, place: &Place, bytes: &[u8]) {
        if let Some(other) = foreign_speech(bytes)
            && self.answered_count == 0
        {
            return self.find_foreign_speech(other);
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

    fn find_unanswered(&mut self, place: &Place, request: &[u8], partial: &[u8], end: &What<'_>) {
        if let Some(other) = foreign_speech(partial) {
            return self.find_foreign_speech(other);
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

    fn find_not_opened(&mut self, client: u32, failure: &Failure) {
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
    fn find_no_progress(&mut self, step: Step) {
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

    fn find_too_many_rounds(&mut self, client: u32, step: Step, passes: u32) {
        let summary = format!(
            "a client went {passes} times through its packages in step {} and was not done; --rounds-max allows more",
            step.name()
        );
        self.find(Verdict::Unknown, None, Some(client), summary);
    }

    fn find_how_it_ended(&mut self, ending: Ending) {
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

    fn find_foreign_speech(&mut self, other: &str) {
        self.find(
            Verdict::Unreachable,
            None,
            None,
            format!("the target speaks {other}, not the package index"),
        );
    }

    fn find_foreign_history(&mut self, client: u32) {
        let summary = "the history holds a request that is not in the plan".into();
        self.find(Verdict::Unknown, None, Some(client), summary);
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
