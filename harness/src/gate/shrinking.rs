//! What failed where clients contend, reduced and written into a file that shows it again.

use std::fs::File;
use std::io::Write;

use super::Gate;
use crate::bounds::Bounds;
use crate::error::Error;
use crate::options::write_file;
use crate::report::again;
use crate::shrink::Shrink;
use crate::targets::Target;
use crate::workload::literal::Led;

impl Gate<'_> {
    /// Keeps what led to the first failure.
    pub(super) fn note_led(&mut self, id: &'static str, led: Option<Led>) {
        if let (None, Some(led)) = (&self.led, led) {
            self.led = Some((id, led));
        }
    }

    /// Reduces it, if that was asked for, and writes it.
    pub(super) async fn shrink(
        &mut self,
        target: &Target,
        bounds: &mut Bounds,
        troubles: &mut Vec<Error>,
        out: &mut dyn Write,
    ) {
        let (Some(path), Some((id, led))) = (&self.options.flags.shrink, self.led.take()) else { return };
        bounds.begin_run(self.options.flags.shrink_time);
        let timeout = self.results.patience(self.options.flags.timeout);
        let shrunk = Shrink::new(target, timeout, bounds, out).shrink(&led).await;
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
            if let Some(line) = again::by_nc(&self.report.addr, &literal) {
                writeln!(file, "# {line}")?;
            }
            write!(file, "{literal}")?;
            file.flush()
        });
        let _ =
            writeln!(out, "shrink   {path_shown} is written; `harness replay {path_shown}` runs it again");
        troubles.extend(written.err());
    }
}
