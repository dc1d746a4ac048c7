//! The correct server: clause by clause, in comparison with the model, and with many concurrent clients.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::thread;

use protocol::index::model::Model;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::clients::Client;
use crate::exchanges::{as_lines, exchange, shown};
use crate::scenes::start;

/// Checks the replies of a new server to the given lines.
fn answers(lines: &str, replies: &str) {
    let server = start(None);
    assert_eq!(exchange(server.addr(), &[as_lines(lines)]), shown(as_lines(replies).as_bytes()), "{lines}");
}

#[test]
fn f_framing() {
    let server = start(None);
    let addr = server.addr();
    assert_eq!(exchange(addr, &["INDEX|", "a|", "\nQUERY|a|", "\n"]), r"OK\nOK\n", "F2");
    assert_eq!(
        exchange(addr, &["REMOVE|a|\nQUERY|a|\nINDEX|a|\nQUERY|a|\n"]),
        r"OK\nFAIL\nOK\nOK\n",
        "F3, F5"
    );
    assert_eq!(exchange(addr, &["INDEX|half|"]), "", "F4");
    assert_eq!(exchange(addr, &["QUERY|half|\n"]), r"FAIL\n", "F4");
    let (longest, longer) = (",".repeat((128 << 10) - 8), ",".repeat((128 << 10) - 7));
    let long_lines = format!("INDEX|a|{longest}\nINDEX|b|{longer}\nQUERY|b|\n");
    assert_eq!(exchange(addr, &[long_lines]), r"OK\nERROR\nFAIL\n", "F6");
    assert_eq!(exchange(addr, &["INDEX|a\r|\r\nINDEX|a\r|\n"]), r"FAIL\nOK\n", "F7");
    assert_eq!(exchange(addr, &[""]), "", "F1");
}

#[test]
fn r_requests() {
    answers("QUERY QUERY|a QUERY|a| QUERY|a|| |", "ERROR ERROR FAIL ERROR ERROR");
    answers("index|a| INDE|a| INDEXX|a| INDEX|a|", "ERROR ERROR ERROR OK");
    answers("INDEX|| INDEX||a REMOVE|| QUERY||", "ERROR ERROR ERROR ERROR");
    answers("INDEX|b| INDEX|a|b,c INDEX|c| INDEX|a|b,c REMOVE|b| REMOVE|c|", "OK FAIL OK OK FAIL FAIL");
    answers("INDEX|b| INDEX|a|,b,,b, REMOVE|b| REMOVE|a| REMOVE|b|", "OK OK FAIL OK OK");
    answers("INDEX|a| QUERY|a|x REMOVE|a|x", "OK OK OK");
    let names = ["a", "A", "a.b", "a-b", "a_b", "a+b", "a@1", "0", &"n".repeat(100), &"n".repeat(255)];
    for name in names {
        answers(&format!("QUERY|{name}| INDEX|{name}| QUERY|{name}| QUERY|{name}n|"), "FAIL OK OK FAIL");
    }
    let server = start(None);
    let unusual =
        b"INDEX| a|\nQUERY|a|\nINDEX|b|  a,\t\nINDEX|a\xff=\x00|\nQUERY|a\xfe=\x00|\nINDEX|c| a\xff=\x00\t\n";
    assert_eq!(exchange(server.addr(), &[unusual]), r"OK\nFAIL\nFAIL\nOK\nFAIL\nOK\n", "R5, R7");
}

#[test]
fn s_rules() {
    answers("INDEX|a|b QUERY|a| INDEX|b| INDEX|a|b,c INDEX|a|b QUERY|a|", "FAIL FAIL OK FAIL OK OK");
    answers(
        "INDEX|b| INDEX|c| INDEX|a|b INDEX|a|c REMOVE|b| REMOVE|c| INDEX|a|x REMOVE|c| QUERY|a|",
        "OK OK OK OK OK FAIL FAIL FAIL OK",
    );
    answers("INDEX|b| INDEX|a|b REMOVE|b| QUERY|b| REMOVE|a| REMOVE|b| QUERY|b|", "OK OK FAIL OK OK OK FAIL");
    answers("REMOVE|a| QUERY|a| INDEX|a|x REMOVE|x| REMOVE|a|", "OK FAIL FAIL OK OK");
    answers("INDEX|a|a INDEX|a| INDEX|a|a REMOVE|a|", "FAIL OK OK OK");
    answers("INDEX|b| INDEX|a|b REMOVE|a| INDEX|a| REMOVE|b|", "OK OK OK OK OK");
    answers(
        "INDEX|b| INDEX|a|b INDEX|b|a REMOVE|a| REMOVE|b| INDEX|b| REMOVE|a|",
        "OK OK OK FAIL FAIL OK OK",
    );
}

#[test]
fn replies_are_those_of_the_model() {
    let server = start(None);
    let mut model = Model::default();
    let mut draws = ChaCha8Rng::seed_from_u64(15);
    for _ in 0..100 {
        let (mut lines, mut replies) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let line = random_line(&mut draws);
            replies.extend_from_slice(model.answer(line.as_bytes()).line());
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        let mut client = Client::new(server.addr());
        while !lines.is_empty() {
            let cut = draws.random_range(1..=lines.len());
            client.send(lines.drain(..cut).collect::<Vec<u8>>());
        }
        assert_eq!(shown(&client.rest()), shown(&replies));
    }
}

fn random_line(draws: &mut ChaCha8Rng) -> String {
    let names = ["a", "b", "c", "d", "e", "f", "A", "a b", "", " a", "b\r"];
    let words = ["INDEX", "INDEX", "INDEX", "REMOVE", "REMOVE", "QUERY", "QUERY", "query", "QUER", ""];
    let mut pick = |from: &[&'static str]| *from.choose(draws).unwrap();
    let (word, package) = (pick(&words), pick(&names));
    let list: Vec<&str> = (0..4).map(|_| pick(&names)).collect();
    let mut line = format!("{word}|{package}");
    let listed_count = draws.random_range(0..=4);
    let _ = write!(line, "|{}", list[..listed_count].join(","));
    match draws.random_range(0..40) {
        0 => line.replacen('|', "", 1),
        1 => line + "|",
        2 => line + "\r",
        _ => line,
    }
}

#[test]
fn many_clients_are_served_concurrently_with_idle_ones() {
    let server = start(None);
    let addr = server.addr();
    let idle: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(addr).unwrap()).collect();
    assert_eq!(Client::new(addr).ask("INDEX|base|"), "OK");
    thread::scope(|scope| {
        for number in 0..100 {
            scope.spawn(move || {
                let mut client = Client::new(addr);
                for _ in 0..20 {
                    let ask =
                        |client: &mut Client, word, list| client.ask(&format!("{word}|p{number}|{list}"));
                    assert_eq!(ask(&mut client, "INDEX", "base"), "OK");
                    assert_eq!(client.ask("REMOVE|base|"), "FAIL");
                    assert_eq!(ask(&mut client, "QUERY", ""), "OK");
                    assert_eq!(ask(&mut client, "REMOVE", ""), "OK");
                    assert_eq!(ask(&mut client, "QUERY", ""), "FAIL");
                    assert_eq!(ask(&mut client, "INDEX", ""), "OK");
                    assert_eq!(ask(&mut client, "INDEX", "base"), "OK");
                }
            });
        }
    });
    drop(idle);
}

#[test]
fn dropping_the_server_closes_its_listener_and_connections() {
    let server = start(None);
    let addr = server.addr();
    let mut client = Client::new(addr);
    assert_eq!(client.ask("INDEX|a|"), "OK");
    drop(server);
    assert_eq!(client.reply(), "closed");
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn waiting_ends_when_a_defect_ends_the_server() {
    let server = start(Some("dies-of-an-empty-line"));
    Client::new(server.addr()).send("\n");
    server.wait();
    assert!(TcpStream::connect(server.addr()).is_err());
}
