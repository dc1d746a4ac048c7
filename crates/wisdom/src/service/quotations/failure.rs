//! Failures of outside sources. No message contains the URL, which may contain a key.

use super::answer::InvalidAnswer;

/// Longest body of an answer, in bytes.
pub(super) const BODY_BYTES_MAX: u64 = 64 * 1024;

/// Redirects that are followed.
pub(super) const REDIRECTS_MAX: u32 = 3;

/// The reason why a fetch failed.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(
    not(feature = "sources"),
    expect(dead_code, reason = "without sources only one failure is possible")
)]
pub(super) enum Failure {
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it did not answer in time ({0})")]
    Timeout(String),
    #[error("its answer has more than {BODY_BYTES_MAX} bytes")]
    TooLong,
    #[error("it redirects more than {REDIRECTS_MAX} times, or to an invalid location")]
    Redirects,
    #[error("it cannot be reached: {0}")]
    Io(std::io::Error),
    #[error("its host name cannot be resolved")]
    Host,
    #[error("it does not speak HTTP, or its certificate is invalid")]
    Protocol,
    #[error(transparent)]
    Answer(#[from] InvalidAnswer),
    #[cfg(not(feature = "sources"))]
    #[error("this build has no outside sources")]
    NotBuiltIn,
}
