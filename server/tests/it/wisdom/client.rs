//! A client of WOW/1 that sends bytes, and reads frames without the code that wrote them.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::Read;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};

use protocol::wisdom::proof::Search;
use protocol::wisdom::token::{Token, from_base64url, to_base64url};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;

use crate::support::{Client, PATIENCE};

/// A request for a challenge.
pub(crate) const REQUEST: &[u8] = b"WW\x01\x01\x00\x00\x00\x02{}";

pub(crate) const CHALLENGE: u8 = 2;
pub(crate) const QUOTE: u8 = 4;
pub(crate) const ERROR: u8 = 5;

/// A frame of this type.
pub(crate) fn frame(kind: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).unwrap();
    [b"WW\x01", &[kind][..], &length.to_be_bytes(), payload].concat()
}

/// The solution of a challenge by this counter.
pub(crate) fn solution(challenge: &str, counter: u64) -> Vec<u8> {
    frame(3, format!(r#"{{"challenge":"{challenge}","counter":"{counter:016x}"}}"#))
}

/// A counter for which the hash begins with so many zero bits.
pub(crate) fn counter(token: &[u8; 64], is_wanted: impl Fn(u32) -> bool) -> u64 {
    let mut search = Search::new(token);
    (0..u64::MAX).find(|&counter| is_wanted(search.zero_bits(counter))).unwrap()
}

/// A challenge that was given.
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) bytes: [u8; 64],
    pub(crate) token: Token,
    pub(crate) fields: Value,
}

impl Given {
    /// A solution that is right.
    pub(crate) fn solved(&self) -> Vec<u8> {
        let difficulty = self.token.difficulty.into();
        solution(&self.text, counter(&self.bytes, |bits| bits >= difficulty))
    }

    /// One with a bit less than is needed.
    pub(crate) fn nearly_solved(&self) -> Vec<u8> {
        let difficulty = u32::from(self.token.difficulty);
        solution(&self.text, counter(&self.bytes, |bits| bits == difficulty - 1))
    }
}

impl Client {
    /// Reads a frame: its type and its object.
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
    pub(crate) fn expect_challenge(&mut self) -> Given {
        let (kind, fields) = self.read_frame();
        assert_eq!(kind, CHALLENGE, "{fields}");
        let text = fields["challenge"].as_str().unwrap().to_owned();
        let bytes = from_base64url(&text).unwrap();
        assert_eq!(to_base64url(&bytes), text);
        Given { text, bytes, token: Token::read(&bytes), fields }
    }

    #[track_caller]
    pub(crate) fn ask_for_challenge(&mut self) -> Given {
        self.send(REQUEST);
        self.expect_challenge()
    }

    /// Reads an error that leaves the connection open.
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
    let SocketAddr::V4(to) = to.parse().unwrap() else { panic!("{to} is not of IPv4") };
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddrV4::new(from.into(), 0)).unwrap();
    connect(&socket, &to).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client { stream }
}
