//! The wire format of the package index: one line for each request and each reply.

use std::fmt;

/// The command of a request (clause R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Indexes a package or replaces its dependency list.
    Index,
    /// Removes a package from the index.
    Remove,
    /// Asks whether a package is indexed.
    Query,
}

impl Command {
    /// Returns the word on the wire.
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

/// A request. Names are bytes: they are neither decoded nor normalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The command.
    pub command: Command,
    /// The package name. It is not empty in a decoded request.
    pub package: &'a [u8],
    /// The third field, unparsed; [`Request::dependencies`] parses it.
    pub list: &'a [u8],
}

/// The reason why a line is not a valid request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The line does not have exactly three fields (R1).
    Fields,
    /// The command is unknown (R2).
    Command,
    /// The package name is empty (R3).
    EmptyPackage,
    /// The reply is not one of the three replies (A1).
    Reply,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fields => "a request has exactly three fields, separated by '|'",
            Self::Command => "the command is INDEX, REMOVE or QUERY",
            Self::EmptyPackage => "the package name is empty",
            Self::Reply => "a reply is OK, FAIL or ERROR",
        })
    }
}

impl std::error::Error for Malformed {}

impl<'a> Request<'a> {
    /// Decodes a line without its line end.
    ///
    /// # Errors
    /// Returns the first of the rules R1, R2 and R3 that the line violates.
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

    /// Returns the names in the list, in order. It trims spaces and tabs around a name and drops empty names. R5
    /// leaves both open; this is the behaviour of the reference server.
    pub fn dependencies(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list.split(|&byte| byte == b',').map(trim).filter(|name| !name.is_empty())
    }
}

/// Splits a line at its first `|`.
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

/// The reply to a request (clause A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// The request succeeded, or the queried package is indexed.
    Ok,
    /// The rules forbid the change, or the queried package is not indexed; nothing was changed.
    Fail,
    /// The line is not a valid request; nothing was changed.
    Error,
}

impl Reply {
    /// Returns the reply as a line with its line end.
    #[must_use]
    pub const fn line(self) -> &'static [u8] {
        match self {
            Self::Ok => b"OK\n",
            Self::Fail => b"FAIL\n",
            Self::Error => b"ERROR\n",
        }
    }

    /// Decodes a line without its line end.
    ///
    /// # Errors
    /// Fails if the line is not exactly one of the three replies.
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
    fn r2_the_command_is_complete_and_in_capitals() {
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
    fn r5_empty_names_are_dropped_and_spaces_around_dependencies_are_trimmed() {
        assert_eq!(dependencies(b"INDEX|a|b,,c,"), [b"b", b"c"]);
        assert_eq!(dependencies(b"INDEX|a| b\t,\t c , "), [b"b", b"c"]);
        assert_eq!(dependencies(b"INDEX|a|b c"), [b"b c"]);
        assert_eq!(Request::decode(b"QUERY| a |").unwrap().package, b" a ", "a package is not trimmed");
        assert_eq!(
            dependencies(b"INDEX|a|b,b"),
            [b"b", b"b"],
            "the rules count a repeated name once, not the parser"
        );
    }

    #[test]
    fn r6_a_list_on_remove_or_query_is_accepted() {
        assert_eq!(Request::decode(b"REMOVE|a|b,c").unwrap().package, b"a");
        assert_eq!(Request::decode(b"QUERY|a|b,c").unwrap().package, b"a");
    }

    #[test]
    fn r7_names_are_arbitrary_bytes() {
        let line = b"QUERY|a=\x00\xff \x1b\r|";
        assert_eq!(Request::decode(line).unwrap().package, b"a=\x00\xff \x1b\r");
    }

    #[test]
    fn r8_long_names_and_long_lists_are_accepted() {
        let name = "n".repeat(255);
        let list = (0..1000).map(|n| format!("dependency-{n}")).collect::<Vec<_>>().join(",");
        let line = format!("INDEX|{name}|{list}");
        let request = Request::decode(line.as_bytes()).unwrap();
        assert_eq!(request.package.len(), 255);
        assert_eq!(request.dependencies().count(), 1000);
    }

    #[test]
    fn a1_a_reply_is_exactly_one_of_three_words() {
        for reply in [Reply::Ok, Reply::Fail, Reply::Error] {
            let line = reply.line();
            assert_eq!(Reply::decode(&line[..line.len() - 1]), Ok(reply));
        }
        for line in ["", "ok", "OK ", " OK", "OK\r", "OKAY", "FAI", "ERROR:"] {
            assert_eq!(Reply::decode(line.as_bytes()), Err(Malformed::Reply), "{line}");
        }
    }
}
