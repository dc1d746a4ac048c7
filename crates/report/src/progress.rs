//! A progress bar for each phase, shown only on a terminal.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use conformance::workload::Progress;

/// The progress bar of the current phase.
#[derive(Debug)]
pub struct PhaseBar {
    names: &'static [&'static str],
    phase: u32,
    is_shown: bool,
    bar: ProgressBar,
}

impl PhaseBar {
    /// Returns a progress bar on standard error. It is hidden if standard error is not a terminal or `is_wanted` is
    /// false.
    ///
    /// # Panics
    /// Never: the template is a valid constant.
    #[must_use]
    pub fn new(names: &'static [&'static str], is_wanted: bool) -> Self {
        let is_shown = is_wanted && io::stderr().is_terminal();
        let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{prefix:<17} [{bar:40}] {human_pos} of {human_len}")
            .expect("the template is a valid one")
            .progress_chars("=> ");
        Self { names, phase: 0, is_shown, bar: ProgressBar::with_draw_target(None, target).with_style(style) }
    }

    /// Returns whether the bar is visible.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Shows the progress of the run.
    pub fn show(&mut self, progress: Progress) {
        if progress.phase != self.phase {
            self.phase = progress.phase;
            let name = (progress.phase as usize).checked_sub(1).and_then(|number| self.names.get(number));
            self.bar.set_prefix(*name.unwrap_or(&""));
            self.bar.set_length(progress.of);
        }
        self.bar.set_position(progress.done);
    }
}

impl Drop for PhaseBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
