//! The evidence of a finding, in printable form.

use protocol::text::printable;

/// The evidence of a finding.
pub(crate) struct Evidence {
    pub(crate) sent: String,
    pub(crate) actual: String,
    pub(crate) expected: String,
    /// The position of the first difference, in characters of `actual`, where one can be given.
    pub(crate) differs_at: Option<usize>,
}

/// Returns the position, in characters of the printable form, of the first difference from the most similar line.
pub(crate) fn first_difference(actual: &[u8], lines: &[&[u8]]) -> usize {
    let shared =
        |line: &&[u8]| actual.iter().zip(line.iter()).take_while(|(one, other)| one == other).count();
    let right = lines.iter().map(shared).max().unwrap_or(0);
    printable(&actual[..right]).chars().count()
}

pub(crate) fn one_of(lines: &[&[u8]]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    lines.join(" or ")
}
