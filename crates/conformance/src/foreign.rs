//! Replies that show that the target speaks another protocol.

/// Returns the name of the other protocol that a reply reveals, such as `HTTP`.
#[must_use]
pub fn foreign_speech(reply: &[u8]) -> Option<&'static str> {
    const SIGNS: [(&[u8], &str); 6] = [
        (b"HTTP/", "HTTP"),
        (b"<!DOCTYPE", "HTTP"),
        (b"<html", "HTTP"),
        (b"\x15\x03", "TLS"),
        (b"SSH-", "SSH"),
        (b"220 ", "SMTP or FTP"),
    ];
    SIGNS.iter().find(|(sign, _)| reply.starts_with(sign)).map(|(_, name)| *name)
}
