//! The services that the server can be: a table.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use protocol::index::wire::Reply;
use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::{Request, Response};
use protocol::{Framing, Next};

use super::flags::Flags;
use super::health::Question;
use super::{Error, serve};
use crate::clock::MonotonicClock;
use crate::service::index::IndexService;
use crate::service::wisdom::{Secret, WisdomService};

/// A service, and what depends on which one it is.
#[derive(Debug)]
pub struct Row {
    /// What `--service` calls it.
    pub name: &'static str,
    /// What it sets where nobody sets anything else, by the names of the flags.
    pub(super) defaults: &'static [(&'static str, &'static str)],
    /// Holds its flags against each other.
    pub(super) check: fn(&Flags) -> Result<(), &'static str>,
    /// What shows that it is well.
    pub(super) question: Question,
    /// Serves until the server is told to stop, with the secret from the environment.
    pub(super) run: fn(&Flags, Option<Secret>) -> Result<(), Error>,
}

/// All of them; the first one is the default.
pub(super) static ROWS: [Row; 2] = [
    Row {
        name: "index",
        defaults: &[],
        check: |_| Ok(()),
        question: Question { request: || b"QUERY|health|\n".to_vec(), is_well: is_index_well },
        run: run_index,
    },
    Row {
        name: "wisdom",
        defaults: &[
            ("max-connections", "1024"),
            ("max-connections-per-address", "32"),
            ("read-timeout", "5"),
            ("idle-timeout", "5"),
            ("write-timeout", "5"),
            ("lifetime", "90"),
            ("shutdown-timeout", "10"),
        ],
        check: |flags| flags.wisdom.check(),
        question: Question { request: wisdom_request, is_well: is_wisdom_well },
        run: run_wisdom,
    },
];

/// The name of the default.
pub(super) const DEFAULT: &str = "index";

/// From a name to its row.
pub(super) fn parser() -> impl TypedValueParser<Value = &'static Row> {
    let names = PossibleValuesParser::new(ROWS.iter().map(|row| row.name));
    names.map(|name| ROWS.iter().find(|row| row.name == name).unwrap_or(&ROWS[0]))
}

fn run_index(flags: &Flags, _: Option<Secret>) -> Result<(), Error> {
    serve(flags, || Ok(IndexService::new(flags.max_line, flags.capacity())))
}

fn run_wisdom(flags: &Flags, secret: Option<Secret>) -> Result<(), Error> {
    serve(flags, || Ok(WisdomService::new(flags.wisdom_settings(secret), MonotonicClock)?))
}

/// Any package will do; whether it is indexed does not matter.
fn is_index_well(reply: &[u8]) -> Option<bool> {
    let (found, absent) = (Reply::Ok.line(), Reply::Fail.line());
    let is_whole = reply.ends_with(b"\n") || reply.len() >= Reply::Error.line().len();
    is_whole.then(|| reply == found || reply == absent)
}

fn wisdom_request() -> Vec<u8> {
    let mut request = Vec::new();
    Request::Challenge.encode(&mut request);
    request
}

/// A challenge shows that there are keys and random bytes.
fn is_wisdom_well(reply: &[u8]) -> Option<bool> {
    match Frames::new(FRAME_BYTES_MAX).next(reply).1 {
        Next::Incomplete => None,
        Next::Frame(frame) => Some(matches!(Response::decode(frame), Ok(Response::Challenge(_)))),
        Next::TooLong => Some(false),
    }
}
