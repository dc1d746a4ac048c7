//! The text form of request scripts in files.
//!
//! ```text
//! # a comment
//! client
//!   INDEX|a|
//!   meet
//!   REMOVE|a|
//! client
//!   meet
//!   QUERY|a|
//! ```
//! Bytes that are not printable are escaped as in Rust literals: `\\xff`.

use std::fmt;

use protocol::index::wire::Request;
use protocol::text::unescape;

use crate::request_script::script::RequestScript;

/// The number of clients that a file may contain.
const CLIENTS_MAX: usize = 10_000;

/// The size that a file may have, in bytes.
pub const BYTES_MAX: usize = 64 << 20;

/// The reason for which a file is not a request script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line is invalid.
    #[error("line {line}: {what}")]
    Line {
        /// The line number, from 1.
        line: usize,
        /// A description of the error.
        what: &'static str,
    },
    /// The file contains no client.
    #[error("the script contains no client")]
    Empty,
    /// The file is too large.
    #[error("the script is larger than {BYTES_MAX} bytes")]
    TooLarge,
}

impl RequestScript {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// The first invalid line, or an empty or oversized script.
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
            let client = clients.last_mut().ok_or(wrong("the first line must be `client`"))?;
            if text == "meet" {
                client.push(Vec::new());
                continue;
            }
            let bytes = unescape(text.as_bytes()).ok_or(wrong("invalid escape sequence"))?;
            if bytes.contains(&b'\n') || Request::decode(&bytes).is_err() {
                return Err(wrong("expected `client`, `meet`, a request or a comment"));
            }
            client.last_mut().ok_or(wrong("the first line must be `client`"))?.push(bytes);
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
    fn a_script_is_read_as_it_was_written() {
        let text = "client\n  INDEX|a|b\n  meet\n  REMOVE|a\\xff|\nclient\n  meet\n";
        let script = RequestScript::parse(text).unwrap();
        assert_eq!(script.clients.len(), 2);
        assert_eq!(script.request_count(), 2);
        assert_eq!(script.names().into_iter().collect::<Vec<_>>(), [&b"a"[..], b"a\xff", b"b"]);
        assert_eq!(script.to_string(), text);
        assert_eq!(RequestScript::parse(&format!("# why\n\n{text}")), Ok(script));
    }

    #[test]
    fn an_invalid_script_is_reported_with_its_line() {
        let error = |text: &str| RequestScript::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "the script contains no client");
        assert_eq!(error("INDEX|a|"), "line 1: the first line must be `client`");
        assert_eq!(error("client\nLIZARD|a|"), "line 2: expected `client`, `meet`, a request or a comment");
        assert_eq!(error("client\nQUERY|\\q|"), "line 2: invalid escape sequence");
    }
}
