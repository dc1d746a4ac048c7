//! The interval check: finds replies that no linearization allows, from what is certain at each time.
//!
//! For each package, the check tracks since when it was certainly indexed, or certainly not, given the changes that
//! were
//! answered. While a change is pending, only what it cannot have altered is certain. A reply is a violation if the
//! opposite was certain during the whole interval between send and reply. The check is sound: it never accuses a
//! correct
//! server. It is not complete: some violations escape it. Its cost is nearly linear in the number of operations; only
//! a
//! removal examines all packages that ever listed the package.
//!
//! Nothing is certain at the beginning: the index may contain packages. The check assumes that no other clients
//! change
//! these packages.

use protocol::Clause;
use protocol::index::clauses::{S1, S2, S3, S4, S5};
use protocol::index::wire::{Command, Reply};

use crate::operation::Operation;
use crate::requests::{InternedRequest, Name, Requests};

/// A reply that no linearization allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalViolation {
    /// The index of the operation.
    pub operation: usize,
    /// The violated clause.
    pub clause: Clause,
    /// The expected reply.
    pub expected: Reply,
    /// The fact that was certain during the whole interval, in one sentence.
    pub explanation: String,
}

/// Returns the earliest reply, by the time of its receipt, that no linearization allows.
#[must_use]
pub fn interval_check(operations: &[Operation]) -> Option<IntervalViolation> {
    let requests = Requests::read(operations, &|| false)?;
    let mut ends: Vec<(u64, bool, usize)> = Vec::with_capacity(2 * operations.len());
    for (number, operation) in operations.iter().enumerate() {
        ends.push((operation.sent_ns, false, number));
        ends.extend(operation.replied.map(|(_, replied_ns)| (replied_ns, true, number)));
    }
    // A send at the time of a reply may have preceded it.
    ends.sort_unstable();
    let mut knowledge = Knowledge::new(&requests);
    for (at_ns, is_reply, number) in ends {
        let operation = &operations[number];
        let Ok(known) = requests.of(number) else { continue };
        match operation.replied {
            Some((reply, _)) if is_reply => {
                // If the protocol does not specify the interpretation, a server may have read another request.
                let reply = if known.unspecified.is_none() { reply } else { Reply::Error };
                if let Some((clause, expected, explanation)) =
                    knowledge.contradicts(known, operation.sent_ns, reply)
                {
                    return Some(IntervalViolation { operation: number, clause, expected, explanation });
                }
                knowledge.end(known, reply, at_ns);
            }
            _ => knowledge.begin(known, requests.of_operation[number]),
        }
    }
    None
}

/// What is certain about all packages at one time.
struct Knowledge<'a> {
    requests: &'a Requests<'a>,
    packages: Vec<Package>,
    /// For each line, whether it was sent before.
    was_sent: Vec<bool>,
}

#[derive(Debug, Default)]
struct Package {
    /// Whether it is indexed, and since when that is certain; pending changes are not considered.
    is_indexed: Option<(bool, u64)>,
    /// Its dependency list, and since when that is certain.
    list: Option<(u32, u64)>,
    /// The time since which no package outside this history can list it.
    free_since_ns: Option<u64>,
    /// The packages for which an INDEX with this one in its list was sent; may contain duplicates.
    listed_by: Vec<Name>,
    pending: PendingChanges,
}

/// The pending changes of a package and those that overlapped them.
#[derive(Debug, Default)]
struct PendingChanges {
    indexes_pending: u32,
    removes_pending: u32,
    /// The number of changes answered `OK`, and the number of all changes.
    indexed: u32,
    removed: u32,
    changes: u32,
    /// Whether a reply does not show the effect of its request.
    is_unclear: bool,
    /// The list of the last INDEX that took effect.
    list: u32,
}

impl PendingChanges {
    fn may_remove(&self) -> bool {
        self.removes_pending > 0 || self.removed > 0 || self.is_unclear
    }

    fn may_index(&self) -> bool {
        self.indexes_pending > 0 || self.indexed > 0 || self.is_unclear
    }
}

impl Package {
    /// Returns whether it was certainly indexed at every time since then.
    fn was_indexed_since(&self, since_ns: u64) -> bool {
        matches!(self.is_indexed, Some((true, certain_ns)) if certain_ns < since_ns)
            && !self.pending.may_remove()
    }

    /// Returns whether it was certainly not indexed at any time since then.
    fn was_absent_since(&self, since_ns: u64) -> bool {
        matches!(self.is_indexed, Some((false, certain_ns)) if certain_ns < since_ns)
            && !self.pending.may_index()
    }
}

/// A contradiction of a reply: the clause, the expected reply, and the explanation.
type Contradiction = (Clause, Reply, String);

impl<'a> Knowledge<'a> {
    fn new(requests: &'a Requests<'a>) -> Self {
        let packages = requests.names.iter().map(|_| Package::default()).collect();
        Self { requests, packages, was_sent: vec![false; requests.lines.len()] }
    }

    fn package(&self, name: Name) -> &Package {
        &self.packages[name as usize]
    }

    /// Records that a request is sent.
    fn begin(&mut self, known: InternedRequest, line: u32) {
        let pending = &mut self.packages[known.package as usize].pending;
        match known.command {
            Command::Query => return,
            Command::Index => pending.indexes_pending += 1,
            Command::Remove => pending.removes_pending += 1,
        }
        pending.changes += 1;
        if !std::mem::replace(&mut self.was_sent[line as usize], true) {
            for &dependency in self.requests.list(known.list) {
                self.packages[dependency as usize].listed_by.push(known.package);
            }
        }
    }

    /// Records that a request is answered with a reply that contradicts nothing.
    fn end(&mut self, known: InternedRequest, reply: Reply, at_ns: u64) {
        let package = &mut self.packages[known.package as usize];
        let pending = &mut package.pending;
        match known.command {
            Command::Query => return,
            Command::Index => pending.indexes_pending -= 1,
            Command::Remove => pending.removes_pending -= 1,
        }
        match (known.command, reply) {
            (Command::Index, Reply::Ok) => {
                pending.indexed += 1;
                pending.list = known.list;
            }
            (_, Reply::Ok) => {
                pending.removed += 1;
                package.free_since_ns.get_or_insert(at_ns);
            }
            (_, Reply::Fail) => {}
            (_, Reply::Error) => pending.is_unclear = true,
        }
        let pending = &package.pending;
        if pending.indexes_pending + pending.removes_pending > 0 {
            return;
        }
        let pending = std::mem::take(&mut package.pending);
        let is_indexed = |is_indexed: bool, before: Option<(bool, u64)>| match before {
            // The fact held before and was not altered.
            Some((was_indexed, since_ns)) if was_indexed == is_indexed => Some((is_indexed, since_ns)),
            _ => Some((is_indexed, at_ns)),
        };
        match (pending.indexed, pending.removed, pending.is_unclear) {
            (0, 0, false) => {}
            (1.., 0, false) => {
                package.is_indexed = is_indexed(true, package.is_indexed);
                let is_same = package.list.is_some_and(|(list, _)| list == pending.list);
                match (pending.indexed, is_same) {
                    (1, true) => {}
                    (1, false) => package.list = Some((pending.list, at_ns)),
                    // The last of them is unknown.
                    _ => package.list = None,
                }
            }
            (0, 1.., false) => {
                package.is_indexed = is_indexed(false, package.is_indexed);
                package.list = None;
            }
            _ => {
                package.is_indexed = None;
                package.list = None;
            }
        }
    }

    /// Returns the certain fact that this reply contradicts, if there is one.
    fn contradicts(&self, known: InternedRequest, sent_ns: u64, reply: Reply) -> Option<Contradiction> {
        match (known.command, reply) {
            (_, Reply::Error) => None,
            (Command::Query, Reply::Ok) => {
                self.is_absent(known.package, sent_ns).map(|explanation| (S5, Reply::Fail, explanation))
            }
            (Command::Query, Reply::Fail) => {
                self.is_indexed(known.package, sent_ns).map(|explanation| (S5, Reply::Ok, explanation))
            }
            (Command::Index, Reply::Ok) => {
                // The request itself may have made its own package available.
                let list = self.requests.list(known.list);
                let others = list.iter().filter(|dependency| **dependency != known.package);
                let explanation =
                    others.into_iter().find_map(|dependency| self.is_absent(*dependency, sent_ns))?;
                Some((self.clause_of_index(known, sent_ns), Reply::Fail, explanation))
            }
            (Command::Index, Reply::Fail) => {
                let list = self.requests.list(known.list);
                let mut reasons = list.iter().map(|dependency| self.is_indexed(*dependency, sent_ns));
                let all: Option<Vec<String>> = reasons.by_ref().collect();
                let explanation = match all?.as_slice() {
                    [] => "the package has no dependencies".to_owned(),
                    [one] => one.clone(),
                    several => {
                        format!("all {} dependencies were indexed during the whole interval", several.len())
                    }
                };
                Some((self.clause_of_index(known, sent_ns), Reply::Ok, explanation))
            }
            (Command::Remove, Reply::Ok) => {
                let package = self.package(known.package);
                let holder = package.listed_by.iter().copied().find(|&other| {
                    other != known.package
                        && self.package(other).was_indexed_since(sent_ns)
                        && self.listed_since(other, known.package, sent_ns)
                })?;
                Some((
                    S3,
                    Reply::Fail,
                    format!("{} was indexed during the whole interval and depends on it", self.name(holder)),
                ))
            }
            (Command::Remove, Reply::Fail) => {
                let package = self.package(known.package);
                let is_free = package.free_since_ns.is_some_and(|free_ns| free_ns < sent_ns);
                let may_hold =
                    |&other: &Name| other == known.package || !self.package(other).was_absent_since(sent_ns);
                if !is_free {
                    return None;
                }
                if let Some(explanation) = self.is_absent(known.package, sent_ns) {
                    return Some((S4, Reply::Ok, explanation));
                }
                let has_dependent = package.listed_by.iter().any(may_hold);
                (!has_dependent).then(|| {
                    (
                        S3,
                        Reply::Ok,
                        "no package that depends on it was indexed at any time in the interval".to_owned(),
                    )
                })
            }
        }
    }

    /// Returns whether the list of a package contained this one at every time since then.
    fn listed_since(&self, holder: Name, package: Name, since_ns: u64) -> bool {
        let is_certain =
            |(list, certain_ns)| certain_ns < since_ns && self.requests.list(list).contains(&package);
        self.package(holder).list.is_some_and(is_certain) && !self.package(holder).pending.may_index()
    }

    fn clause_of_index(&self, known: InternedRequest, sent_ns: u64) -> Clause {
        if self.package(known.package).was_indexed_since(sent_ns) { S2 } else { S1 }
    }

    fn is_indexed(&self, package: Name, since_ns: u64) -> Option<String> {
        let is_indexed = self.package(package).was_indexed_since(since_ns);
        is_indexed.then(|| format!("{} was indexed during the whole interval", self.name(package)))
    }

    fn is_absent(&self, package: Name, since_ns: u64) -> Option<String> {
        let is_absent = self.package(package).was_absent_since(since_ns);
        is_absent.then(|| format!("{} was not indexed at any time in the interval", self.name(package)))
    }

    fn name(&self, package: Name) -> String {
        protocol::text::printable(self.requests.names[package as usize])
    }
}
