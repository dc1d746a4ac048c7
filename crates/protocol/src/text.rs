//! Text forms of wire bytes for people: one printable line, and hexadecimal digits.

use std::fmt::Write;

/// The longest part of a line that is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

/// Returns bytes as one printable line of ASCII; the part beyond 200 bytes is only counted.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(SHOWN_BYTES_MAX)].escape_ascii();
    match bytes.len().saturating_sub(SHOWN_BYTES_MAX) {
        0 => shown.to_string(),
        more => format!("{shown}… ({more} more bytes)"),
    }
}

/// Returns bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the bytes of a text that [`slice::escape_ascii`] wrote; `None` if it contains an invalid escape.
#[must_use]
pub fn unescape(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    loop {
        text = match text {
            [] => return Some(bytes),
            [b'\\', b'x', high, low, rest @ ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest
            }
            [b'\\', escape, rest @ ..] => {
                bytes.push(match escape {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'\\' | b'\'' | b'"' => *escape,
                    _ => return None,
                });
                rest
            }
            [b'\\'] => return None,
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_shown_as_one_short_line() {
        assert_eq!(printable(b"OK\x1b[2J\r\n\xff"), r"OK\x1b[2J\r\n\xff");
        let long = printable(&vec![b'x'; 1 << 20]);
        assert!(long.ends_with("… (1048376 more bytes)") && long.len() < 300, "{long}");
    }

    #[test]
    fn every_escaped_byte_is_unescaped() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(all.escape_ascii().to_string().as_bytes()), Some(all));
        assert_eq!(unescape(br"\q"), None);
    }

    #[test]
    fn each_byte_is_two_hexadecimal_digits() {
        assert_eq!(hex(b"\x00\x0f\xff"), "000fff");
    }
}
