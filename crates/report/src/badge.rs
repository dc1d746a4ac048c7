//! The verdict as a badge in SVG, for a README or a web page.

use std::io::{self, Write};

use verdict::Verdict;

use crate::model::{Report, RunReport};

/// The left part of the badge.
const NAME: &str = "Gauntlet";

/// The number of clauses that a badge names.
const CLAUSES_MAX: usize = 3;

/// The width of a character in the font of the badge, in pixels, and the space beside a text.
const CHARACTER_PX: usize = 7;
const SPACE_PX: usize = 6;

/// Writes the badge. Its colours have a contrast of more than 4.5 to 1 (WCAG 2.2, 1.4.3), and the text alone says the verdict.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    let (text, colour) = message(report);
    let width = |text: &str| text.chars().count() * CHARACTER_PX + 2 * SPACE_PX;
    let (left, right) = (width(NAME), width(&text));
    let (all, middle_of_left, middle_of_right) = (left + right, left / 2, left + right / 2);
    writeln!(
        out,
        "\
<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" aria-label=\"{NAME}: {text}\">
<title>{NAME}: {text}</title>
<clipPath id=\"r\"><rect width=\"{all}\" height=\"20\" rx=\"3\"/></clipPath>
<g clip-path=\"url(#r)\">
<rect width=\"{left}\" height=\"20\" fill=\"#444\"/>
<rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{colour}\"/>
</g>
<g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">
<text x=\"{middle_of_left}\" y=\"14\">{NAME}</text>
<text x=\"{middle_of_right}\" y=\"14\">{text}</text>
</g>
</svg>"
    )?;
    out.flush()
}

/// Returns the text and the colour of the right part. Ids of clauses need no escaping.
fn message(report: &Report) -> (String, &'static str) {
    let mut clauses: Vec<&str> =
        report.runs.iter().flat_map(RunReport::violated_clauses).map(|(clause, _)| clause).collect();
    let mut seen = Vec::new();
    clauses.retain(|clause| {
        let is_new = !seen.contains(clause);
        seen.push(*clause);
        is_new
    });
    let more = if clauses.len() > CLAUSES_MAX { " …" } else { "" };
    let named = format!("{}{more}", clauses[..clauses.len().min(CLAUSES_MAX)].join(", "));
    match report.verdict {
        Verdict::Pass | Verdict::Expected => ("pass".to_owned(), "#1a7f37"),
        Verdict::Warn => (format!("pass, warns of {named}"), "#7d5a00"),
        Verdict::Fail if clauses.is_empty() => ("fail".to_owned(), "#b3202a"),
        Verdict::Fail => (format!("fail: {named}"), "#b3202a"),
        Verdict::Unknown | Verdict::NotRun => ("unknown".to_owned(), "#57606a"),
        Verdict::Unreachable => ("unreachable".to_owned(), "#57606a"),
    }
}
