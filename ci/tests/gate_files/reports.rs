//! The report files that a gate leaves, and the expectation of a whole run.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The reports of a run; one that was only opened does not count.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    pub(crate) json: Option<Value>,
    junit: bool,
    html: bool,
}

impl Reports {
    /// Reads the reports of a directory, each as its form requires.
    pub(crate) fn read(directory: &Path) -> Self {
        let read = |end: &str| {
            let text = fs::read_to_string(directory.join(format!("gauntlet.{end}"))).ok();
            text.filter(|text| !text.is_empty())
        };
        Self {
            json: read("json").map(|text| serde_json::from_str(&text).unwrap()),
            junit: read("xml").is_some_and(|text| quick_junit::Report::deserialize_from_str(&text).is_ok()),
            html: read("html").is_some_and(|text| text.contains("</html>")),
        }
    }
}

/// What a job sees of a run.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: i32,
    pub(crate) reports: Reports,
    /// The lines `NAME=VALUE` of the action's outputs; `None` where a gate has no outputs.
    pub(crate) outputs: Option<Vec<String>>,
    pub(crate) summary: String,
    /// The output of the last script.
    pub(crate) printed: String,
}

impl Seen {
    /// Checks the status of the job, and that verdict and reports agree with it.
    #[track_caller]
    pub(crate) fn expect(&self, verdict: &str, status: i32) {
        assert_eq!(self.status, status, "{self:#?}\n{}", self.printed);
        let has_reports = verdict != "usage";
        let Reports { json, junit, html } = &self.reports;
        assert_eq!((json.is_some(), *junit, *html), (has_reports, has_reports, has_reports), "{self:#?}");
        if let Some(json) = json {
            assert_eq!(json["verdict"], verdict, "{self:#?}");
        }
        if let Some(outputs) = &self.outputs {
            // The outputs are those of the gate; a target that breaks later shows in the status of the job.
            let verdicts = ["pass", "fail", "usage", "unknown", "unreachable"];
            let judged = verdicts.iter().position(|word| *word == verdict).unwrap();
            let [of_verdict, of_status, counts] = &outputs[..] else { panic!("{self:#?}") };
            assert_eq!(*of_verdict, format!("verdict={verdict}"), "{self:#?}");
            assert_eq!(*of_status, format!("exit-status={judged}"), "{self:#?}");
            let counts = counts.strip_prefix("counts=").unwrap();
            let expected = if has_reports { verdict.to_uppercase() } else { String::new() };
            assert!(counts.starts_with(&expected) && counts.is_empty() != has_reports, "{self:#?}");
            assert_eq!(!self.summary.is_empty(), has_reports, "{self:#?}");
        }
    }
}
