//! The form of such requests in a file.
//!
//! ```text
//! # what a comment says is for people
//! client
//!   INDEX|a|
//!   meet
//!   REMOVE|a|
//! client
//!   meet
//!   QUERY|a|
//! ```
//! Bytes that are not printable are written as in Rust's literals: `\\xff`.

use std::fmt;

use protocol::index::wire::Request;

use crate::request_script::script::RequestScript;
use protocol::text::unescape;

/// No file has more clients, …
const CLIENTS_MAX: usize = 10_000;

/// … and none is larger.
pub const BYTES_MAX: usize = 64 << 20;

/// Why a file holds no such requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line of it.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is nothing to do.
    #[error("no client in it")]
    Empty,
    /// It is too large.
    #[error("it is larger than {BYTES_MAX} bytes")]
    TooLarge,
}

impl RequestScript {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > BYTES_MAX {
            return Err(Error::TooLarge);
        }
        let mut clients: Vec<Vec<Vec<Vec<u8>>>> = Vec::new();
        for (text, line) in text.lines().zip(1..) {
            let wrong = |what| Error::Line { line, what };
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if text == "client" {
                if clients.len() == CLIENTS_MAX {
                    return Err(wrong("more than 10,000 clients"));
                }
                clients.push(vec![Vec::new()]);
                continue;
            }
            let client = clients.last_mut().ok_or(wrong("the first line has to be `client`"))?;
            if text == "meet" {
                client.push(Vec::new());
                continue;
            }
            let bytes = unescape(text.as_bytes()).ok_or(wrong("an escape that is none"))?;
            if bytes.contains(&b'\n') || Request::decode(&bytes).is_err() {
                return Err(wrong("neither `client`, `meet`, a request nor a comment"));
            }
            client.last_mut().ok_or(wrong("the first line has to be `client`"))?.push(bytes);
        }
        if clients.is_empty() { Err(Error::Empty) } else { Ok(Self { clients }) }
    }
}

impl fmt::Display for RequestScript {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for client in &self.clients {
            writeln!(out, "client")?;
            for (number, requests) in client.iter().enumerate() {
                if number > 0 {
                    writeln!(out, "  meet")?;
                }
                for request in requests {
                    writeln!(out, "  {}", request.escape_ascii())?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = "client\n  INDEX|a|b\n  meet\n  REMOVE|a\\xff|\nclient\n  meet\n";
        let literal = RequestScript::parse(text).unwrap();
        assert_eq!(literal.clients.len(), 2);
        assert_eq!(literal.request_count(), 2);
        assert_eq!(literal.names().into_iter().collect::<Vec<_>>(), [&b"a"[..], b"a\xff", b"b"]);
        assert_eq!(literal.to_string(), text);
        assert_eq!(RequestScript::parse(&format!("# why\n\n{text}")), Ok(literal));
    }

    #[test]
    fn what_is_none_is_told_with_its_line() {
        let error = |text: &str| RequestScript::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "no client in it");
        assert_eq!(error("INDEX|a|"), "line 1: the first line has to be `client`");
        assert_eq!(error("client\nLIZARD|a|"), "line 2: neither `client`, `meet`, a request nor a comment");
        assert_eq!(error("client\nQUERY|\\q|"), "line 2: an escape that is none");
    }
}
