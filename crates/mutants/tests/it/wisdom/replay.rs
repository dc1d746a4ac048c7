//! Defects of quotations and of replay protection.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use mutants::wisdom::Settings;

use super::client::{Client, counter, counter_from, exchange, request, solution, solved};
use super::{scene, scene_with, settings, solution_scene};
use crate::scenes::{Scene, play, play_at_once};

#[test]
fn a_challenge_yields_one_quotation_except_with_mutants() {
    play(&quotations());
}

#[test]
fn races_occur_only_in_mutants() {
    play(&races());
}

#[test]
fn spent_challenges_are_remembered_except_by_mutants() {
    play_at_once(&memories());
}

pub(crate) fn scenes() -> Vec<Scene> {
    [quotations(), races(), memories()].into_iter().flatten().collect()
}

fn quotations() -> Vec<Scene> {
    fn twice(addr: SocketAddr) -> String {
        let solution = solved(&Client::new(addr).challenge());
        exchange(addr, &solution) + " " + &exchange(addr, &solution)
    }
    const ONCE: &str = "QUOTE closed REPLAYED closed";
    const TWICE: &str = "QUOTE closed QUOTE closed";
    vec![
        solution_scene("quote-too-long", "QUOTE closed", "invalid closed", solved),
        scene("stays-open-after-quote", "QUOTE closed", "QUOTE silence", |addr| {
            let mut client = Client::new(addr);
            let token = client.challenge();
            client.send(solved(&token));
            client.next_message() + " " + &client.soon()
        }),
        scene("no-replay-check", ONCE, TWICE, twice),
        scene("replay-kept-per-connection", ONCE, TWICE, twice),
        scene("replay-keyed-by-counter", ONCE, TWICE, |addr| {
            let token = Client::new(addr).challenge();
            let first = counter(&token);
            let second = counter_from(first + 1, &token, |bits| bits >= token[2].into());
            exchange(addr, &solution(&token, first)) + " " + &exchange(addr, &solution(&token, second))
        }),
        scene("spent-set-evicts", "REPLAYED closed", "QUOTE closed", |addr| {
            let solutions: Vec<Vec<u8>> = (0..17).map(|_| solved(&Client::new(addr).challenge())).collect();
            for solution in &solutions {
                assert_eq!(exchange(addr, solution), "QUOTE closed");
            }
            exchange(addr, &solutions[0])
        }),
    ]
}

const ROUNDS: usize = 20;
const EQUALS: usize = 64;

fn races() -> Vec<Scene> {
    let crowded = Settings { connections_per_address_max: 200, ..settings() };
    vec![
        scene_with(crowded, "replay-check-then-set", "1 QUOTE", "more", |addr| {
            for _ in 0..ROUNDS {
                let solution = solved(&Client::new(addr).challenge());
                let mut clients: Vec<Client> = (0..EQUALS).map(|_| Client::new(addr)).collect();
                for client in &mut clients {
                    client.send(&solution);
                }
                let words: Vec<String> = clients.iter_mut().map(Client::next_message).collect();
                let count = |word: &str| words.iter().filter(|other| *other == word).count();
                assert_eq!(count("QUOTE") + count("REPLAYED"), EQUALS, "{words:?}");
                if count("QUOTE") != 1 {
                    return "more".into();
                }
            }
            "1 QUOTE".into()
        }),
        scene("swaps-replies-of-two-connections", "each its own", "swapped", |addr| {
            for _ in 0..ROUNDS {
                let (mut first, mut second) = (Client::new(addr), Client::new(addr));
                first.send(request());
                second.send("XX");
                let words = [first.next_message(), second.next_message()];
                if words == ["MALFORMED_FRAME", "CHALLENGE"] {
                    return "swapped".into();
                }
                assert_eq!(words, ["CHALLENGE", "MALFORMED_FRAME"]);
            }
            "each its own".into()
        }),
    ]
}

fn memories() -> Vec<Scene> {
    vec![scene("spent-nonces-purged-early", "REPLAYED closed", "QUOTE closed", |addr| {
        let solution = solved(&Client::new(addr).challenge());
        assert_eq!(exchange(addr, &solution), "QUOTE closed");
        let started = Instant::now();
        let mut words = String::new();
        while started.elapsed() < Duration::from_secs(3) && words != "QUOTE closed" {
            words = exchange(addr, &solution);
            thread::sleep(Duration::from_millis(50));
        }
        words
    })]
}
