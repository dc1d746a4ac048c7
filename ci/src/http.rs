//! A client for HTTP GET, enough for metrics and for Prometheus.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_secs(5);

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// The value of the header `Content-Type`.
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// Requests a path. HTTP/1.0 makes the server send the body in one piece and close the connection.
///
/// # Errors
/// The connection fails, or the status is not 200.
pub(crate) fn get(addr: &str, path: &str) -> Result<Response, Failure> {
    let during = || Failure::during("requesting metrics over HTTP");
    let mut stream = TcpStream::connect(addr).map_err(during())?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(during())?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(during())?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n").map_err(during())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(during())?;
    parse(&text).ok_or_else(|| {
        let first = text.lines().next().unwrap_or_default();
        Failure::other(format!("http://{addr}{path} responds with '{first}'"))
    })
}

fn parse(text: &str) -> Option<Response> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    if lines.next()?.split(' ').nth(1) != Some("200") {
        return None;
    }
    let is_type = |line: &&str| line.to_ascii_lowercase().starts_with("content-type:");
    let content_type = lines.find(is_type).and_then(|line| line.split_once(':'));
    let content_type = content_type.map_or("", |(_, value)| value.trim()).to_owned();
    Some(Response { content_type, body: body.to_owned() })
}

/// Escapes a query parameter.
pub(crate) fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_has_a_type_and_a_body() {
        let text = "HTTP/1.0 200 OK\r\nA: b\r\ncontent-type: text/plain; version=0.0.4\r\n\r\nup 1\n";
        let expected =
            Response { content_type: "text/plain; version=0.0.4".to_owned(), body: "up 1\n".to_owned() };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("HTTP/1.1 404 Not Found\r\n\r\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn parameters_are_escaped() {
        assert_eq!(escaped("a(0.9, b_c)"), "a%280.9%2C%20b_c%29");
    }
}
