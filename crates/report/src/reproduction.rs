//! Shell commands that reproduce a result.

use std::fmt::Write;
use std::time::Duration;

use conformance::request_script::RequestScript;
use conformance::wire::{Direction, WireEntry, WireLog};

/// The length of a command in characters above which it is omitted, because nobody would read it.
const LINE_CHARACTERS_MAX: usize = 1200;

/// The pause of a command after each write. It lets the reply arrive before the next request is sent.
pub const PAUSE: Duration = Duration::from_millis(100);

/// The time for which a command waits for further replies.
pub const WAIT: Duration = Duration::from_secs(1);

/// A command with `printf` and `nc` that sends the bytes of a case.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// The command.
    pub line: String,
    /// The bytes of each write.
    pub sent: Vec<Vec<u8>>,
    /// The bytes that the case received, in printable form.
    pub received: String,
}

/// Returns the command of the harness that runs a case again.
#[must_use]
pub fn harness_command(id: &str, seed: u64, target_flags: &str) -> String {
    format!("harness {target_flags}--seed {seed} --only {id} --debug")
}

/// Returns a command with `printf` and `nc` for the bytes of a transcript, if it has one connection and few bytes. Whether
/// the command reproduces the violation must be tried.
#[must_use]
pub fn by_hand(addr: &str, wire: &WireLog) -> Option<ByHand> {
    let (first, _) = wire.sent().first()?;
    if wire.sent().iter().any(|(slot, _)| slot != first) || wire.omitted() > 0 {
        return None;
    }
    let sent: Vec<Vec<u8>> = wire.sent().iter().map(|(_, bytes)| bytes.clone()).collect();
    let is_received = |entry: &&WireEntry| entry.direction == Direction::Received;
    let received = wire.entries().iter().filter(is_received).map(|entry| entry.content.as_str()).collect();
    Some(ByHand { line: nc(addr, &sent)?, sent, received })
}

/// Returns a command that sends the requests of a script, if they need only one connection.
#[must_use]
pub fn nc_command(addr: &str, script: &RequestScript) -> Option<String> {
    match &script.clients[..] {
        [rounds] => {
            let lines = rounds.iter().flatten().map(|line| [line, &b"\n"[..]].concat());
            nc(addr, &lines.collect::<Vec<_>>())
        }
        _ => None,
    }
}

fn nc(addr: &str, sent: &[Vec<u8>]) -> Option<String> {
    let (host, port) = addr.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut line = "{ ".to_owned();
    for bytes in sent {
        let _ = write!(line, "printf '{}'; sleep .1; ", for_printf(bytes));
        if line.len() > LINE_CHARACTERS_MAX {
            return None;
        }
    }
    Some(format!("{line}}} | nc -w 1 {host} {port}"))
}

/// Formats bytes as a format string of `printf` in single quotes.
fn for_printf(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'%' => text.push_str("%%"),
            b' '..=b'~' if byte != b'\'' && byte != b'\\' => text.push(char::from(byte)),
            _ => _ = write!(text, "\\{byte:03o}"),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_shell_and_printf() {
        assert_eq!(for_printf(b"QUERY|a|\n"), "QUERY|a|\\n");
        assert_eq!(for_printf(b"50% 'x' \\ \xff\0"), r"50%% \047x\047 \134 \377\000");
        let all: Vec<u8> = (0..=255).collect();
        let script = format!("printf '{}'", for_printf(&all));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(output.stdout, all);
    }
}
