//! The expiry of challenges, on a clock that the test advances: W24.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::time::Duration;

use server::limits::Limits;
use wisdom::service::{ChallengeSettings, KeySettings, Range, Scope, WisdomService, quotations};

use crate::support::{Server, TestClock};

/// Longer than the test.
const TTL: Duration = Duration::from_hours(1);

pub(crate) fn settings() -> ChallengeSettings {
    ChallengeSettings {
        difficulty: Range { base: 8, min: 8, max: 8 },
        ttl: TTL,
        binds_address: true,
        keys: KeySettings { file: None, secret: None, scope: Scope::Boot, grace: TTL },
        spent_max: 100,
        connections_target: 100,
        challenge_rate_target: 1_000,
        wait_target: TTL,
    }
}

fn start() -> Server {
    let never = TTL * 1_000_000;
    let limits = Limits {
        read_timeout: never,
        idle_timeout: never,
        work_timeout: never,
        write_timeout: never,
        lifetime: never,
        ..Limits::default()
    };
    Server::start_serving(limits, |clock: TestClock| {
        WisdomService::new(settings(), quotations::Settings::default(), clock).unwrap()
    })
}

#[test]
fn w24_a_challenge_may_be_solved_until_it_expires() {
    let server = start();
    let mut client = server.connect();
    let (first, second) = (client.request_challenge(), server.connect().request_challenge());
    server.advance_clock(TTL.saturating_sub(Duration::from_mins(5)));
    let mut in_time = server.connect();
    in_time.send(&second.solved());
    in_time.expect_quote_and_end();

    server.advance_clock(Duration::from_mins(5));
    client.send(&first.solved());
    client.expect_error("CHALLENGE_EXPIRED");
    // The connection is in its initial state again.
    client.request_challenge();
    let another = client.request_challenge();
    client.send(&another.solved());
    client.expect_quote_and_end();
    // The nonce of the solved challenge is no longer stored.
    server.advance_clock(TTL * 10);
    let mut late = server.connect();
    late.send(&second.solved());
    late.expect_error("CHALLENGE_EXPIRED");
}
