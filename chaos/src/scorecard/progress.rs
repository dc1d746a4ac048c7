//! Which fault is being made, while it is, and only on a terminal.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for the scenes of a run; clones are the same bar.
#[derive(Clone, Debug)]
pub struct SceneBar(ProgressBar);

impl SceneBar {
    /// A bar for so many scenes on standard error; nothing is drawn where that is no terminal, or `is_wanted` is false.
    ///
    /// # Panics
    /// Never: the template is a constant, and a valid one.
    #[must_use]
    pub fn new(scenes: usize, is_wanted: bool) -> Self {
        let is_shown = is_wanted && io::stderr().is_terminal();
        let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {pos} of {len} {msg}")
            .expect("the template is a valid one")
            .progress_chars("=> ");
        Self(ProgressBar::with_draw_target(Some(scenes as u64), target).with_style(style))
    }

    /// A scene begins.
    pub fn begin(&self, id: &'static str) {
        self.0.set_message(id);
        self.0.inc(1);
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
