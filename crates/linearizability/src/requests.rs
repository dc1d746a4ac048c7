//! The lines of a history, each read once however often it was sent, with names as numbers.

use std::collections::HashMap;

use protocol::index::wire::{Command, Malformed, Request};

use crate::operation::{Operation, is_ordinary, is_plain};

/// A package, by number.
pub(super) type Name = u32;

/// All lines of a history.
#[derive(Debug, Default)]
pub(super) struct Requests<'a> {
    /// By operation, which of the lines it sent.
    pub(super) of_operation: Vec<u32>,
    /// Each once, in the order in which they first came.
    pub(super) lines: Vec<Result<Known, Malformed>>,
    /// What the packages are called.
    pub(super) names: Vec<&'a [u8]>,
    /// Lists of packages, each once, in order and without repetitions.
    pub(super) lists: Vec<Box<[Name]>>,
}

/// A request in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) command: Command,
    pub(super) package: Name,
    /// Which of the lists; the empty one if it is no INDEX.
    pub(super) list: u32,
    /// If the protocol leaves open how it is taken: the list of all packages that it may be about.
    pub(super) left_open: Option<u32>,
}

impl<'a> Requests<'a> {
    /// Reads a history; nothing if `is_over` said so meanwhile.
    pub(super) fn read(operations: &'a [Operation], is_over: &dyn Fn() -> bool) -> Option<Self> {
        const OPERATIONS_PER_LOOK: usize = 4096;
        let mut reader = Reader::default();
        reader.requests.of_operation.reserve_exact(operations.len());
        for some in operations.chunks(OPERATIONS_PER_LOOK) {
            if is_over() {
                return None;
            }
            for operation in some {
                let line = reader.line(&operation.line);
                reader.requests.of_operation.push(line);
            }
        }
        Some(reader.requests)
    }

    /// What an operation sent.
    pub(super) fn of(&self, operation: usize) -> Result<Known, Malformed> {
        self.lines[self.of_operation[operation] as usize]
    }

    /// The packages of a list.
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

    fn known(&mut self, request: &Request<'a>) -> Known {
        let package = self.name(request.package);
        let mut list: Vec<Name> = match request.command {
            Command::Index => request.dependencies().map(|name| self.name(name)).collect(),
            Command::Remove | Command::Query => Vec::new(),
        };
        let listed = list.len();
        list.sort_unstable();
        list.dedup();
        let is_plain = list.len() == listed && is_plain(request);
        let left_open = (!is_plain).then(|| {
            let fields = [request.package, request.list];
            let parts = fields.iter().flat_map(|field| field.split(|byte| !is_ordinary(*byte)));
            // A server may take it for any of what stands in it.
            let mut all: Vec<Name> =
                parts.filter(|part| !part.is_empty()).map(|part| self.name(part)).collect();
            all.push(package);
            all.extend(&list);
            all.sort_unstable();
            all.dedup();
            self.list(all)
        });
        Known { command: request.command, package, list: self.list(list), left_open }
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

/// A number of something that there is less of than of bytes in a history.
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("a history has fewer than 2^32 of anything")
}
