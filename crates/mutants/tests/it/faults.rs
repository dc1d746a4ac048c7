//! Defects that show only under faults of clients, of the network or of the process.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use crate::binary::Running;
use crate::binary::leaks::resources;
use crate::clients::{Client, PAUSE, eventually, state_of};
use crate::scenes::{Scene, play_at_once, process_scene, scene};

/// Mutants that unit tests cover, because a client needs seconds to fill the buffers of both sockets, or thousands of visits.
pub(crate) const COVERED: [&str; 7] = [
    "four-stalled-readers-block-all",
    "replies-lag-after-a-stall",
    "leaks-beside-garbage",
    "leaks-descriptors-of-stalled-readers",
    "ends-after-a-slow-log-line",
    "lost-reader-stops-later-writes",
    "accepts-128-at-once",
];

#[test]
fn exhausted_descriptors_do_no_lasting_harm_except_with_mutants() {
    play_at_once(&exhaustion());
}

#[test]
fn lost_clients_do_not_affect_others_except_with_mutants() {
    play_at_once(&lost_clients());
}

#[test]
fn slow_clients_do_not_affect_others_except_with_mutants() {
    play_at_once(&slow_clients());
}

#[test]
fn crowds_and_pauses_close_no_connection_except_with_mutants() {
    play_at_once(&crowds_and_pauses());
}

pub(crate) fn scenes() -> Vec<Scene> {
    [exhaustion(), lost_clients(), slow_clients(), crowds_and_pauses()].into_iter().flatten().collect()
}

/// Limits the file descriptors of a process. Those that are open stay open.
pub(crate) fn limit_descriptors(running: &Running, count: u64) {
    let limit = Rlimit { current: Some(count), maximum: getrlimit(Resource::Nofile).maximum };
    prlimit(Some(Pid::from_child(&running.child)), Resource::Nofile, limit).unwrap();
}

/// Stops a process, calls `meanwhile`, and continues the process.
pub(crate) fn stop_while(running: &Running, meanwhile: impl FnOnce()) {
    let process = Pid::from_child(&running.child);
    kill_process(process, Signal::STOP).unwrap();
    meanwhile();
    kill_process(process, Signal::CONT).unwrap();
}

/// Longer than the pauses that defects recognize.
pub(crate) const PROCESS_PAUSE: Duration = Duration::from_millis(1300);
const LONG_PROCESS_PAUSE: Duration = Duration::from_millis(2300);

/// Returns whether a process uses CPU time although no client sends anything.
fn activity(running: &Running) -> String {
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", running.child.id())).unwrap();
        let (_, figures) = stat.rsplit_once(") ").unwrap();
        let figures: Vec<&str> = figures.split(' ').collect();
        figures[11].parse::<u64>().unwrap() + figures[12].parse::<u64>().unwrap()
    };
    let before = ticks();
    thread::sleep(Duration::from_millis(300));
    if ticks() - before > 4 { "busy".into() } else { "idle".into() }
}

/// Connects more clients than the process has file descriptors. A process that ends meanwhile refuses the last of them.
fn exhaust(running: &Running) -> Vec<Client> {
    limit_descriptors(running, 16);
    let clients = (0..20).filter_map(|_| Client::try_new(running.addr)).collect();
    thread::sleep(PAUSE);
    clients
}

fn exhaustion() -> Vec<Scene> {
    vec![
        process_scene(&[], "stops-accepting-after-a-failure", "FAIL", "silence", |running| {
            drop(exhaust(running));
            let mut client = Client::new(running.addr);
            client.send("QUERY|a|\n");
            client.reply_within(Duration::from_secs(1))
        }),
        process_scene(&[], "spins-on-failed-accepts", "idle FAIL", "busy FAIL", |running| {
            let clients = exhaust(running);
            let activity = activity(running);
            drop(clients);
            format!("{activity} {}", Client::new(running.addr).ask("QUERY|a|"))
        }),
        process_scene(&[], "dies-of-a-failed-accept", "running", "ended", |running| {
            drop(exhaust(running));
            eventually("ended", || state_of(running.addr))
        }),
    ]
}

/// Returns a client that has connected after another one was reset within a line.
fn after_a_half_line(addr: SocketAddr) -> Client {
    let mut client = Client::new(addr);
    client.send("INDEX|a");
    thread::sleep(PAUSE);
    client.reset();
    thread::sleep(PAUSE);
    Client::new(addr)
}

fn lost_clients() -> Vec<Scene> {
    vec![
        process_scene(&[], "half-line-end-spins", "idle FAIL", "busy FAIL", |running| {
            let mut client = Client::new(running.addr);
            client.send("QUERY|");
            assert_eq!(client.rest(), b"");
            format!("{} {}", activity(running), Client::new(running.addr).ask("QUERY|a|"))
        }),
        scene("half-line-goes-to-the-next-client", "FAIL FAIL", "ERROR FAIL", |addr| {
            let mut next = after_a_half_line(addr);
            format!("{} {}", next.ask("QUERY|a|"), next.ask("QUERY|a|"))
        }),
        scene("reset-ends-a-worker", "FAIL FAIL FAIL FAIL", "FAIL FAIL FAIL silence", |addr| {
            let mut client = Client::new(addr);
            client.ask("QUERY|a|");
            client.reset();
            thread::sleep(PAUSE);
            let replies = [(); 4].map(|()| {
                let mut client = Client::new(addr);
                client.send("QUERY|a|\n");
                client.soon()
            });
            replies.join(" ")
        }),
        scene("reset-closes-the-next-client", "FAIL FAIL", "closed FAIL", |addr| {
            let mut client = Client::new(addr);
            client.ask("QUERY|a|");
            client.reset();
            thread::sleep(PAUSE);
            [(); 2].map(|()| Client::new(addr).ask("QUERY|a|")).join(" ")
        }),
        scene("timer-closes-a-later-client", "FAIL FAIL", "FAIL closed", |addr| {
            let mut next = after_a_half_line(addr);
            let first = next.ask("QUERY|a|");
            thread::sleep(Duration::from_millis(10_200));
            format!("{first} {}", next.ask("QUERY|a|"))
        }),
    ]
}

fn slow_clients() -> Vec<Scene> {
    let long_pause = Duration::from_millis(1100);
    vec![
        scene("half-line-delays-newcomers", "FAIL FAIL FAIL", "FAIL silence FAIL", move |addr| {
            let (mut slow, mut other) = (Client::new(addr), Client::new(addr));
            slow.send("QUERY|");
            thread::sleep(long_pause);
            let mut late = Client::new(addr);
            late.send("QUERY|a|\n");
            format!("{} {} {}", other.ask("QUERY|a|"), late.soon(), slow.ask("a|"))
        }),
        scene("half-line-forgotten-when-idle", "FAIL", "ERROR", move |addr| {
            let mut client = Client::new(addr);
            client.send("QUERY|");
            thread::sleep(long_pause);
            client.ask("a|")
        }),
        process_scene(&[], "reads-within-a-line-take-blocks", "constant FAIL", "growing FAIL", |running| {
            let mut client = Client::new(running.addr);
            client.ask("QUERY|a|");
            let [_, _, before] = resources(running);
            client.send("QUERY|");
            for _ in 0..4000 {
                client.send("a");
                thread::sleep(Duration::from_micros(50));
            }
            let [_, _, after] = resources(running);
            let growth = if after > before + 4000 { "growing" } else { "constant" };
            format!("{growth} {}", client.ask("|"))
        }),
        scene("silent-clients-hold-the-acceptor", "FAIL", "silence", |addr| {
            let silent = [(); 4].map(|()| Client::new(addr));
            let mut other = Client::new(addr);
            other.send("QUERY|a|\n");
            let reply = other.soon();
            drop(silent);
            reply
        }),
        scene("closes-wait-for-unread-replies", "FAIL", "silence", |addr| {
            let (mut slow, mut other) = (Client::new(addr), Client::new(addr));
            slow.shrink_receive_buffer();
            slow.send("QUERY|a|\n".repeat(6000));
            slow.end_sending();
            thread::sleep(PAUSE);
            other.send("QUERY|a|\n");
            other.soon()
        }),
        scene("error-flood-blocks-all", "FAIL", "silence", |addr| {
            let mut client = Client::new(addr);
            client.send([b'\n'; 1000]);
            thread::sleep(PAUSE);
            let mut other = Client::new(addr);
            other.send("QUERY|a|\n");
            other.soon()
        }),
    ]
}

fn crowds_and_pauses() -> Vec<Scene> {
    vec![
        process_scene(&[], "storm-closes-the-oldest-client", "FAIL FAIL", "FAIL closed", |running| {
            let mut oldest = Client::new(running.addr);
            let reply = oldest.ask("QUERY|a|");
            let mut crowd: Vec<Client> = (0..260).map(|_| Client::new(running.addr)).collect();
            // Clients are accepted in the order of their arrival.
            crowd[259].ask("QUERY|a|");
            format!("{reply} {}", oldest.ask("QUERY|a|"))
        }),
        process_scene(&[], "index-released-before-the-drain", "OK closed", "OK FAIL", |running| {
            let mut client = Client::new(running.addr);
            let reply = client.ask("INDEX|a|");
            kill_process(Pid::from_child(&running.child), Signal::TERM).unwrap();
            thread::sleep(PAUSE);
            format!("{reply} {}", client.ask("QUERY|a|"))
        }),
        process_scene(&[], "pause-closes-all-clients", "FAIL FAIL", "FAIL closed", |running| {
            let mut client = Client::new(running.addr);
            let reply = client.ask("QUERY|a|");
            stop_while(running, || thread::sleep(PROCESS_PAUSE));
            thread::sleep(PAUSE);
            format!("{reply} {}", client.ask("QUERY|a|"))
        }),
        process_scene(&[], "long-pause-closes-idle-clients", "FAIL FAIL", "FAIL closed", |running| {
            let mut client = Client::new(running.addr);
            let reply = client.ask("QUERY|a|");
            stop_while(running, || thread::sleep(LONG_PROCESS_PAUSE));
            thread::sleep(PAUSE);
            format!("{reply} {}", client.ask("QUERY|a|"))
        }),
    ]
}
