//! The lines of a history, each parsed once, with package names replaced by numbers.

use std::collections::HashMap;

use protocol::index::wire::{Command, Malformed, Request};

use crate::operation::{Operation, is_ordinary, is_plain};

/// The number of a package name.
pub(super) type Name = u32;

/// All request lines of a history.
#[derive(Debug, Default)]
pub(super) struct Requests<'a> {
    /// For each operation, the index of its line.
    pub(super) of_operation: Vec<u32>,
    /// The distinct lines in order of first occurrence.
    pub(super) lines: Vec<Result<InternedRequest, Malformed>>,
    /// The package names, by number.
    pub(super) names: Vec<&'a [u8]>,
    /// The distinct lists of packages, each sorted and without duplicates.
    pub(super) lists: Vec<Box<[Name]>>,
}

/// A parsed request with its names replaced by numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct InternedRequest {
    pub(super) command: Command,
    pub(super) package: Name,
    /// The index of the dependency list; the empty list for commands other than INDEX.
    pub(super) list: u32,
    /// If the protocol does not specify how the request is interpreted: the list of all packages that it may concern.
    pub(super) unspecified: Option<u32>,
}

impl<'a> Requests<'a> {
    /// Parses a history; returns `None` if `is_expired` returns true in the meantime.
    pub(super) fn read(operations: &'a [Operation], is_expired: &dyn Fn() -> bool) -> Option<Self> {
        const OPERATIONS_PER_LOOK: usize = 4096;
        let mut reader = Reader::default();
        reader.requests.of_operation.reserve_exact(operations.len());
        for some in operations.chunks(OPERATIONS_PER_LOOK) {
            if is_expired() {
                return None;
            }
            for operation in some {
                let line = reader.line(&operation.line);
                reader.requests.of_operation.push(line);
            }
        }
        Some(reader.requests)
    }

    /// Returns the parsed line of an operation.
    pub(super) fn of(&self, operation: usize) -> Result<InternedRequest, Malformed> {
        self.lines[self.of_operation[operation] as usize]
    }

    /// Returns the packages of a list.
    pub(super) fn list(&self, list: u32) -> &[Name] {
        &self.lists[list as usize]
    }
}

#[derive(Default)]
struct Reader<'a> {
    requests: Requests<'a>,
    lines: HashMap<&'a [u8], u32>,
    names: HashMap<&'a [u8], Name>,
    lists: HashMap<Box<[Name]>, u32>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a [u8]) -> u32 {
        if let Some(&number) = self.lines.get(line) {
            return number;
        }
        let known = Request::decode(line).map(|request| self.known(&request));
        let number = narrow(self.requests.lines.len());
        self.requests.lines.push(known);
        self.lines.insert(line, number);
        number
    }

    fn known(&mut self, request: &Request<'a>) -> InternedRequest {
        let package = self.name(request.package);
        let mut list: Vec<Name> = match request.command {
            Command::Index => request.dependencies().map(|name| self.name(name)).collect(),
            Command::Remove | Command::Query => Vec::new(),
        };
        let listed = list.len();
        list.sort_unstable();
        list.dedup();
        let is_plain = list.len() == listed && is_plain(request);
        let unspecified = (!is_plain).then(|| {
            let fields = [request.package, request.list];
            let parts = fields.iter().flat_map(|field| field.split(|byte| !is_ordinary(*byte)));
            // A server may interpret the request as one about any of the names that occur in it.
            let mut all: Vec<Name> =
                parts.filter(|part| !part.is_empty()).map(|part| self.name(part)).collect();
            all.push(package);
            all.extend(&list);
            all.sort_unstable();
            all.dedup();
            self.list(all)
        });
        InternedRequest { command: request.command, package, list: self.list(list), unspecified }
    }

    fn name(&mut self, name: &'a [u8]) -> Name {
        *self.names.entry(name).or_insert_with(|| {
            self.requests.names.push(name);
            narrow(self.requests.names.len() - 1)
        })
    }

    fn list(&mut self, list: Vec<Name>) -> u32 {
        let list = list.into_boxed_slice();
        if let Some(&number) = self.lists.get(&list) {
            return number;
        }
        let number = narrow(self.requests.lists.len());
        self.requests.lists.push(list.clone());
        self.lists.insert(list, number);
        number
    }
}

/// Converts an index to 32 bits. The indices count objects of which a history has fewer than bytes.
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("a history has fewer than 2^32 of anything")
}
