//! Parses lines as requests: `<command>|<package>|<dependencies>`.

use super::catalogue::{Defect, Defects};
use super::malformed::Malformed;
use super::names::{self, Name};

/// The command of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Index,
    Remove,
    Query,
}

const COMMANDS: [(&[u8], Command); 3] =
    [(b"INDEX", Command::Index), (b"REMOVE", Command::Remove), (b"QUERY", Command::Query)];

/// A parsed request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) command: Command,
    pub(super) package: Name,
    /// The dependencies in the order of the line. A name that is listed twice occurs twice.
    pub(super) list: Vec<Name>,
}

/// Parses a line without its line end.
pub(super) fn read(line: &[u8], defects: Defects) -> Result<Request, Malformed> {
    let [word, package, list] = split_fields(line, defects).ok_or(Malformed::Fields)?;
    let command = read_command(word, defects).ok_or(Malformed::Command)?;
    let package = names::read_package(package, defects)?;
    if defects.has(Defect::QueryListRefused) && command == Command::Query && !list.is_empty() {
        return Err(Malformed::List);
    }
    let list = match (command, names::read_list(list, defects)) {
        (Command::Index, list) => list?,
        // The list is ignored here, so a malformed list is not an error.
        (Command::Remove | Command::Query, list) => list.unwrap_or_default(),
    };
    Ok(Request { command, package, list })
}

/// Returns the request that a defective server applies although it replies `ERROR`.
pub(super) fn read_malformed(line: &[u8], malformed: Malformed, defects: Defects) -> Option<Request> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b'|').collect();
    let careless = match (defects.get()?, &fields[..]) {
        (Defect::MalformedTakesEffect, [word, package, list, ..]) => [*word, package, list].join(&b'|'),
        (Defect::UnknownCommandRemoves, [_, package, _]) if malformed == Malformed::Command => {
            [b"REMOVE", *package, b""].join(&b'|')
        }
        _ => return None,
    };
    read(&careless, defects).ok()
}

/// Returns whether a malformed line begins with the command QUERY.
pub(super) fn begins_as_query(line: &[u8]) -> bool {
    line.starts_with(b"QUERY|")
}

/// Splits a line into its three fields.
fn split_fields(line: &[u8], defects: Defects) -> Option<[&[u8]; 3]> {
    let parts_max = if defects.has(Defect::ExtraSeparatorInList) { 3 } else { usize::MAX };
    let mut fields: Vec<&[u8]> = line.splitn(parts_max, |&byte| byte == b'|').collect();
    if defects.has(Defect::EmptyFieldsVanish) && fields.len() > 2 {
        fields.retain(|field| !field.is_empty());
        if fields.len() == 2 {
            fields.push(b"");
        }
    }
    match fields[..] {
        [word, package, list] => Some([word, package, list]),
        [word, package] if defects.has(Defect::TwoFieldsTaken) => Some([word, package, b""]),
        [word, package, list, _] if defects.has(Defect::FourFieldsTaken) => Some([word, package, list]),
        _ => None,
    }
}

/// Parses a command. It must be complete and in capitals.
fn read_command(word: &[u8], defects: Defects) -> Option<Command> {
    let matches = |command: &[u8]| match defects.get() {
        Some(Defect::CommandInAnyCase) => word.eq_ignore_ascii_case(command),
        Some(Defect::CommandByPrefix) => word.starts_with(command),
        Some(Defect::CommandAbbreviated) => !word.is_empty() && command.starts_with(word),
        Some(Defect::CommandByPerfectHash) => word.len() == command.len() && word.first() == command.first(),
        Some(Defect::CommandTrimmed) => word.trim_ascii() == command,
        Some(Defect::EmptyCommandIsQuery) if word.is_empty() => command == b"QUERY",
        _ => word == command,
    };
    COMMANDS.iter().find(|(command, _)| matches(command)).map(|&(_, command)| command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn malformed(line: &[u8]) -> Malformed {
        read(line, Defects::of(None)).unwrap_err()
    }

    #[test]
    fn a_request_has_three_fields_a_known_command_and_a_package() {
        let request = read(b"INDEX|cloog|gmp,isl", Defects::of(None)).unwrap();
        assert_eq!((request.command, &request.package[..]), (Command::Index, &b"cloog"[..]));
        assert_eq!(request.list, [b"gmp", b"isl"]);
        for line in [&b""[..], b"QUERY", b"QUERY|a", b"QUERY|a||", b"INDEX|emacs=elisp"] {
            assert_eq!(malformed(line), Malformed::Fields);
        }
        for line in [&b"|a|"[..], b"I|a|", b"INDEXES|a|", b"query|a|", b" QUERY|a|"] {
            assert_eq!(malformed(line), Malformed::Command);
        }
        assert_eq!(malformed(b"QUERY||a"), Malformed::EmptyPackage);
    }

    #[test]
    fn names_are_arbitrary_bytes() {
        let request = read(b"QUERY| a=\x00\xff\r|", Defects::of(None)).unwrap();
        assert_eq!(request.package, b" a=\x00\xff\r");
    }
}
