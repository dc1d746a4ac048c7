//! `wisdom serve`: from flags to a running service.

use std::time::Duration;

use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::{Request, Response};
use protocol::{Framing, Next};
use server::admin::Build;
use server::clock::MonotonicClock;
use server::command_line::{self, Error, HealthCheck};
use server::limits::Limits;
use settings::{Environment, Origin};

use super::flags::{Flags, SecretScope};
use crate::service::{
    self, ChallengeSettings, KeySettings, Range, SECRET_BYTES_MIN, Scope, Secret, WisdomService, quotations,
};

const BUILD: Build = Build { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// The variable with the secret. It is not a flag, because other users can see the arguments of a process.
const SECRET: &str = "PACKAGE_INDEXER_SECRET";

/// A challenge shows that the server has keys and random bytes.
pub(super) const HEALTH_CHECK: HealthCheck =
    HealthCheck { request: challenge_request, is_healthy: is_challenge };

/// Takes the secret out of the environment, so that it is not reported as a setting.
pub(super) fn secret_of(environment: &mut Environment) -> Result<Option<Secret>, Error> {
    let Some(value) = environment.take(SECRET) else { return Ok(None) };
    let too_short = || settings::Error::Value {
        origin: Origin::Environment(SECRET.to_owned()),
        problem: format!("the secret needs at least {SECRET_BYTES_MIN} bytes"),
    };
    Ok(Some(Secret::new(value.into_encoded_bytes()).ok_or_else(too_short)?))
}

/// Serves until a stop signal.
pub(super) fn serve(flags: &Flags, secret: Option<Secret>) -> Result<(), Error> {
    let limits = Limits { work_timeout: flags.solve_timeout, ..flags.server.limits() };
    command_line::serve(&flags.server, limits, BUILD, || {
        let quotations = quotations::Settings {
            urls: flags.quote_url.clone(),
            cache_max: flags.quote_cache,
            ..quotations::Settings::default()
        };
        let created = WisdomService::new(challenge_settings(flags, secret), quotations, MonotonicClock);
        created.map_err(|error| match error {
            service::Error::SecretFile { .. } => Error::Configuration(error.into()),
            _ => Error::Service(error.into()),
        })
    })
}

fn challenge_settings(flags: &Flags, secret: Option<Secret>) -> ChallengeSettings {
    let scope = match flags.secret_scope {
        SecretScope::Boot => Scope::Boot,
        SecretScope::Shared => Scope::Shared,
    };
    ChallengeSettings {
        difficulty: Range { base: flags.difficulty, min: flags.difficulty_min, max: flags.difficulty_max },
        ttl: flags.ttl,
        binds_address: flags.bind_ip,
        keys: KeySettings { file: flags.secret_file.clone(), secret, scope, grace: flags.key_grace },
        spent_max: flags.max_spent,
        connections_target: flags.server.max_connections,
        challenge_rate_target: flags.challenge_rate_target,
        wait_target: Duration::from_millis(flags.quote_wait_target.into()),
    }
}

fn challenge_request() -> Vec<u8> {
    let mut request = Vec::new();
    Request::Challenge.encode(&mut request);
    request
}

fn is_challenge(reply: &[u8]) -> Option<bool> {
    match Frames::new(FRAME_BYTES_MAX).next(reply).1 {
        Next::Incomplete => None,
        Next::Frame(frame) => Some(matches!(Response::decode(frame), Ok(Response::Challenge(_)))),
        Next::TooLong => Some(false),
    }
}
