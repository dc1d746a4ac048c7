//! The report as JSON.

use std::io::{self, Write};

use crate::model::Report;

/// Writes the report as JSON.
///
/// # Errors
/// The output cannot be written.
pub fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}
