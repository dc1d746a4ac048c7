//! A client of WOW/1 that sends literal bytes and reads frames without the encoder of the crate `protocol`.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::Read;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};

use protocol::wisdom::proof::Search;
use protocol::wisdom::token::{Token, from_base64url, to_base64url};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;

use crate::support::{Client, WAIT_MAX};

/// A request for a challenge.
pub(crate) const REQUEST: &[u8] = b"WW\x01\x01\x00\x00\x00\x02{}";

pub(crate) const CHALLENGE: u8 = 2;
pub(crate) const QUOTE: u8 = 4;
pub(crate) const ERROR: u8 = 5;

/// Returns a frame of this type.
pub(crate) fn frame(kind: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).unwrap();
    [b"WW\x01", &[kind][..], &length.to_be_bytes(), payload].concat()
}

/// Returns the frame of a solution with this counter.
pub(crate) fn solution(challenge: &str, counter: u64) -> Vec<u8> {
    frame(3, format!(r#"{{"challenge":"{challenge}","counter":"{counter:016x}"}}"#))
}

/// Finds a counter whose number of zero bits satisfies the condition.
pub(crate) fn counter(token: &[u8; 64], is_wanted: impl Fn(u32) -> bool) -> u64 {
    let mut search = Search::new(token);
    (0..u64::MAX).find(|&counter| is_wanted(search.zero_bits(counter))).unwrap()
}

/// A received challenge.
pub(crate) struct Received {
    pub(crate) text: String,
    pub(crate) bytes: [u8; 64],
    pub(crate) token: Token,
    pub(crate) fields: Value,
}

impl Received {
    /// Returns a valid solution.
    pub(crate) fn solved(&self) -> Vec<u8> {
        let difficulty = self.token.difficulty.into();
        solution(&self.text, counter(&self.bytes, |bits| bits >= difficulty))
    }

    /// Returns a solution with one zero bit too few.
    pub(crate) fn nearly_solved(&self) -> Vec<u8> {
        let difficulty = u32::from(self.token.difficulty);
        solution(&self.text, counter(&self.bytes, |bits| bits == difficulty - 1))
    }
}

impl Client {
    /// Reads a frame, and returns its type and its object.
    #[track_caller]
    pub(crate) fn read_frame(&mut self) -> (u8, Value) {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).unwrap();
        assert_eq!(header[..3], *b"WW\x01");
        let mut payload = vec![0; u32::from_be_bytes(header[4..].try_into().unwrap()) as usize];
        self.stream.read_exact(&mut payload).unwrap();
        (header[3], serde_json::from_slice(&payload).unwrap())
    }

    #[track_caller]
    pub(crate) fn expect_challenge(&mut self) -> Received {
        let (kind, fields) = self.read_frame();
        assert_eq!(kind, CHALLENGE, "{fields}");
        let text = fields["challenge"].as_str().unwrap().to_owned();
        let bytes = from_base64url(&text).unwrap();
        assert_eq!(to_base64url(&bytes), text);
        Received { text, bytes, token: Token::read(&bytes), fields }
    }

    #[track_caller]
    pub(crate) fn request_challenge(&mut self) -> Received {
        self.send(REQUEST);
        self.expect_challenge()
    }

    /// Reads an error.
    #[track_caller]
    pub(crate) fn expect_error(&mut self, code: &str) -> Value {
        let (kind, fields) = self.read_frame();
        assert_eq!((kind, fields["code"].as_str()), (ERROR, Some(code)), "{fields}");
        fields
    }

    /// Reads an error and then the end of the stream.
    #[track_caller]
    pub(crate) fn expect_error_and_end(mut self, code: &str) {
        self.expect_error(code);
        self.expect_to_end(b"");
    }

    /// Reads a quotation and then the end of the stream.
    #[track_caller]
    pub(crate) fn expect_quote_and_end(mut self) -> Value {
        let (kind, fields) = self.read_frame();
        assert_eq!(kind, QUOTE, "{fields}");
        self.expect_to_end(b"");
        fields
    }
}

/// Connects from this address of the loopback network.
pub(crate) fn connect_from(from: [u8; 4], to: &str) -> Client {
    let SocketAddr::V4(to) = to.parse().unwrap() else { panic!("{to} is not an IPv4 address") };
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddrV4::new(from.into(), 0)).unwrap();
    connect(&socket, &to).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    Client { stream }
}
