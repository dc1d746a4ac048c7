//! What failed where clients contend, reduced and written into a file that shows it again.

use std::fs::File;
use std::io::Write;

use super::Gate;
use crate::error::Error;
use crate::shrink::Shrink;
use conformance::request_script::LeadingRequests;
use driver::run_limits::RunLimits;
use report::reproduction;
use report::write_file;
use target::Target;

impl Gate<'_> {
    /// ResourceLimit what led to the first failure.
    pub(super) fn note_leading_requests(&mut self, id: &'static str, leading: Option<LeadingRequests>) {
        if let (None, Some(leading)) = (&self.leading, leading) {
            self.leading = Some((id, leading));
        }
    }

    /// Reduces it, if that was asked for, and writes it.
    pub(super) async fn shrink(
        &mut self,
        target: &Target,
        limits: &mut RunLimits,
        troubles: &mut Vec<Error>,
        out: &mut dyn Write,
    ) {
        let (Some(path), Some((id, leading))) = (&self.options.flags.shrink, self.leading.take()) else {
            return;
        };
        limits.begin_run(self.options.flags.shrink_time);
        let timeout = self.results.reply_timeout(self.options.flags.timeout);
        let shrunk = Shrink::new(target, timeout, limits, out).shrink(&leading).await;
        let Some(literal) = shrunk else {
            let _ = writeln!(
                out,
                "shrink   what led to it did not fail again: it takes all clients, or more time"
            );
            return;
        };
        let flags = self.options.choice.flags();
        let path_shown = path.display();
        let seed = self.seed;
        let written = write_file(File::create, path, |mut file| {
            writeln!(file, "# What is left of {id}, seed {seed}, that still fails. See it again:")?;
            writeln!(file, "# harness replay {path_shown} {}", flags.trim_end())?;
            if let Some(line) = reproduction::nc_command(&self.report.addr, &literal) {
                writeln!(file, "# {line}")?;
            }
            write!(file, "{literal}")?;
            file.flush()
        });
        let _ =
            writeln!(out, "shrink   {path_shown} is written; `harness replay {path_shown}` runs it again");
        troubles.extend(written.err().map(Error::from));
    }
}
