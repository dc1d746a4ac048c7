//! The severity of each incident (fail, warn or unknown) and its text in the report.

use conformance::limits::LATE_NS_MAX;
use driver::moves::Act;
use protocol::text::printable;
use protocol::{Clause, Level};
use verdict::{Finding, Verdict, seconds};

use crate::harm::evidence::{Delays, IdleCpu, Incident, Instead, Requirements, SessionEnd};
use crate::percentile::milliseconds;

/// Why a client waits less than the protocol allows.
pub(crate) const SHORT_WAIT: &str = "clients have waited in vain for the whole time in two scenes before";

/// The summary of an incorrect reply that is not the consequence of a fault.
pub(crate) const WRONG_WITHOUT_FAULT: &str =
    "a bystander received an incorrect reply before the first fault: judge the target with harness";

/// Returns the finding that an incident leads to.
pub(crate) fn of_incident(incident: Incident, requirements: &Requirements) -> Finding {
    let clauses = requirements.clauses;
    let mut finding = match incident {
        Incident::ActionFailed(act) => {
            let mut finding = Finding::new(Verdict::Unknown, "the fault could not be injected");
            finding.reason = Some(match act {
                Act::BeginCondition(_) => "the condition could not begin".to_owned(),
                Act::EndCondition => "it affected no traffic, and no file of the target".to_owned(),
                act => format!("the action {act:?} on the target's process failed"),
            });
            // No clause: the target did nothing wrong.
            return finding;
        }
        Incident::IncorrectReply { request, actual, expected, .. } => {
            let mut finding = Finding::new(Verdict::Fail, "a bystander received an incorrect reply");
            finding.show(request, actual, expected);
            finding
        }
        Incident::UnsolicitedBytes { after, bytes } => {
            let mut finding = Finding::new(Verdict::Fail, "a bystander received unsolicited bytes");
            finding.show(after, bytes, String::new());
            finding
        }
        Incident::NoReply { instead: Instead::Nothing { late_ns, .. }, .. } if late_ns > LATE_NS_MAX => {
            let summary = "a bystander received no reply in time, but the harness was late";
            let mut finding = Finding::new(Verdict::Unknown, summary);
            finding.reason = Some(format!("the harness was {} late", milliseconds(late_ns)));
            finding
        }
        Incident::NoReply { request, instead, .. } => {
            let mut finding = Finding::new(Verdict::Fail, "a bystander received no reply");
            finding.clause = Some(if instead.is_nothing() { clauses.silent } else { clauses.closed });
            finding.show(request, instead.text(), "a reply within 10 s".to_owned());
            finding
        }
        Incident::IdleConnectionClosed => {
            let summary = "the target closed a bystander's idle connection";
            Finding { clause: Some(clauses.closed), ..Finding::new(Verdict::Fail, summary) }
        }
        Incident::SessionBroken { clause, end, sent, actual } => {
            let summary = match end {
                SessionEnd::StaysOpen => {
                    "the target did not close a bystander's connection after its quotation"
                }
                SessionEnd::Reset => "the target reset a bystander's connection",
                SessionEnd::TooEarly => "the target closed a bystander's connection before its quotation",
            };
            let mut finding = Finding { clause: Some(clause), ..Finding::new(Verdict::Fail, summary) };
            finding.show(sent, actual, "a quotation and the end of the stream".to_owned());
            finding
        }
        Incident::ChallengeTooHard { bits, bits_max } => {
            let mut finding = Finding::new(Verdict::Unknown, "challenges are too hard for bystanders");
            finding.reason = Some(format!(
                "the target's challenges have {bits} bits; bystanders solve up to {bits_max}: \
                 start the target with a lower difficulty"
            ));
            finding
        }
        Incident::NewcomerNotStarted(message) => {
            let mut finding = Finding::new(Verdict::Unknown, "a new client could not be started");
            finding.reason = Some(format!("this machine lacks resources: {message}"));
            finding
        }
        Incident::NewcomerNotServed(instead) => {
            let summary = "the target does not serve a new client after the fault";
            let mut finding = Finding::new(Verdict::Fail, summary);
            finding.clause = instead.is_nothing().then_some(clauses.newcomer);
            if instead.is_nothing() && clauses.newcomer.level != Level::Must {
                finding.verdict = Verdict::Warn;
            }
            let newcomer = requirements.newcomer;
            let expected = format!("{} within 10 s", newcomer.wanted);
            finding.show(printable(newcomer.request), instead.text(), expected);
            finding
        }
    };
    finding.clause.get_or_insert(clauses.other);
    finding
}

/// The target is gone.
pub(crate) fn target_lost(how: String, requirements: &Requirements) -> Finding {
    Finding {
        actual: Some(how),
        expected: Some("a target that continues to serve".to_owned()),
        clause: Some(requirements.clauses.gone),
        ..Finding::new(Verdict::Fail, "the target is gone")
    }
}

/// The target does not serve a new client after it was started again.
pub(crate) fn not_serving_again(clause: Clause) -> Finding {
    Finding {
        actual: Some("it ends, or does not reply".to_owned()),
        expected: Some("a target that serves when it is started again".to_owned()),
        clause: Some(clause),
        ..Finding::new(Verdict::Fail, "the target does not serve after it was started again")
    }
}

/// The newcomer was served late; `delays` are given if the machine may be the cause.
pub(crate) fn newcomer_late(waited_ns: u64, delays: Option<Delays>, requirements: &Requirements) -> Finding {
    let (verdict, summary) = match delays {
        Some(_) => (Verdict::Unknown, "a new client waited long, but this machine was busy"),
        None => (Verdict::Warn, "a new client waits long for its reply after the fault"),
    };
    let mut finding = Finding { reason: delays.map(delays_text), ..Finding::new(verdict, summary) };
    let actual = format!("a reply after {}", seconds(waited_ns));
    finding.show(printable(requirements.newcomer.request), actual, "a reply within 1 s".to_owned());
    finding.clause = Some(requirements.kept_waiting);
    finding
}

/// Too many bystanders were refused.
pub(crate) fn refused(refused: u64, all: u64, one_in: u64, requirements: &Requirements) -> Finding {
    Finding {
        actual: Some(format!("{refused} of {all} were refused")),
        expected: Some(format!("at most 1 in {one_in}")),
        clause: Some(requirements.kept_waiting),
        ..Finding::new(Verdict::Warn, "the target refuses bystanders")
    }
}

/// Bystanders waited longer than allowed; `delays` are given if the machine may be the cause.
pub(crate) fn slowed_down(
    [actual_ns, allowed_ns, quiet_ns]: [u64; 3],
    delays: Option<Delays>,
    requirements: &Requirements,
) -> Finding {
    let (verdict, summary) = match delays {
        Some(_) => (Verdict::Unknown, "bystanders waited long, but this machine was busy"),
        None => (Verdict::Warn, "the fault slows bystanders down"),
    };
    Finding {
        actual: Some(format!("99% of replies within {}", milliseconds(actual_ns))),
        expected: Some(format!(
            "within {}; before the first fault {}",
            milliseconds(allowed_ns),
            milliseconds(quiet_ns)
        )),
        reason: delays.map(delays_text),
        clause: Some(requirements.kept_waiting),
        ..Finding::new(verdict, summary)
    }
}

/// The target uses a processor although nobody but the bystanders sends anything.
pub(crate) fn busy_while_idle(cpu: IdleCpu, clause: Clause) -> Finding {
    let IdleCpu { before_percent, after_percent } = cpu;
    // C4: processor time is a SHOULD.
    Finding {
        actual: Some(format!("{after_percent} % of a processor")),
        expected: Some(format!("about {before_percent} %, as before the first fault")),
        clause: Some(clause),
        ..Finding::new(Verdict::Warn, "the target uses a processor although only bystanders send requests")
    }
}

/// The reason why a finding about the clients at fault is inconclusive.
pub(crate) fn machine_delayed(delay_ns: u64) -> String {
    format!("this machine delayed the harness or the target by {}", milliseconds(delay_ns))
}

impl Instead {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing { .. })
    }

    fn text(self) -> String {
        match self {
            Self::Reply(text) | Self::Error(text) => text,
            Self::Nothing { waited_ns, .. } => format!("nothing within {}", seconds(waited_ns)),
            Self::End => "the end of the connection".to_owned(),
        }
    }
}

fn delays_text(delays: Delays) -> String {
    let Delays { harness_ns, target_ns, target_percent, .. } = delays;
    let (harness, target) = (milliseconds(harness_ns), milliseconds(target_ns));
    let share =
        if target_percent > 0 { format!(", up to {target_percent} % of the time") } else { String::new() };
    format!("the harness was {harness} late, and the target waited {target} for a processor{share}")
}
