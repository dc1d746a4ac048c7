//! Where the server's time goes: a CPU profile in the form of pprof.

use std::time::Duration;

use pprof::ProfilerGuardBuilder;
use pprof::protos::Message;
use smol::Timer;

/// The longest profile.
pub(super) const DURATION_MAX: Duration = Duration::from_mins(1);

/// How long a profile is if nobody says.
const SECONDS_DEFAULT: u64 = 10;

/// Samples a second: a prime, so that nothing periodic keeps in step with it.
const FREQUENCY: i32 = 99;

/// Code in which a sample cannot be taken: the unwinder itself, and what has no tables for it. The C library may be
/// interrupted anywhere, since nothing in this server unwinds or loads libraries while it holds a lock there; leaving
/// it out would hide the sockets, which are most of the time.
const BLOCKED: [&str; 2] = ["libgcc", "vdso"];

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("seconds=N takes a number from 1 to {}", DURATION_MAX.as_secs())]
    Seconds,
    #[error("no profile can be taken now: {0}")]
    Profiler(#[from] pprof::Error),
}

/// Takes a profile of as many seconds as the query says.
pub(super) async fn take(query: Option<&str>) -> Result<Vec<u8>, Error> {
    let duration = duration_in(query.unwrap_or_default())?;
    // Only one at a time: a second one is told so.
    let profiler = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&BLOCKED).build()?;
    Timer::after(duration).await;
    smol::unblock(move || Ok(profiler.report().build()?.pprof()?.encode_to_vec())).await
}

fn duration_in(query: &str) -> Result<Duration, Error> {
    let seconds = query.split('&').find_map(|part| part.strip_prefix("seconds="));
    let seconds: u64 = seconds.map_or(Ok(SECONDS_DEFAULT), str::parse).map_err(|_| Error::Seconds)?;
    Some(Duration::from_secs(seconds))
        .filter(|duration| (Duration::from_secs(1)..=DURATION_MAX).contains(duration))
        .ok_or(Error::Seconds)
}
