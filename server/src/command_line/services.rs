//! The services that the server can be: a table.

use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use protocol::index::wire::Reply;

use super::flags::Flags;
use super::health::Question;
use super::{Error, serve};
use crate::service::index::IndexService;

/// A service, and what depends on which one it is.
#[derive(Debug)]
pub struct Row {
    /// What `--service` calls it.
    pub name: &'static str,
    /// What it sets where nobody sets anything else, by the names of the flags.
    pub(super) defaults: &'static [(&'static str, &'static str)],
    /// What shows that it is well.
    pub(super) question: Question,
    /// Serves until the server is told to stop.
    pub(super) run: fn(&Flags) -> Result<(), Error>,
}

/// All of them; the first one is the default.
pub(super) static ROWS: [Row; 1] = [Row {
    name: "index",
    defaults: &[],
    question: Question { request: || b"QUERY|health|\n".to_vec(), is_well: is_index_well },
    run: run_index,
}];

/// The name of the default.
pub(super) const DEFAULT: &str = "index";

/// From a name to its row.
pub(super) fn parser() -> impl TypedValueParser<Value = &'static Row> {
    let names = PossibleValuesParser::new(ROWS.iter().map(|row| row.name));
    names.map(|name| ROWS.iter().find(|row| row.name == name).unwrap_or(&ROWS[0]))
}

fn run_index(flags: &Flags) -> Result<(), Error> {
    serve(flags, Arc::new(IndexService::new(flags.max_line, flags.capacity())))
}

/// Any package will do; whether it is indexed does not matter.
fn is_index_well(reply: &[u8]) -> Option<bool> {
    let (found, absent) = (Reply::Ok.line(), Reply::Fail.line());
    let is_whole = reply.ends_with(b"\n") || reply.len() >= Reply::Error.line().len();
    is_whole.then(|| reply == found || reply == absent)
}
