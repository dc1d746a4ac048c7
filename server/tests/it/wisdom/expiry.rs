//! Challenges that expire, on a clock that the test moves: W24.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::time::Duration;

use server::limits::Limits;
use server::service::wisdom::{KeySettings, Range, Scope, Settings, WisdomService, quotations};

use crate::support::{Server, TestClock};

/// Far more than the test takes.
const TTL: Duration = Duration::from_hours(1);

pub(crate) fn settings() -> Settings {
    Settings {
        difficulty: Range { base: 8, min: 8, max: 8 },
        ttl: TTL,
        binds_address: true,
        keys: KeySettings { file: None, secret: None, scope: Scope::Boot, grace: TTL },
        spent_max: 100,
        connections_target: 100,
        challenge_rate_target: 1_000,
        wait_target: TTL,
        quotations: quotations::Settings::default(),
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
    Server::start_serving(limits, |clock: TestClock| WisdomService::new(settings(), clock).unwrap())
}

#[test]
fn w24_a_challenge_may_be_solved_until_it_expires() {
    let server = start();
    let mut client = server.connect();
    let (first, second) = (client.ask_for_challenge(), server.connect().ask_for_challenge());
    server.move_clock(TTL.saturating_sub(Duration::from_mins(5)));
    let mut in_time = server.connect();
    in_time.send(&second.solved());
    in_time.expect_quote_and_end();

    server.move_clock(Duration::from_mins(5));
    client.send(&first.solved());
    client.expect_error("CHALLENGE_EXPIRED");
    // The same connection goes on, and is as it was at its beginning.
    client.ask_for_challenge();
    let another = client.ask_for_challenge();
    client.send(&another.solved());
    client.expect_quote_and_end();
    // Long after, when nobody knows any more that it was solved.
    server.move_clock(TTL * 10);
    let mut late = server.connect();
    late.send(&second.solved());
    late.expect_error("CHALLENGE_EXPIRED");
}
