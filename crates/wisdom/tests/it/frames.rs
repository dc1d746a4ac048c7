//! Invalid frames, payloads and messages: W04 to W15, W19, W20.

use protocol::wisdom::token::to_base64url;

use super::client::{REQUEST, frame, solution};
use crate::binary::Running;
use crate::start;

/// Sends bytes on a new connection, and expects this error and the end of the stream.
#[track_caller]
fn expect_refusal(server: &Running, bytes: &[u8], code: &str) {
    let mut client = server.connect();
    client.send(bytes);
    client.expect_error_and_end(code);
}

#[test]
fn w04_a_frame_may_arrive_byte_by_byte() {
    let server = start(&[]);
    let mut client = server.connect();
    client.stream.set_nodelay(true).unwrap();
    for (sent, byte) in REQUEST.iter().enumerate() {
        client.send(&[*byte]);
        // A round trip on another connection ensures that the server has read the byte.
        server.connect().request_challenge();
        if sent + 1 < REQUEST.len() {
            client.stream.set_nonblocking(true).unwrap();
            assert!(client.stream.peek(&mut [0]).is_err(), "the server answers after {sent} bytes");
            client.stream.set_nonblocking(false).unwrap();
        }
    }
    client.expect_challenge();
}

#[test]
fn w05_frames_in_one_segment_are_answered_in_order() {
    let server = start(&[]);
    let older = server.connect().request_challenge();
    let mut client = server.connect();
    client.send(&[REQUEST, &older.solved()].concat());
    client.expect_challenge();
    client.expect_quote_and_end();
}

#[test]
fn w06_to_w08_an_invalid_header_is_refused() {
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
        expect_refusal(&server, bytes, code);
    }
}

#[test]
fn w09_a_length_above_the_limit_is_refused_before_the_body() {
    let server = start(&[]);
    let memory = || server.metric("process_resident_memory_bytes");
    server.connect().request_challenge();
    let before = if cfg!(target_os = "linux") { memory() } else { 0.0 };
    for length in [4097_u32, u32::MAX] {
        for kind in [1, 3] {
            expect_refusal(
                &server,
                &[b"WW\x01", &[kind][..], &length.to_be_bytes()].concat(),
                "FRAME_TOO_LARGE",
            );
        }
    }
    if cfg!(target_os = "linux") {
        assert!(memory() < before + 64e6, "the server allocates the announced length");
    }
    // The longest permitted frame: an object after spaces.
    let mut client = server.connect();
    client.send(&frame(1, format!("{:>4096}", "{}")));
    client.expect_challenge();
}

#[test]
fn w10_to_w12_a_payload_is_one_object() {
    let server = start(&[]);
    let good = server.connect().request_challenge();
    let twice = format!(r#"{{"challenge":"{0}","challenge":"{0}","counter":"0000000000000000"}}"#, good.text);
    let array = format!(r#"["{}","0000000000000000"]"#, good.text);
    for payload in [&b""[..], b"\xff\xfe", b"{\"\xff\":1}", b"[]", b"{}{}", b"{} x", b"null", b"{"] {
        expect_refusal(&server, &frame(1, payload), "INVALID_PAYLOAD");
    }
    for payload in [&b""[..], b"{}", twice.as_bytes(), array.as_bytes()] {
        expect_refusal(&server, &frame(3, payload), "INVALID_PAYLOAD");
    }
    let mut client = server.connect();
    client.send(&frame(1, br#"{"unknown":{"challenge":[1]}}"#));
    client.expect_challenge();
}

#[test]
fn w13_deep_nesting_is_harmless() {
    let server = start(&[]);
    let mut client = server.connect();
    client.send(&frame(1, format!(r#"{{"x":{}{}}}"#, "[".repeat(1500), "]".repeat(1500))));
    client.expect_challenge();
    server.connect().request_challenge();
}

#[test]
fn w14_messages_of_a_server_are_refused() {
    let server = start(&[]);
    for kind in [2, 4, 5] {
        expect_refusal(&server, &frame(kind, "{}"), "UNEXPECTED_MESSAGE");
    }
}

#[test]
fn w15_a_connection_gets_two_challenges() {
    let server = start(&[]);
    let mut client = server.connect();
    let nonces =
        [client.request_challenge(), client.request_challenge()].map(|received| received.token.nonce);
    assert_ne!(nonces[0], nonces[1]);
    client.send(REQUEST);
    client.expect_error_and_end("UNEXPECTED_MESSAGE");
}

#[test]
fn w19_and_w20_challenge_and_counter_have_one_encoding() {
    let server = start(&[]);
    let text = server.connect().request_challenge().text;
    let other_last = text[..85].to_owned() + "B";
    for challenge in
        [&other_last, &text[..85], &format!("{text}=="), &to_base64url(&[0; 63]), &to_base64url(&[0; 65])]
    {
        expect_refusal(&server, &solution(challenge, 0), "INVALID_PAYLOAD");
    }
    for counter in ["0", "\"00000000000000AB\"", "\"000000000000000\"", "\"00000000000000000\"", "null"] {
        let payload = format!(r#"{{"challenge":"{text}","counter":{counter}}}"#);
        expect_refusal(&server, &frame(3, payload), "INVALID_PAYLOAD");
    }
}

/// Input after an error is discarded before the connection closes. Unread input would cause a reset.
#[test]
fn an_error_arrives_despite_further_input() {
    let server = start(&[]);
    for _ in 0..50 {
        let mut client = server.connect();
        client.send(&[b"WX", &[b'x'; 7000][..]].concat());
        client.expect_error_and_end("MALFORMED_FRAME");
    }
}
