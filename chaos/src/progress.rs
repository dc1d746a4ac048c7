//! The progress bar: the current scene, on a terminal only.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar over the scenes of a run. Clones share one bar.
#[derive(Clone, Debug)]
pub(crate) struct SceneBar(ProgressBar);

impl SceneBar {
    /// Returns a bar on standard error. It is hidden if standard error is not a terminal or `is_wanted` is false.
    ///
    /// # Panics
    /// Never: the template is a valid constant.
    #[must_use]
    pub(crate) fn new(scenes: usize, is_wanted: bool) -> Self {
        let is_shown = is_wanted && io::stderr().is_terminal();
        let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {pos} of {len} {msg}")
            .expect("the template is a valid one")
            .progress_chars("=> ");
        Self(ProgressBar::with_draw_target(Some(scenes as u64), target).with_style(style))
    }

    /// Shows that a scene begins.
    pub(crate) fn begin(&self, id: &'static str) {
        self.0.set_message(id);
        self.0.inc(1);
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
