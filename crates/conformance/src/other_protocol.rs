//! Replies that reveal that the target speaks another protocol.

/// Returns the name of the other protocol that a reply reveals, such as `HTTP`.
#[must_use]
pub fn other_protocol(reply: &[u8]) -> Option<&'static str> {
    const PREFIXES: [(&[u8], &str); 6] = [
        (b"HTTP/", "HTTP"),
        (b"<!DOCTYPE", "HTTP"),
        (b"<html", "HTTP"),
        (b"\x15\x03", "TLS"),
        (b"SSH-", "SSH"),
        (b"220 ", "SMTP or FTP"),
    ];
    PREFIXES.iter().find(|(prefix, _)| reply.starts_with(prefix)).map(|(_, name)| *name)
}
