//! The harm verdict: the one place that decides whether a fault did harm.
//!
//! [`decide`] maps the [`Evidence`] of a scene to *held*, *warned*, *harmed* or *unknown*: the verdict of the worst
//! incident, whose severities are in `severity`. It is pure: other modules collect evidence, and nothing else judges it. [`strict`] and [`of_run`] derive the verdicts of a report.

pub(crate) mod evidence;
mod severity;
#[cfg(test)]
mod tests;

use protocol::{Clause, Level};
use verdict::{Finding, Verdict};

use crate::harm::evidence::{
    AtFault, Delays, Evidence, Incident, IncidentTime, Noted, Progress, Requirements,
};
use crate::percentile::percentile;

/// The time within which a client should be served, in nanoseconds: a newcomer, and one whose reply is delayed by the work that the target
/// has with other clients.
const SERVED_NS_SHOULD: u64 = 1_000_000_000;

/// If the protocol promises service during a fault, a target may refuse one request in this number.
const REFUSED_ONE_IN: u64 = 100;

/// The smallest number of replies of which percentiles are compared.
pub(crate) const LATENCIES_MIN: usize = 20;

/// The 99th percentile may grow by this factor, …
const LATENCY_FACTOR_MAX: u64 = 5;

/// … or by this time in nanoseconds, whichever is longer.
pub(crate) const LATENCY_NS_MORE_MAX: u64 = 50_000_000;

/// The lateness of the harness, in nanoseconds, on a machine that is too busy to tell whether a target is slow.
const BUSY_NS: u64 = 100_000_000;

/// The verdict on a scene with its reasons.
#[derive(Clone, Debug)]
pub(crate) struct Harm {
    /// The verdict; [`word`] returns its name.
    pub(crate) verdict: Verdict,
    /// What the verdict is based on, worst first.
    pub(crate) findings: Vec<Finding>,
    /// Why the scene is inconclusive or was not run.
    pub(crate) cause: Option<String>,
    /// Whether the only finding is that bystanders waited longer, which a busy machine also causes, or that the target was
    /// busy, which it may be with late work.
    pub(crate) is_only_slow: bool,
    /// Whether the fault ended the target, as it is meant to.
    pub(crate) has_ended_target: bool,
    /// Whether clients waited for a reply without end before the first fault, so that no fault can be judged.
    pub(crate) is_without_fault: bool,
}

impl Harm {
    /// Returns the verdict on a scene that was not run.
    pub(crate) fn not_run(cause: &str) -> Self {
        Self {
            verdict: Verdict::NotRun,
            findings: Vec::new(),
            cause: Some(cause.to_owned()),
            is_only_slow: false,
            has_ended_target: false,
            is_without_fault: false,
        }
    }

    /// Returns the verdict on a scene that the time limit of the program has left out.
    pub(crate) fn undecided(cause: &str) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::not_run(cause) }
    }

    /// Returns whether a repetition may decide the scene: delays of the machine may have been the reason.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.is_only_slow || self.verdict == Verdict::Unknown
    }

    /// Makes slowness that was seen once inconclusive, for this reason: on a busy machine it may be that of the machine.
    pub(crate) fn unconfirmed(mut self, reason: &str) -> Self {
        for finding in self.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Warn) {
            finding.verdict = Verdict::Unknown;
            finding.reason = Some(reason.to_owned());
        }
        self.verdict = Verdict::Unknown;
        self
    }

    /// Adds that the target, which was started again after the fault had ended it, does not serve a new client.
    pub(crate) fn not_serving_again(mut self, clause: Clause) -> Self {
        self.findings.insert(0, severity::not_serving_again(clause));
        self.verdict = Verdict::Fail;
        self
    }

    /// Adds why the clients of this scene did not wait as long as the protocol allows.
    pub(crate) fn note_short_waits(&mut self) {
        let is_wait = |finding: &&mut Finding| {
            finding.reason.is_none()
                && finding.actual.as_ref().is_some_and(|actual| actual.starts_with("nothing within"))
        };
        for finding in self.findings.iter_mut().filter(is_wait) {
            finding.reason = Some(severity::SHORT_WAIT.to_owned());
        }
    }

    /// Combines the verdict on a sequel with the verdict on the scene before it.
    pub(crate) fn after(mut self, mut before: Self) -> Self {
        before.findings.append(&mut self.findings);
        self.findings = worst_first(before.findings);
        self.verdict = self.verdict.max(before.verdict);
        self.cause = self.cause.or(before.cause);
        // A sequel cannot be repeated without the scene before it.
        self.is_only_slow = false;
        self
    }
}

/// Decides whether a fault did harm.
pub(crate) fn decide(evidence: &Evidence) -> Harm {
    let Evidence { requirements, progress, target_lost, incidents, violations, at_fault, delays, .. } =
        evidence;
    let mut findings = Vec::new();
    let has_ended_target =
        target_lost.is_some() && requirements.ends_target && *progress != Progress::NotBegun;
    let unwanted_loss = target_lost.clone().filter(|_| !has_ended_target);
    findings.extend(unwanted_loss.map(|how| severity::target_lost(how, requirements)));
    // A violated invariant is often the cause of an incident.
    findings.extend(violations.iter().map(|finding| of_violation(finding.clone(), requirements)));
    findings.extend(incidents.iter().filter_map(|noted| of_incident(noted, requirements)));
    findings.extend(of_refusals(evidence));
    let late_newcomer = of_newcomer(evidence);
    let is_machine = |finding: &Finding| finding.verdict == Verdict::Unknown;
    let has_other_harm = !findings.is_empty() || late_newcomer.as_ref().is_some_and(|late| !is_machine(late));
    let slow: Vec<Finding> =
        late_newcomer.into_iter().chain(of_latencies(evidence)).chain(of_idle_cpu(evidence)).collect();
    let is_slow = !slow.is_empty();
    findings.extend(slow);
    if *progress == Progress::Complete {
        let others_wait = incidents.iter().any(|noted| noted.incident.is_silence());
        findings.extend(of_clients_at_fault(at_fault, others_wait, *delays, requirements));
    }
    let findings = worst_first(findings);
    let cause = cause_of(evidence, has_ended_target, findings.is_empty());
    let verdict = match (findings.first(), &cause) {
        (Some(finding), _) => finding.verdict,
        (None, None) => Verdict::Pass,
        // Without proof that the fault occurred, the target may not have held anything.
        // Nor may it where the replies that would block it were lost; the baseline has reported that.
        // A target that was too slow for a scene cannot be asked again for more, unless the machine was the reason.
        (None, Some(_))
            if *progress == Progress::Complete
                && at_fault.lost_lines.is_none()
                && !at_fault.cannot_be_blocked
                && (at_fault.left_out.is_none() || delays.harness_ns > BUSY_NS) =>
        {
            Verdict::Unknown
        }
        (None, Some(_)) => Verdict::NotRun,
    };
    let is_only_slow =
        is_slow && !has_other_harm && findings.iter().all(|finding| finding.verdict != Verdict::Fail);
    let is_silent_before =
        |noted: &Noted| noted.time == IncidentTime::BeforeFaults && noted.incident.is_silence();
    let is_without_fault = findings.first().is_some_and(|finding| finding.verdict == Verdict::Fail)
        && incidents.iter().any(is_silent_before);
    Harm { verdict, findings, cause, is_only_slow, has_ended_target, is_without_fault }
}

/// Returns the verdict that a report shows: with `--strict`, a violated SHOULD is a failure, also where something else is undecided.
pub(crate) fn strict(harm: &Harm, is_strict: bool) -> Verdict {
    let is_violated = |finding: &Finding| finding.verdict == Verdict::Warn;
    if is_strict && (harm.verdict == Verdict::Warn || harm.findings.iter().any(is_violated)) {
        Verdict::Fail
    } else {
        harm.verdict
    }
}

/// Returns the verdict on a run from the verdicts on its scenes.
pub(crate) fn of_run<'h>(scenes: impl Iterator<Item = &'h Harm>, is_strict: bool) -> Verdict {
    // Inconclusive latency could at worst be a warning, which does not change the exit code.
    let is_counted = |harm: &&Harm| is_strict || !harm.is_only_slow || harm.verdict != Verdict::Unknown;
    let worst = scenes.filter(is_counted).map(|harm| strict(harm, is_strict)).max();
    // If no scene was run, nothing was decided.
    worst.filter(|worst| *worst > Verdict::NotRun).unwrap_or(Verdict::Unknown)
}

/// Returns the word for a verdict on a scene.
#[must_use]
pub(crate) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass | Verdict::Expected => "held",
        Verdict::Warn => "warned",
        Verdict::Fail => "harmed",
        Verdict::Unknown | Verdict::Unreachable => "unknown",
        Verdict::NotRun => "not run",
    }
}

fn worst_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    findings
}

fn of_incident(noted: &Noted, requirements: &Requirements) -> Option<Finding> {
    let Noted { client, incident, time } = noted;
    // Beyond the protocol's promises, only the service afterwards counts. A target that is still above its limits then may
    // close connections before their first reply.
    let is_unserved = matches!(incident, Incident::NoReply { is_unserved: true, .. });
    let is_refusal =
        requirements.may_refuse && matches!(incident, Incident::IncorrectReply { is_refusal: true, .. });
    let is_allowed =
        is_unserved || (incident.is_about_service() || is_refusal) && *time == IncidentTime::During;
    if is_allowed && !requirements.is_promised {
        return None;
    }
    let mut finding = severity::of_incident(incident.clone(), requirements);
    if *time == IncidentTime::BeforeFaults && incident.is_about_service() {
        finding.clause = Some(requirements.kept_waiting);
    }
    if let (IncidentTime::BeforeFaults, Incident::IncorrectReply { request, .. }) = (time, incident) {
        finding.clause = Some((requirements.without_fault)(request));
        severity::WRONG_WITHOUT_FAULT.clone_into(&mut finding.summary);
    }
    Some(Finding { client: client.or(finding.client), ..finding })
}

fn of_violation(mut finding: Finding, requirements: &Requirements) -> Finding {
    finding.clause.get_or_insert(requirements.clauses.impossible);
    finding
}

fn of_newcomer(evidence: &Evidence) -> Option<Finding> {
    let waited_ns = evidence.newcomer_waited_ns.filter(|waited_ns| *waited_ns > SERVED_NS_SHOULD)?;
    let delays = of_machine(evidence.delays, SERVED_NS_SHOULD);
    Some(severity::newcomer_late(waited_ns, delays, &evidence.requirements))
}

fn of_refusals(evidence: &Evidence) -> Option<Finding> {
    let Evidence { requirements, served, refused, .. } = evidence;
    let all = served + refused;
    (requirements.is_promised && refused * REFUSED_ONE_IN > all)
        .then(|| severity::refused(*refused, all, REFUSED_ONE_IN, requirements))
}

fn of_latencies(evidence: &Evidence) -> Option<Finding> {
    let Evidence { requirements, quiet_latencies_ns: quiet, latencies_ns: during, .. } = evidence;
    if !requirements.is_promised || quiet.len() < LATENCIES_MIN || during.len() < LATENCIES_MIN {
        return None;
    }
    let (quiet_ns, actual_ns) = (percentile(quiet, 99), percentile(during, 99));
    let allowed_ns = (quiet_ns * LATENCY_FACTOR_MAX).max(quiet_ns + LATENCY_NS_MORE_MAX);
    // Work for the clients at fault may delay the others, but not for long.
    let idle_ns = percentile(&evidence.idle_waits_ns, 99);
    (idle_ns > allowed_ns || actual_ns > allowed_ns.max(SERVED_NS_SHOULD)).then(|| {
        let Delays { target_percent, starved_percent, .. } = evidence.delays;
        // Only the processors of a busy machine limit a target that works and uses less than one of them.
        let target_percent =
            if idle_ns > allowed_ns { target_percent } else { target_percent.max(starved_percent) };
        let delays = of_machine(Delays { target_percent, ..evidence.delays }, allowed_ns);
        severity::slowed_down([actual_ns, allowed_ns, quiet_ns], delays, requirements)
    })
}

/// Returns the delays of the machine if they, and not the target, may be why a client waited for longer than this.
fn of_machine(delays: Delays, allowed_ns: u64) -> Option<Delays> {
    (delays.longest_ns() > allowed_ns / 2 || delays.target_percent > 50).then_some(delays)
}

fn of_idle_cpu(evidence: &Evidence) -> Option<Finding> {
    let clause = evidence.requirements.idle?;
    Some(severity::busy_while_idle(evidence.idle_cpu?, clause))
}

fn of_clients_at_fault(
    at_fault: &AtFault,
    others_wait: bool,
    delays: Delays,
    requirements: &Requirements,
) -> Option<Finding> {
    // Beyond the protocol's promises, a target need not serve the clients at fault, except after the end of the fault.
    let waiting = at_fault.waiting;
    if waiting.has_any && !requirements.is_promised && !waiting.has_later {
        return None;
    }
    let mut finding = at_fault.finding.clone()?;
    if let Some(clause) = at_fault.lost_lines {
        finding.clause = Some(clause);
        if finding.verdict == Verdict::Fail && clause.level != Level::Must {
            finding.verdict = Verdict::Warn;
        }
    } else if !waiting.has_later && (waiting.has_crowd || waiting.has_any && others_wait) {
        // Clients wait because of each other, and not because of what they sent themselves.
        finding.clause = Some(requirements.clauses.silent);
    }
    // A delayed client may have missed a deadline that the target enforces. Memory does not grow for that reason.
    let delay_ns = delays.longest_ns();
    let may_have_missed = |deadline: std::time::Duration| u128::from(delay_ns) * 3 > deadline.as_nanos();
    if finding.verdict != Verdict::Unknown
        && !at_fault.is_beyond_memory
        && requirements.deadline.is_some_and(may_have_missed)
    {
        finding.verdict = Verdict::Unknown;
        finding.reason = Some(severity::machine_delayed(delay_ns));
    }
    Some(finding)
}

fn cause_of(evidence: &Evidence, has_ended_target: bool, is_without_finding: bool) -> Option<String> {
    match evidence.progress {
        Progress::NotBegun => Some("the time limit of the run was reached".to_owned()),
        Progress::Incomplete if has_ended_target => None,
        Progress::Incomplete if is_without_finding => Some("the run ended during this fault".to_owned()),
        _ => {
            let AtFault { cause, left_out, .. } = evidence.at_fault.clone();
            let proves_nothing = evidence.requirements.needs_block;
            left_out.or(cause.filter(|_| proves_nothing)).filter(|_| is_without_finding)
        }
    }
}
