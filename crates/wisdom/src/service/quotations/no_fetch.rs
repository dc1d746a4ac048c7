//! The replacement for HTTP requests in builds without the feature `sources`.

use std::time::Duration;

use super::failure::Failure;

/// A client that fetches nothing.
pub(super) struct Agent;

impl Agent {
    pub(super) fn new(_: Duration, _: bool, _: bool) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the signature is that of the other implementation")]
    pub(super) fn get(&self, _: &str) -> Result<Vec<u8>, Failure> {
        Err(Failure::NotBuiltIn)
    }
}
