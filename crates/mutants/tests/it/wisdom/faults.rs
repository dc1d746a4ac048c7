//! Defects that show only under faults of clients or of the process.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::client::{Client, exchange, request, solved};
use super::{scene_with, settings};
use crate::clients::{PAUSE, eventually};
use crate::faults::{PROCESS_PAUSE, limit_descriptors, stop_while};
use crate::scenes::{Scene, play_at_once, process_scene};
use mutants::wisdom::Settings;

#[test]
fn faults_do_no_lasting_harm_except_with_mutants() {
    play_at_once(&scenes());
}

/// The flags of a server of WOW/1 whose challenges are solved quickly.
const WISDOM: &[&str] = &["--protocol", "wisdom", "--difficulty", "3"];

fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

pub(crate) fn scenes() -> Vec<Scene> {
    let with_limit = |connections_max| Settings { connections_max, ..settings() };
    vec![
        process_scene(WISDOM, "dies-of-a-client-gone-before-accept", "running", "ended", |running| {
            stop_while(running, || reset(TcpStream::connect(running.addr).unwrap()));
            eventually("ended", || match TcpStream::connect(running.addr) {
                Ok(_) => "running".into(),
                Err(_) => "ended".into(),
            })
        }),
        scene_with(
            with_limit(2),
            "slots-of-reset-clients-kept",
            "CHALLENGE closed",
            "SERVER_BUSY closed",
            |addr| {
                for _ in 0..2 {
                    let stream = TcpStream::connect(addr).unwrap();
                    thread::sleep(PAUSE);
                    reset(stream);
                }
                thread::sleep(PAUSE);
                exchange(addr, &request())
            },
        ),
        scene_with(with_limit(1), "refusals-block-accept", "SERVER_BUSY", "silence", |addr| {
            let _clients = [(); 6].map(|()| TcpStream::connect(addr).unwrap());
            Client::new(addr).next_message_within(Duration::from_millis(700))
        }),
        process_scene(WISDOM, "pause-forgets-spent-challenges", "QUOTE REPLAYED", "QUOTE QUOTE", |running| {
            let token = Client::new(running.addr).challenge();
            let solve = || {
                let mut client = Client::new(running.addr);
                client.send(solved(&token));
                client.next_message()
            };
            let first = solve();
            stop_while(running, || thread::sleep(PROCESS_PAUSE));
            thread::sleep(PAUSE);
            format!("{first} {}", solve())
        }),
        process_scene(
            WISDOM,
            "nonces-repeat-without-descriptors",
            "differ differ",
            "differ equal",
            |running| {
                let mut clients = [(); 2].map(|()| Client::new(running.addr));
                let mut compare = || {
                    let [first, second] = [0, 1].map(|client: usize| clients[client].challenge());
                    if first[16..32] == second[16..32] { "equal" } else { "differ" }
                };
                let before = compare();
                limit_descriptors(running, 3);
                format!("{before} {}", compare())
            },
        ),
    ]
}
