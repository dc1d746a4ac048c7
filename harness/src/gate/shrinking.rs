//! The reduction of a failed workload to a file that reproduces the failure.

use std::fs::File;
use std::io::Write;

use conformance::request_script::LeadingRequests;
use driver::run_limits::RunLimits;
use report::{reproduction, write_file};
use target::Target;

use crate::error::Error;
use crate::gate::state::Gate;
use crate::shrink::Shrink;

impl Gate<'_> {
    /// Keeps the requests that led to the first failure.
    pub(super) fn note_leading_requests(&mut self, id: &'static str, leading: Option<LeadingRequests>) {
        if let (None, Some(leading)) = (&self.leading, leading) {
            self.leading = Some((id, leading));
        }
    }

    /// Reduces these requests and writes the file, if `--shrink` is given.
    pub(super) async fn shrink(
        &mut self,
        target: &Target,
        limits: &mut RunLimits,
        file_errors: &mut Vec<Error>,
        out: &mut dyn Write,
    ) {
        let (Some(path), Some((id, leading))) = (&self.options.flags.shrink, self.leading.take()) else {
            return;
        };
        limits.begin_run(self.options.flags.shrink_time);
        let timeout = self.results.reply_timeout(self.options.flags.timeout);
        let shrunk = Shrink::new(target, timeout, limits, out).shrink(&leading).await;
        let Some(script) = shrunk else {
            let _ = writeln!(
                out,
                "shrink   the reduced requests did not fail again: the failure needs all clients, or --shrink-time is too short"
            );
            return;
        };
        let flags = self.options.choice.flags();
        let path_shown = path.display();
        let seed = self.seed;
        let written = write_file(File::create, path, |mut file| {
            writeln!(file, "# Requests of {id}, seed {seed}, reduced while they still fail. To reproduce:")?;
            writeln!(file, "# harness replay {path_shown} {}", flags.trim_end())?;
            if let Some(line) = reproduction::nc_command(&self.report.addr, &script) {
                writeln!(file, "# {line}")?;
            }
            write!(file, "{script}")?;
            file.flush()
        });
        let _ = writeln!(
            out,
            "shrink   wrote {path_shown}; `harness replay {path_shown}` sends these requests again"
        );
        file_errors.extend(written.err().map(Error::from));
    }
}
