//! The correct server: behaviour that no scene shows, comparison with the model, and many concurrent clients.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use mutants::Mark;
use mutants::wisdom::{self, Limits, MUTANTS, Settings};
use protocol::wisdom::messages::Response;
use protocol::wisdom::model::Model;
use protocol::wisdom::token::to_base64url;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

use super::client::{Client, counter, counter_from, exchange, frame, payload, request, solution, solved};
use super::{settings, start, start_on};

#[test]
fn w04_a_frame_may_arrive_byte_by_byte() {
    let server = start(None, settings());
    let mut client = Client::new(server.addr());
    for byte in request() {
        client.send([byte]);
    }
    assert_eq!(client.next_message(), "CHALLENGE");
}

#[test]
fn w06_to_w09_an_invalid_header_is_answered_before_the_payload_arrives() {
    let server = start(None, settings());
    let header = |at: usize, bytes: &[u8]| {
        let mut header = request()[..8].to_vec();
        header[at..at + bytes.len()].copy_from_slice(bytes);
        header[..at + bytes.len()].to_vec()
    };
    for (sent, expected) in [
        (header(0, b"G"), "MALFORMED_FRAME"),
        (header(1, b"G"), "MALFORMED_FRAME"),
        (header(2, &[2]), "UNSUPPORTED_VERSION"),
        (header(3, &[6, 0, 0, 0, 0]), "UNKNOWN_TYPE"),
        (header(4, &4097_u32.to_be_bytes()), "FRAME_TOO_LARGE"),
        (header(4, &u32::MAX.to_be_bytes()), "FRAME_TOO_LARGE"),
    ] {
        // The sending half stays open, so that only the header can cause the answer.
        let mut client = Client::new(server.addr());
        client.send(&sent);
        assert_eq!(client.remaining_messages(), format!("{expected} closed"), "{sent:?}");
    }
}

#[test]
fn w10_to_w20_a_payload_is_one_object_with_canonical_strings() {
    let server = start(None, settings());
    let token = Client::new(server.addr()).challenge();
    let (challenge, digits) = (to_base64url(&token), format!("{:016x}", counter(&token)));
    let (short, long) = (to_base64url(&token[..63]), to_base64url(&[&token[..], &[0]].concat()));
    let twice = payload(&challenge, &digits).replace('}', &format!(r#","challenge":"{challenge}"}}"#));
    let wrong: [(u8, String); 9] = [
        (1, "[]".into()),
        (1, "{}{}".into()),
        (1, "{".into()),
        (3, "{}".into()),
        (3, twice),
        (3, payload(&short, &digits)),
        (3, payload(&long, &digits)),
        (3, payload(&challenge, &format!("0{digits}"))),
        (3, payload(&challenge, &format!("+{}", &digits[1..]))),
    ];
    for (kind, payload) in wrong {
        assert_eq!(exchange(server.addr(), &frame(kind, &payload)), "INVALID_PAYLOAD closed", "{payload}");
    }
    for kind in [2, 4, 5] {
        assert_eq!(exchange(server.addr(), &frame(kind, "{}")), "UNEXPECTED_MESSAGE closed");
    }
    let padded = payload(&challenge, &digits).replace('{', r#" {"more":[{"counter":1}],"#);
    assert_eq!(exchange(server.addr(), &frame(3, padded)), "QUOTE closed", "nothing of it was spent");
}

#[test]
fn w16_no_bit_of_a_token_can_be_changed() {
    let server = start(None, settings());
    let token = Client::new(server.addr()).challenge();
    for bit in 0..512 {
        let mut flipped = token;
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Difficulties above 8 bits would take too long here. The server checks the signature before the work.
        let work = flipped[2].min(8);
        let counter = counter_from(0, &flipped, |bits| bits >= work.into());
        let words = exchange(server.addr(), &solution(&flipped, counter));
        assert_eq!(words, "INVALID_SIGNATURE closed", "bit {bit}");
    }
    assert_eq!(exchange(server.addr(), &solved(&token)), "QUOTE closed");
}

#[test]
fn an_error_is_readable_regardless_of_further_input() {
    let server = start(None, settings());
    for bytes in [1, 100, 4095, 6000, 8000] {
        assert_eq!(exchange(server.addr(), &vec![b'x'; bytes]), "MALFORMED_FRAME closed", "{bytes}");
        let more = [frame(4, ""), vec![b'x'; bytes]].concat();
        assert_eq!(exchange(server.addr(), &more), "UNEXPECTED_MESSAGE closed", "{bytes}");
    }
}

#[test]
fn a_client_of_ipv6_gets_its_quotation() {
    let server = start_on("[::1]:0", None, settings());
    let token = Client::new(server.addr()).challenge();
    assert_eq!(exchange(server.addr(), &solved(&token)), "QUOTE closed");
}

#[test]
fn time_limits_apply_between_frames_and_to_the_connection() {
    let short = Duration::from_millis(300);
    let timed_out = |limits, sent: Vec<u8>, expected: &str| {
        let server = start(None, Settings { limits, ..settings() });
        let mut client = Client::new(server.addr());
        client.send(sent);
        assert_eq!(client.remaining_messages(), expected);
    };
    timed_out(Limits { solving: short, ..Limits::default() }, request(), "CHALLENGE TIMEOUT closed");
    timed_out(Limits { connection: short, ..Limits::default() }, request(), "CHALLENGE TIMEOUT closed");
    let incomplete = [&request()[..], b"WW"].concat();
    timed_out(Limits { frame: short, ..Limits::default() }, incomplete, "CHALLENGE TIMEOUT closed");
}

#[test]
fn w24_an_expired_challenge_returns_the_connection_to_its_initial_state() {
    let server = start(None, Settings { ttl: Duration::ZERO, ..settings() });
    let expired = solved(&Client::new(server.addr()).challenge());
    let two = request().repeat(2);
    assert_eq!(
        exchange(server.addr(), &[&two[..], &expired, &two, &request()].concat()),
        "CHALLENGE CHALLENGE CHALLENGE_EXPIRED CHALLENGE CHALLENGE UNEXPECTED_MESSAGE closed"
    );
}

#[test]
fn w30_a_client_beyond_the_limit_can_read_server_busy() {
    let server = start(None, settings());
    let addr = server.addr();
    let mut admitted: Vec<Client> = (0..32).map(|_| Client::new(addr)).collect();
    for client in &mut admitted {
        client.challenge();
    }
    let mut rejected: Vec<Client> = (0..300).map(|_| Client::new(addr)).collect();
    for client in &mut rejected {
        client.send(request());
        client.end();
    }
    for client in &mut rejected {
        assert_eq!(client.remaining_messages(), "SERVER_BUSY closed");
    }
    Client::from([127, 0, 0, 2].into(), addr).challenge();
}

#[test]
fn many_clients_are_served_concurrently_with_idle_ones() {
    let server = start(None, Settings { connections_per_address_max: 1000, ..settings() });
    let addr = server.addr();
    let idle: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(addr).unwrap()).collect();
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(move || {
                for _ in 0..5 {
                    let mut client = Client::new(addr);
                    let solution = solved(&client.challenge());
                    client.send(&solution);
                    assert_eq!(client.remaining_messages(), "QUOTE closed");
                    assert_eq!(exchange(addr, &solution), "REPLAYED closed");
                }
            });
        }
    });
    drop(idle);
}

/// Sequential requests must not show the defect of a race.
#[test]
fn sequential_requests_are_answered_as_the_model_allows() {
    let races =
        MUTANTS.iter().filter(|mutant| mutant.mark == Some(Mark::Race)).map(|mutant| Some(mutant.name));
    thread::scope(|scope| {
        for mutant in races.chain([None]) {
            scope.spawn(move || ask_sequentially(mutant));
        }
    });
}

fn ask_sequentially(mutant: Option<&str>) {
    let server = start(mutant, settings());
    let mut model = Model::default();
    let mut draws = ChaCha8Rng::seed_from_u64(27);
    let mut frames = vec![request(), frame(1, "[]"), frame(9, "{}"), frame(5, "{}"), b"GET".to_vec()];
    for number in 0..300 {
        let sent = frames.choose(&mut draws).unwrap().clone();
        let mut client = Client::new(server.addr());
        client.send(&sent);
        let response = client.response().unwrap();
        assert_eq!(model.accept(&sent, &response), Ok(()), "{mutant:?}, request {number}: {response:?}");
        if let Response::Challenge(challenge) = response {
            let token = challenge.token;
            for enough in [draws.random_range(0..=token[2]), token[2]] {
                let first = draws.random_range(0..u64::MAX / 2);
                frames.push(solution(&token, counter_from(first, &token, |bits| bits >= enough.into())));
            }
        }
    }
}

#[test]
fn keys_remain_while_their_file_is_invalid_and_a_start_requires_a_valid_file() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("secrets");
    let settings = Settings { secret_file: Some(path.clone()), key_grace: Duration::ZERO, ..settings() };
    let start_error = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        wisdom::spawn(None, listener, settings.clone()).unwrap_err().to_string()
    };
    assert!(start_error().starts_with("cannot read "));
    fs::write(&path, "\n").unwrap();
    assert!(start_error().contains(" contains no key"));
    fs::write(&path, "1 one\ntwo\n").unwrap();
    assert!(start_error().contains(", line 2: "));
    fs::write(&path, "1 one\n\n2 two\n").unwrap();
    let server = start(None, settings.clone());
    let token = Client::new(server.addr()).challenge();
    fs::write(&path, "invalid").unwrap();
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(300) {
        assert_eq!(Client::new(server.addr()).challenge()[3], 1, "the file is read every 100 ms");
    }
    assert_eq!(exchange(server.addr(), &solved(&token)), "QUOTE closed");
}

#[test]
fn dropping_the_server_closes_its_listener_and_connections() {
    let server = start(None, settings());
    let addr: SocketAddr = server.addr();
    let mut client = Client::new(addr);
    client.challenge();
    drop(server);
    assert_eq!(client.next_message(), "closed");
    assert!(TcpStream::connect(addr).is_err());
}
