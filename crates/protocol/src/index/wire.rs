//! The wire form of the package index: one request a line, one reply a line.

use std::fmt;

/// What a request asks for (clause R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Let a package in, or give it a new list.
    Index,
    /// Let a package out.
    Remove,
    /// Ask whether a package is in.
    Query,
}

impl Command {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Index => "INDEX",
            Self::Remove => "REMOVE",
            Self::Query => "QUERY",
        }
    }

    fn from_word(word: &[u8]) -> Option<Self> {
        [Self::Index, Self::Remove, Self::Query].into_iter().find(|command| command.word().as_bytes() == word)
    }
}

/// A request. Names are bytes: nothing is decoded or folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What is asked for.
    pub command: Command,
    /// The package that it is asked of; never empty in a request that was read.
    pub package: &'a [u8],
    /// The third field as it stands on the line; [`Request::dependencies`] reads it.
    pub list: &'a [u8],
}

/// Why a line is no request, or no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not exactly three fields (R1).
    Fields,
    /// The command is none of the three (R2).
    Command,
    /// The package is empty (R3).
    EmptyPackage,
    /// None of the three replies (A1).
    Reply,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fields => "a request has exactly three fields, parted by '|'",
            Self::Command => "the command is INDEX, REMOVE or QUERY",
            Self::EmptyPackage => "the package is empty",
            Self::Reply => "a reply is OK, FAIL or ERROR",
        })
    }
}

impl std::error::Error for Malformed {}

impl<'a> Request<'a> {
    /// Reads a line without its line end.
    ///
    /// # Errors
    /// The line breaks R1, R2 or R3; the first of them that it breaks is named.
    pub fn decode(line: &'a [u8]) -> Result<Self, Malformed> {
        let (word, rest) = split_field(line).ok_or(Malformed::Fields)?;
        let (package, list) = split_field(rest).ok_or(Malformed::Fields)?;
        if list.contains(&b'|') {
            return Err(Malformed::Fields);
        }
        let command = Command::from_word(word).ok_or(Malformed::Command)?;
        if package.is_empty() {
            return Err(Malformed::EmptyPackage);
        }
        Ok(Self { command, package, list })
    }

    /// Appends the request as a line with its line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.command.word().as_bytes());
        out.push(b'|');
        out.extend_from_slice(self.package);
        out.push(b'|');
        out.extend_from_slice(self.list);
        out.push(b'\n');
    }

    /// The names in the list, in order. Spaces and tabs around a name are no part of it, and empty names are
    /// dropped (R5: the specification is silent here, and this is what the reference does).
    pub fn dependencies(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list.split(|&byte| byte == b',').map(trim).filter(|name| !name.is_empty())
    }
}

/// What stands before the first `|`, and what stands behind it.
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().position(|&byte| byte == b'|')?;
    Some((&line[..end], &line[end + 1..]))
}

fn trim(mut name: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = name {
        name = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    name
}

/// The answer to a request (clause A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// It is so, or it was done.
    Ok,
    /// It is not so, or the rules forbid it; nothing was changed.
    Fail,
    /// The line could not be read as a request; nothing was changed.
    Error,
}

impl Reply {
    /// The reply on the wire, with its line end.
    #[must_use]
    pub const fn line(self) -> &'static [u8] {
        match self {
            Self::Ok => b"OK\n",
            Self::Fail => b"FAIL\n",
            Self::Error => b"ERROR\n",
        }
    }

    /// Reads a line without its line end.
    ///
    /// # Errors
    /// The line is none of the three replies, byte for byte.
    pub fn decode(line: &[u8]) -> Result<Self, Malformed> {
        match line {
            b"OK" => Ok(Self::Ok),
            b"FAIL" => Ok(Self::Fail),
            b"ERROR" => Ok(Self::Error),
            _ => Err(Malformed::Reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependencies(line: &[u8]) -> Vec<&[u8]> {
        Request::decode(line).unwrap().dependencies().collect()
    }

    #[test]
    fn r1_a_request_has_exactly_three_fields() {
        assert!(Request::decode(b"QUERY|a|").is_ok());
        for line in [&b""[..], b"|", b"QUERY", b"QUERY|a", b"QUERY|a||", b"QUERY|a|b|c", b"INDEX|emacs=elisp"]
        {
            assert_eq!(Request::decode(line), Err(Malformed::Fields), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn r2_the_command_is_whole_and_in_capitals() {
        for (word, command) in
            [("INDEX", Command::Index), ("REMOVE", Command::Remove), ("QUERY", Command::Query)]
        {
            let line = format!("{word}|a|");
            assert_eq!(Request::decode(line.as_bytes()).unwrap().command, command);
        }
        for word in ["", "index", "Index", "INDE", "INDEXX", " INDEX", "INDEX ", "BLINDEX", "QUER", "REMOVES"]
        {
            let line = format!("{word}|a|b");
            assert_eq!(Request::decode(line.as_bytes()), Err(Malformed::Command), "{word}");
        }
    }

    #[test]
    fn r3_the_package_is_not_empty() {
        for line in ["INDEX||", "INDEX||a", "REMOVE||", "QUERY||"] {
            assert_eq!(Request::decode(line.as_bytes()), Err(Malformed::EmptyPackage));
        }
    }

    #[test]
    fn r4_the_dependencies_are_a_list_that_may_be_empty() {
        assert_eq!(dependencies(b"INDEX|a|"), [b""; 0]);
        assert_eq!(dependencies(b"INDEX|a|b"), [b"b"]);
        assert_eq!(dependencies(b"INDEX|a|b,c,d"), [b"b", b"c", b"d"]);
    }

    #[test]
    fn r5_empty_names_are_dropped_and_spaces_around_a_dependency_trimmed() {
        assert_eq!(dependencies(b"INDEX|a|b,,c,"), [b"b", b"c"]);
        assert_eq!(dependencies(b"INDEX|a| b\t,\t c , "), [b"b", b"c"]);
        assert_eq!(dependencies(b"INDEX|a|b c"), [b"b c"]);
        assert_eq!(Request::decode(b"QUERY| a |").unwrap().package, b" a ", "a package is not trimmed");
        assert_eq!(dependencies(b"INDEX|a|b,b"), [b"b", b"b"], "counting a name once is the rules' part");
    }

    #[test]
    fn r6_a_list_on_remove_or_query_is_read_past() {
        assert_eq!(Request::decode(b"REMOVE|a|b,c").unwrap().package, b"a");
        assert_eq!(Request::decode(b"QUERY|a|b,c").unwrap().package, b"a");
    }

    #[test]
    fn r7_names_are_bytes() {
        let line = b"QUERY|a=\x00\xff \x1b\r|";
        assert_eq!(Request::decode(line).unwrap().package, b"a=\x00\xff \x1b\r");
    }

    #[test]
    fn r8_long_names_and_long_lists_are_read() {
        let name = "n".repeat(255);
        let list = (0..1000).map(|n| format!("dependency-{n}")).collect::<Vec<_>>().join(",");
        let line = format!("INDEX|{name}|{list}");
        let request = Request::decode(line.as_bytes()).unwrap();
        assert_eq!(request.package.len(), 255);
        assert_eq!(request.dependencies().count(), 1000);
    }

    #[test]
    fn a1_a_reply_is_one_of_three_byte_for_byte() {
        for reply in [Reply::Ok, Reply::Fail, Reply::Error] {
            let line = reply.line();
            assert_eq!(Reply::decode(&line[..line.len() - 1]), Ok(reply));
        }
        for line in ["", "ok", "OK ", " OK", "OK\r", "OKAY", "FAI", "ERROR:"] {
            assert_eq!(Reply::decode(line.as_bytes()), Err(Malformed::Reply), "{line}");
        }
    }
}
