//! Replies to literal bytes, clause by clause.

use std::io::Write;

use crate::support::{Client, LINE_BYTES_MAX, Server};

#[test]
fn f1_no_unsolicited_bytes() {
    let server = Server::start();
    let mut client = server.connect();
    client.ask(b"QUERY|a|\n", b"FAIL\n");
    client.end_sending();
    client.expect_to_end(b"");
}

#[test]
fn f2_a_line_split_at_any_byte_is_one_request() {
    let server = Server::start();
    let mut client = server.connect();
    let line = b"INDEX|cut|\n";
    for cut in 1..line.len() {
        client.send(&line[..cut]);
        // A round trip on another connection ensures that the server has read the first part.
        server.connect().ask(b"QUERY|other|\n", b"FAIL\n");
        client.ask(&line[cut..], b"OK\n");
    }
}

#[test]
fn f3_lines_in_one_segment_are_answered_in_order() {
    let server = Server::start();
    server.connect().ask(
        b"INDEX|a|b\nINDEX|b|\nINDEX|a|b\nREMOVE|b|\nnonsense\nREMOVE|a|\nREMOVE|b|\nQUERY|b|\n",
        b"FAIL\nOK\nOK\nFAIL\nERROR\nOK\nOK\nFAIL\n",
    );
}

#[test]
fn f3_ten_thousand_lines_in_one_write_are_answered() {
    let server = Server::start();
    let mut client = server.connect();
    let mut sender = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || sender.write_all(&b"QUERY|a|\n".repeat(10_000)).unwrap());
    client.expect(&b"FAIL\n".repeat(10_000));
    sending.join().unwrap();
}

#[test]
fn f4_bytes_without_a_line_end_are_no_request() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(b"INDEX|half|");
    client.end_sending();
    client.expect_to_end(b"");
    server.connect().ask(b"QUERY|half|\n", b"FAIL\n");
}

#[test]
fn f5_a_client_that_ends_its_sending_half_gets_its_replies() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(b"INDEX|a|\nQUERY|a|\nQUERY|b|\nQUERY|");
    client.end_sending();
    client.expect_to_end(b"OK\nOK\nFAIL\n");
}

#[test]
fn f6_a_line_over_the_limit_is_answered_error_and_skipped() {
    let server = Server::start();
    let mut client = server.connect();
    let fits = [b"QUERY|", &b"n".repeat(LINE_BYTES_MAX - 7)[..], b"|\n"].concat();
    client.ask(&fits, b"FAIL\n");
    let too_long = [b"QUERY|", &b"n".repeat(LINE_BYTES_MAX - 6)[..], b"|\n"].concat();
    client.ask(&too_long, b"ERROR\n");
    client.ask(&[&b"x".repeat(1 << 20)[..], b"\nQUERY|a|\n"].concat(), b"ERROR\nFAIL\n");
}

#[test]
fn r1_to_r3_an_invalid_request_is_answered_error_and_the_connection_stays_open() {
    let server = Server::start();
    let mut client = server.connect();
    for line in [
        "",
        "|",
        "||",
        "INDEX",
        "INDEX|a",
        "INDEX|a||",
        "INDEX|a|b|c",
        "index|a|",
        "INDEXX|a|",
        "INDEX||",
        " INDEX|a|",
        "QUERY||a",
        "REMOVES|a|b",
        "INDEX|emacs\u{2603}elisp",
        "\u{2603}|a|",
        "QUERY|a|\0|",
    ] {
        client.ask(format!("{line}\n").as_bytes(), b"ERROR\n");
    }
    client.ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn r5_to_r7_unspecified_cases_behave_as_documented() {
    let server = Server::start();
    let mut client = server.connect();
    client.ask(b"INDEX|b|\nINDEX|c|\n", b"OK\nOK\n");
    client.ask(b"INDEX|a|b,, c\t,b,\n", b"OK\n");
    client.ask(b"REMOVE|b|\nREMOVE|c|\n", b"FAIL\nFAIL\n");
    client.ask(b"QUERY|a|missing\nREMOVE|a|missing\n", b"OK\nOK\n");
    client.ask(b"REMOVE|b|\n", b"OK\n");
    client.ask(b"INDEX|\xff\xfe\x00 =|\nQUERY|\xff\xfe\x00 =|\nQUERY|\xff\xfe\x00  =|\n", b"OK\nOK\nFAIL\n");
}

#[test]
fn r8_a_thousand_dependencies_in_a_line_of_64_kib_are_accepted() {
    let server = Server::start();
    let mut client = server.connect();
    let name = |number: usize| format!("{number:0>60}");
    let names: Vec<String> = (0..1000).map(name).collect();
    for name in &names {
        client.ask(format!("INDEX|{name}|\n").as_bytes(), b"OK\n");
    }
    client.ask(format!("INDEX|all|{}\n", names.join(",")).as_bytes(), b"OK\n");
    client.ask(format!("REMOVE|{}|\n", names[999]).as_bytes(), b"FAIL\n");
    client.ask(b"REMOVE|all|\n", b"OK\n");
    client.ask(format!("REMOVE|{}|\n", names[999]).as_bytes(), b"OK\n");
}

#[test]
fn s1_to_s8_hold_over_a_socket() {
    let server = Server::start();
    let mut client = server.connect();
    client.ask(b"INDEX|a|b\nQUERY|a|\nINDEX|b|\nINDEX|a|b\n", b"FAIL\nFAIL\nOK\nOK\n");
    client.ask(b"INDEX|c|\nINDEX|a|c\nREMOVE|b|\nREMOVE|c|\n", b"OK\nOK\nOK\nFAIL\n");
    client.ask(b"INDEX|a|missing\nREMOVE|c|\n", b"FAIL\nFAIL\n");
    client.ask(b"REMOVE|a|\nINDEX|a|\nREMOVE|c|\nREMOVE|c|\n", b"OK\nOK\nOK\nOK\n");
    client.ask(b"INDEX|a|a\nREMOVE|a|\nINDEX|a|a\n", b"OK\nOK\nFAIL\n");
    client.ask(b"INDEX|x|\nINDEX|y|x\nINDEX|x|y\nREMOVE|x|\nREMOVE|y|\n", b"OK\nOK\nOK\nFAIL\nFAIL\n");
}

#[test]
fn c1_more_than_a_hundred_clients_are_served_next_to_idle_and_stalled_ones() {
    let server = Server::start();
    let mut clients: Vec<Client> = (0..250).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        match number % 3 {
            0 => {}
            1 => client.send(b"INDEX|stalled"),
            _ => client.ask(format!("INDEX|p{number}|\n").as_bytes(), b"OK\n"),
        }
    }
    for number in (2..250).step_by(3) {
        clients[number - 2].ask(format!("QUERY|p{number}|\n").as_bytes(), b"OK\n");
    }
}

#[test]
fn c3_a_lost_client_leaves_its_complete_requests_only() {
    let server = Server::start();
    for number in 0..50 {
        let mut client = server.connect();
        client.ask(format!("INDEX|done{number}|\n").as_bytes(), b"OK\n");
        client.send(b"INDEX|begun|\nINDEX|half");
        drop(client);
    }
    let mut client = server.connect();
    for number in 0..50 {
        client.ask(format!("QUERY|done{number}|\n").as_bytes(), b"OK\n");
    }
    client.ask(b"QUERY|half|\n", b"FAIL\n");
}
