//! Findings as text, for the snapshots of all texts that the judges of the workloads can produce.

use verdict::Finding;

/// Returns one paragraph per finding: verdict, clause, summary, and the details that the finding has.
pub(crate) fn describe(findings: &[Finding]) -> String {
    findings.iter().map(paragraph).collect()
}

fn paragraph(finding: &Finding) -> String {
    let clause = finding.clause.map_or("no clause", |clause| clause.id);
    let details = [
        ("sent", &finding.sent),
        ("actual", &finding.actual),
        ("expected", &finding.expected),
        ("reason", &finding.reason),
    ];
    let lines =
        details.into_iter().filter_map(|(name, text)| Some(format!("  {name}: {}\n", text.as_ref()?)));
    format!("{} ({clause}): {}\n{}", finding.verdict.word(), finding.summary, lines.collect::<String>())
}
