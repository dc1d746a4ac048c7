//! What is no frame, no object, or out of place: W04 to W15, W19, W20.

use protocol::wisdom::token::to_base64url;

use super::client::{REQUEST, frame, solution};
use super::start;
use crate::binary::Running;

/// Sends bytes on a new connection, and wants this error and the end.
#[track_caller]
fn refuses(server: &Running, bytes: &[u8], code: &str) {
    let mut client = server.connect();
    client.send(bytes);
    client.expect_error_and_end(code);
}

#[test]
fn w04_a_frame_may_come_byte_by_byte() {
    let server = start(&[]);
    let mut client = server.connect();
    client.stream.set_nodelay(true).unwrap();
    for (sent, byte) in REQUEST.iter().enumerate() {
        client.send(&[*byte]);
        // A round trip on another connection: the server has read what was sent before it.
        server.connect().ask_for_challenge();
        if sent + 1 < REQUEST.len() {
            client.stream.set_nonblocking(true).unwrap();
            assert!(client.stream.peek(&mut [0]).is_err(), "it answers after {sent} bytes");
            client.stream.set_nonblocking(false).unwrap();
        }
    }
    client.expect_challenge();
}

#[test]
fn w05_frames_in_one_segment_are_answered_in_order() {
    let server = start(&[]);
    let older = server.connect().ask_for_challenge();
    let mut client = server.connect();
    client.send(&[REQUEST, &older.solved()].concat());
    client.expect_challenge();
    client.expect_quote_and_end();
}

#[test]
fn w06_to_w08_a_header_that_is_wrong_is_told() {
    let server = start(&[]);
    for (bytes, code) in [
        (&b"WX\x01\x01\0\0\0\x02{}"[..], "MALFORMED_FRAME"),
        (b"G", "MALFORMED_FRAME"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "MALFORMED_FRAME"),
        (b"WW\x02\x01\0\0\0\x02{}", "UNSUPPORTED_VERSION"),
        (b"WW\x00", "UNSUPPORTED_VERSION"),
        (b"WW\x01\x7f\0\0\0\x02{}", "UNKNOWN_TYPE"),
        (b"WW\x01\x00\0\0\0\x02{}", "UNKNOWN_TYPE"),
    ] {
        refuses(&server, bytes, code);
    }
}

#[test]
fn w09_a_length_beyond_the_limit_is_told_before_the_body() {
    let server = start(&[]);
    let memory = || server.metric("process_resident_memory_bytes");
    server.connect().ask_for_challenge();
    let before = if cfg!(target_os = "linux") { memory() } else { 0.0 };
    for length in [4097_u32, u32::MAX] {
        for kind in [1, 3] {
            refuses(&server, &[b"WW\x01", &[kind][..], &length.to_be_bytes()].concat(), "FRAME_TOO_LARGE");
        }
    }
    if cfg!(target_os = "linux") {
        assert!(memory() < before + 64e6, "it allocates what is announced");
    }
    // The longest frame that is allowed, of blanks around an object.
    let mut client = server.connect();
    client.send(&frame(1, format!("{:>4096}", "{}")));
    client.expect_challenge();
}

#[test]
fn w10_to_w12_a_payload_is_one_object() {
    let server = start(&[]);
    let good = server.connect().ask_for_challenge();
    let twice = format!(r#"{{"challenge":"{0}","challenge":"{0}","counter":"0000000000000000"}}"#, good.text);
    let array = format!(r#"["{}","0000000000000000"]"#, good.text);
    for payload in [&b""[..], b"\xff\xfe", b"{\"\xff\":1}", b"[]", b"{}{}", b"{} x", b"null", b"{"] {
        refuses(&server, &frame(1, payload), "INVALID_PAYLOAD");
    }
    for payload in [&b""[..], b"{}", twice.as_bytes(), array.as_bytes()] {
        refuses(&server, &frame(3, payload), "INVALID_PAYLOAD");
    }
    let mut client = server.connect();
    client.send(&frame(1, br#"{"unknown":{"challenge":[1]}}"#));
    client.expect_challenge();
}

#[test]
fn w13_deep_nesting_harms_nobody() {
    let server = start(&[]);
    let mut client = server.connect();
    client.send(&frame(1, format!(r#"{{"x":{}{}}}"#, "[".repeat(1500), "]".repeat(1500))));
    client.expect_challenge();
    server.connect().ask_for_challenge();
}

#[test]
fn w14_what_a_server_says_is_not_for_a_client() {
    let server = start(&[]);
    for kind in [2, 4, 5] {
        refuses(&server, &frame(kind, "{}"), "UNEXPECTED_MESSAGE");
    }
}

#[test]
fn w15_a_connection_gets_two_challenges() {
    let server = start(&[]);
    let mut client = server.connect();
    let nonces = [client.ask_for_challenge(), client.ask_for_challenge()].map(|given| given.token.nonce);
    assert_ne!(nonces[0], nonces[1]);
    client.send(REQUEST);
    client.expect_error_and_end("UNEXPECTED_MESSAGE");
}

#[test]
fn w19_and_w20_challenge_and_counter_have_one_form() {
    let server = start(&[]);
    let text = server.connect().ask_for_challenge().text;
    let other_last = text[..85].to_owned() + "B";
    for challenge in
        [&other_last, &text[..85], &format!("{text}=="), &to_base64url(&[0; 63]), &to_base64url(&[0; 65])]
    {
        refuses(&server, &solution(challenge, 0), "INVALID_PAYLOAD");
    }
    for counter in ["0", "\"00000000000000AB\"", "\"000000000000000\"", "\"00000000000000000\"", "null"] {
        let payload = format!(r#"{{"challenge":"{text}","counter":{counter}}}"#);
        refuses(&server, &frame(3, payload), "INVALID_PAYLOAD");
    }
}

/// What was sent together with what is wrong is thrown away before the end, which would be a reset otherwise.
#[test]
fn an_error_is_read_whatever_follows() {
    let server = start(&[]);
    for _ in 0..50 {
        let mut client = server.connect();
        client.send(&[b"WX", &[b'x'; 7000][..]].concat());
        client.expect_error_and_end("MALFORMED_FRAME");
    }
}
