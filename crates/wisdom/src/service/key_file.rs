//! The secret file: one line `ID SECRET` for each key. Error messages do not contain its text.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Shortest secret, in bytes.
pub const SECRET_BYTES_MIN: usize = 16;

/// Longest file, in bytes: enough for 256 keys with secrets of 250 bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A secret from which a key is derived, cleared when it is dropped. Its debug output does not contain it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Creates a secret, unless it has fewer than [`SECRET_BYTES_MIN`] bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let secret = Self(Zeroizing::new(bytes));
        (secret.0.len() >= SECRET_BYTES_MIN).then_some(secret)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The content of the file, cleared when it is dropped, and the permissions of the file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) text: Zeroizing<Vec<u8>>,
    /// The permission bits; those of a private file on systems without them.
    pub(super) mode: u32,
}

impl Content {
    /// The permission bits, if users other than the owner can access the file.
    pub(super) fn exposed_mode(&self) -> Option<u32> {
        (self.mode & 0o077 != 0).then_some(self.mode)
    }
}

/// The reason why a secret file is invalid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeyFile {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is longer than 64 KiB.
    #[error("it is longer than {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// The file contains no key.
    #[error("it contains no key")]
    Empty,
    /// A line is invalid.
    #[error("line {line}: {problem}")]
    Line {
        /// The number of the line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Reads the file.
///
/// # Errors
/// Fails if the file cannot be read or is too long.
pub(super) fn read(path: &Path) -> Result<Content, InvalidKeyFile> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    // A growing buffer would leave copies of the secrets behind. Reading needs some room beyond the end.
    let room = usize::try_from(metadata.len().min(FILE_BYTES_MAX)).unwrap_or_default() + 64;
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(InvalidKeyFile::TooLong);
    }
    Ok(Content { text, mode: mode(&metadata) })
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0o600
}

/// Parses the keys in the order of the file; there is at least one.
///
/// # Errors
/// Fails if a line is invalid or there is no key.
pub(super) fn parse(text: &[u8]) -> Result<Vec<(u8, Secret)>, InvalidKeyFile> {
    let mut keys: Vec<(u8, Secret)> = Vec::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let wrong = |problem| InvalidKeyFile::Line { line: number + 1, problem };
        let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        let (id, secret) = line.split_at(end);
        let id: Option<u8> = str::from_utf8(id).ok().and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| wrong("it does not begin with a number from 0 to 255"))?;
        if keys.iter().any(|(other, _)| *other == id) {
            return Err(wrong("an earlier line has the same number"));
        }
        let secret = Secret::new(secret.trim_ascii().to_vec());
        keys.push((id, secret.ok_or_else(|| wrong("its secret has fewer than 16 bytes"))?));
    }
    if keys.is_empty() { Err(InvalidKeyFile::Empty) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_consists_of_a_number_and_a_secret() {
        let keys = parse(b"# keys\n\n7 0123456789abcdef \r\n  255\tlong enough, with spaces\n").unwrap();
        let read: Vec<(u8, &[u8])> = keys.iter().map(|(id, secret)| (*id, secret.bytes())).collect();
        assert_eq!(read, [(7, &b"0123456789abcdef"[..]), (255, b"long enough, with spaces")]);
    }

    #[test]
    fn errors_do_not_contain_the_secret() {
        for (text, needed) in [
            (&b""[..], "no key"),
            (b"# 1 0123456789abcdef", "no key"),
            (b"1 0123456789abcde", "line 1: its secret has fewer than 16"),
            (b"1 0123456789abcdef\n256 0123456789abcdef", "line 2: it does not begin with a number"),
            (b"0123456789abcdef", "line 1: it does not begin with a number"),
            (b"\xff 0123456789abcdef", "line 1"),
            (b"1 0123456789abcdef\n1 0123456789abcdeX", "line 2: an earlier line"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(needed) && !message.contains("0123456789abcde"), "{message}");
        }
        assert_eq!(format!("{:?}", Secret::new(vec![b'x'; 16])), "Some(Secret)");
        assert_eq!(Secret::new(vec![b'x'; 15]), None);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_of_other_users_are_found() {
        use std::fs::{Permissions, set_permissions};
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        std::fs::write(&path, "1 0123456789abcdef").unwrap();
        for (mode, exposed) in
            [(0o600, None), (0o400, None), (0o640, Some(0o640)), (0o604, Some(0o604)), (0o620, Some(0o620))]
        {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let content = read(&path).unwrap();
            assert_eq!(content.exposed_mode(), exposed, "{mode:o}");
            assert_eq!(*content.text, b"1 0123456789abcdef");
        }
    }

    #[test]
    fn a_file_longer_than_the_limit_is_rejected() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        std::fs::write(&path, vec![b'#'; 64 * 1024]).unwrap();
        assert!(read(&path).is_ok());
        std::fs::write(&path, vec![b'#'; 64 * 1024 + 1]).unwrap();
        assert!(matches!(read(&path), Err(InvalidKeyFile::TooLong)));
        assert!(matches!(read(directory.path()), Err(InvalidKeyFile::Unreadable(_))));
    }
}
