//! CPU profiles of the running process in the format of pprof, in builds with the feature `profile`.

use std::time::Duration;

use hyper::StatusCode;

/// The longest profile.
pub(super) const DURATION_MAX: Duration = Duration::from_mins(1);

/// Whether this build has a profiler.
pub(super) const IS_BUILT_IN: bool = cfg!(feature = "profile");

/// The reason why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[cfg(not(feature = "profile"))]
    #[error("this build has no profiler; build it with the Cargo feature `profile` (--features profile)")]
    NotBuiltIn,
    #[cfg(feature = "profile")]
    #[error("seconds=N must be a number from 1 to {}", DURATION_MAX.as_secs())]
    Seconds,
    #[cfg(feature = "profile")]
    #[error("cannot take a profile now: {0}")]
    Profiler(#[from] pprof::Error),
}

impl Error {
    /// The status of the response.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            #[cfg(not(feature = "profile"))]
            Self::NotBuiltIn => StatusCode::NOT_IMPLEMENTED,
            #[cfg(feature = "profile")]
            Self::Seconds => StatusCode::BAD_REQUEST,
            #[cfg(feature = "profile")]
            Self::Profiler(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Takes a profile of the duration in the query.
#[cfg(feature = "profile")]
pub(super) async fn take(query: Option<&str>) -> Result<Vec<u8>, Error> {
    use pprof::ProfilerGuardBuilder;
    use pprof::protos::Message;

    /// Samples per second: a prime, so that the samples do not align with periodic work.
    const FREQUENCY: i32 = 99;

    /// Libraries in which no sample is taken: the unwinder itself, and code without unwind tables. The C library is not
    /// among them: nothing in this process unwinds or loads libraries while it holds a lock there, and it makes the
    /// system calls of sockets, which take most of the time.
    const BLOCKED: [&str; 2] = ["libgcc", "vdso"];

    let duration = duration_in(query.unwrap_or_default())?;
    // The profiler rejects a second profile at the same time.
    let profiler = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&BLOCKED).build()?;
    smol::Timer::after(duration).await;
    smol::unblock(move || Ok(profiler.report().build()?.pprof()?.encode_to_vec())).await
}

/// Reports that this build has no profiler.
#[cfg(not(feature = "profile"))]
pub(super) async fn take(_: Option<&str>) -> Result<Vec<u8>, Error> {
    std::future::ready(Err(Error::NotBuiltIn)).await
}

#[cfg(feature = "profile")]
fn duration_in(query: &str) -> Result<Duration, Error> {
    /// Duration in seconds if the query does not state one.
    const SECONDS_DEFAULT: u64 = 10;

    let seconds = query.split('&').find_map(|part| part.strip_prefix("seconds="));
    let seconds: u64 = seconds.map_or(Ok(SECONDS_DEFAULT), str::parse).map_err(|_| Error::Seconds)?;
    Some(Duration::from_secs(seconds))
        .filter(|duration| (Duration::from_secs(1)..=DURATION_MAX).contains(duration))
        .ok_or(Error::Seconds)
}
