//! Replies that no order of the operations allows, found from what was certain at each moment.
//!
//! Of each package it is known from when on it was certainly in, or certainly out, given the changes that had been
//! answered; while a change is under way, only what it cannot have altered is certain. A reply is a violation if at
//! every moment between sending and reply the opposite was certain. So no right server is accused, whatever the order
//! was; and of a wrong one much is found, though not all. Near-linear in the number of operations; only a removal looks at
//! all that ever listed the package.
//!
//! At the beginning nothing is certain: the index need not be empty. It is taken for granted that no others change these
//! packages meanwhile.

use protocol::Clause;
use protocol::index::clauses::{S1, S2, S3, S4, S5};
use protocol::index::wire::{Command, Reply};

use crate::operation::Operation;
use crate::requests::{Known, Name, Requests};

/// A reply that no order allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which of the operations.
    pub operation: usize,
    /// The clause that it breaks.
    pub clause: Clause,
    /// What had to come.
    pub expected: Reply,
    /// Why, in a sentence: what was certain all the while.
    pub why: String,
}

/// The first reply, by the time when it came, that no order of the operations allows.
#[must_use]
pub fn bounds(operations: &[Operation]) -> Option<Violation> {
    let requests = Requests::read(operations, &|| false)?;
    let mut ends: Vec<(u64, bool, usize)> = Vec::with_capacity(2 * operations.len());
    for (number, operation) in operations.iter().enumerate() {
        ends.push((operation.sent_ns, false, number));
        ends.extend(operation.replied.map(|(_, replied_ns)| (replied_ns, true, number)));
    }
    // What is sent at the moment of a reply may have come before it.
    ends.sort_unstable();
    let mut knowledge = Knowledge::new(&requests);
    for (at_ns, is_reply, number) in ends {
        let operation = &operations[number];
        let Ok(known) = requests.of(number) else { continue };
        match operation.replied {
            Some((reply, _)) if is_reply => {
                // What the protocol leaves open may have been taken in another way than it is read here.
                let reply = if known.left_open.is_none() { reply } else { Reply::Error };
                if let Some((clause, expected, why)) = knowledge.contradicts(known, operation.sent_ns, reply)
                {
                    return Some(Violation { operation: number, clause, expected, why });
                }
                knowledge.end(known, reply, at_ns);
            }
            _ => knowledge.begin(known, requests.of_operation[number]),
        }
    }
    None
}

/// What is certain of all packages at a moment.
struct Knowledge<'a> {
    requests: &'a Requests<'a>,
    packages: Vec<Package>,
    /// By line, whether it was sent before.
    was_sent: Vec<bool>,
}

#[derive(Debug, Default)]
struct Package {
    /// Whether it is in, and since when that is certain; apart from the changes that are under way.
    is_in: Option<(bool, u64)>,
    /// Its list, and since when that is certain.
    list: Option<(u32, u64)>,
    /// Since when nobody can list it but those who did so in this history.
    free_since_ns: Option<u64>,
    /// The packages that an INDEX was sent for with this one on its list; some more than once.
    listed_by: Vec<Name>,
    turmoil: Turmoil,
}

/// The changes of a package that are under way, and those that overlapped them.
#[derive(Debug, Default)]
struct Turmoil {
    indexes_open: u32,
    removes_open: u32,
    /// Those that were answered `OK`, and how many changes there were in all.
    indexed: u32,
    removed: u32,
    changes: u32,
    /// Whether a reply came that says nothing.
    is_unclear: bool,
    /// The list of the INDEX that was done last.
    list: u32,
}

impl Turmoil {
    fn may_remove(&self) -> bool {
        self.removes_open > 0 || self.removed > 0 || self.is_unclear
    }

    fn may_index(&self) -> bool {
        self.indexes_open > 0 || self.indexed > 0 || self.is_unclear
    }
}

impl Package {
    /// Whether it was certainly in at every moment since then.
    fn was_in_since(&self, since_ns: u64) -> bool {
        matches!(self.is_in, Some((true, certain_ns)) if certain_ns < since_ns) && !self.turmoil.may_remove()
    }

    /// Whether it was certainly out at every moment since then.
    fn was_out_since(&self, since_ns: u64) -> bool {
        matches!(self.is_in, Some((false, certain_ns)) if certain_ns < since_ns) && !self.turmoil.may_index()
    }
}

/// What contradicts a reply: the clause, what had to come, and why.
type Contradiction = (Clause, Reply, String);

impl<'a> Knowledge<'a> {
    fn new(requests: &'a Requests<'a>) -> Self {
        let packages = requests.names.iter().map(|_| Package::default()).collect();
        Self { requests, packages, was_sent: vec![false; requests.lines.len()] }
    }

    fn package(&self, name: Name) -> &Package {
        &self.packages[name as usize]
    }

    /// A request is sent.
    fn begin(&mut self, known: Known, line: u32) {
        let turmoil = &mut self.packages[known.package as usize].turmoil;
        match known.command {
            Command::Query => return,
            Command::Index => turmoil.indexes_open += 1,
            Command::Remove => turmoil.removes_open += 1,
        }
        turmoil.changes += 1;
        if !std::mem::replace(&mut self.was_sent[line as usize], true) {
            for &dependency in self.requests.list(known.list) {
                self.packages[dependency as usize].listed_by.push(known.package);
            }
        }
    }

    /// A request is answered, and its reply contradicts nothing.
    fn end(&mut self, known: Known, reply: Reply, at_ns: u64) {
        let package = &mut self.packages[known.package as usize];
        let turmoil = &mut package.turmoil;
        match known.command {
            Command::Query => return,
            Command::Index => turmoil.indexes_open -= 1,
            Command::Remove => turmoil.removes_open -= 1,
        }
        match (known.command, reply) {
            (Command::Index, Reply::Ok) => {
                turmoil.indexed += 1;
                turmoil.list = known.list;
            }
            (_, Reply::Ok) => {
                turmoil.removed += 1;
                package.free_since_ns.get_or_insert(at_ns);
            }
            (_, Reply::Fail) => {}
            (_, Reply::Error) => turmoil.is_unclear = true,
        }
        let turmoil = &package.turmoil;
        if turmoil.indexes_open + turmoil.removes_open > 0 {
            return;
        }
        let turmoil = std::mem::take(&mut package.turmoil);
        let is_in = |is_in: bool, before: Option<(bool, u64)>| match before {
            // What was so before was so all the while.
            Some((was_in, since_ns)) if was_in == is_in => Some((is_in, since_ns)),
            _ => Some((is_in, at_ns)),
        };
        match (turmoil.indexed, turmoil.removed, turmoil.is_unclear) {
            (0, 0, false) => {}
            (1.., 0, false) => {
                package.is_in = is_in(true, package.is_in);
                let is_same = package.list.is_some_and(|(list, _)| list == turmoil.list);
                match (turmoil.indexed, is_same) {
                    (1, true) => {}
                    (1, false) => package.list = Some((turmoil.list, at_ns)),
                    // Which of them was last is not known.
                    _ => package.list = None,
                }
            }
            (0, 1.., false) => {
                package.is_in = is_in(false, package.is_in);
                package.list = None;
            }
            _ => {
                package.is_in = None;
                package.list = None;
            }
        }
    }

    /// What is certain that this reply contradicts.
    fn contradicts(&self, known: Known, sent_ns: u64, reply: Reply) -> Option<Contradiction> {
        match (known.command, reply) {
            (_, Reply::Error) => None,
            (Command::Query, Reply::Ok) => {
                self.is_out(known.package, sent_ns).map(|why| (S5, Reply::Fail, why))
            }
            (Command::Query, Reply::Fail) => {
                self.is_in(known.package, sent_ns).map(|why| (S5, Reply::Ok, why))
            }
            (Command::Index, Reply::Ok) => {
                // Itself it may have found in by the request's own doing.
                let list = self.requests.list(known.list);
                let others = list.iter().filter(|dependency| **dependency != known.package);
                let why = others.into_iter().find_map(|dependency| self.is_out(*dependency, sent_ns))?;
                Some((self.clause_of_index(known, sent_ns), Reply::Fail, why))
            }
            (Command::Index, Reply::Fail) => {
                let list = self.requests.list(known.list);
                let mut reasons = list.iter().map(|dependency| self.is_in(*dependency, sent_ns));
                let all: Option<Vec<String>> = reasons.by_ref().collect();
                let why = match all?.as_slice() {
                    [] => "it has no dependencies".to_owned(),
                    [one] => one.clone(),
                    several => format!("all of its {} dependencies were in all the while", several.len()),
                };
                Some((self.clause_of_index(known, sent_ns), Reply::Ok, why))
            }
            (Command::Remove, Reply::Ok) => {
                let package = self.package(known.package);
                let holder = package.listed_by.iter().copied().find(|&other| {
                    other != known.package
                        && self.package(other).was_in_since(sent_ns)
                        && self.listed_since(other, known.package, sent_ns)
                })?;
                Some((S3, Reply::Fail, format!("{} was in all the while, and lists it", self.name(holder))))
            }
            (Command::Remove, Reply::Fail) => {
                let package = self.package(known.package);
                let is_free = package.free_since_ns.is_some_and(|free_ns| free_ns < sent_ns);
                let may_hold =
                    |&other: &Name| other == known.package || !self.package(other).was_out_since(sent_ns);
                if !is_free {
                    return None;
                }
                if let Some(why) = self.is_out(known.package, sent_ns) {
                    return Some((S4, Reply::Ok, why));
                }
                let is_held = package.listed_by.iter().any(may_hold);
                (!is_held).then(|| (S3, Reply::Ok, "nobody who lists it was in at any moment".to_owned()))
            }
        }
    }

    /// Whether the list of a package had this one on it at every moment since then.
    fn listed_since(&self, holder: Name, package: Name, since_ns: u64) -> bool {
        let is_certain =
            |(list, certain_ns)| certain_ns < since_ns && self.requests.list(list).contains(&package);
        self.package(holder).list.is_some_and(is_certain) && !self.package(holder).turmoil.may_index()
    }

    fn clause_of_index(&self, known: Known, sent_ns: u64) -> Clause {
        if self.package(known.package).was_in_since(sent_ns) { S2 } else { S1 }
    }

    fn is_in(&self, package: Name, since_ns: u64) -> Option<String> {
        let is_in = self.package(package).was_in_since(since_ns);
        is_in.then(|| format!("{} was in all the while", self.name(package)))
    }

    fn is_out(&self, package: Name, since_ns: u64) -> Option<String> {
        let is_out = self.package(package).was_out_since(since_ns);
        is_out.then(|| format!("{} was not in at any moment", self.name(package)))
    }

    fn name(&self, package: Name) -> String {
        protocol::text::printable(self.requests.names[package as usize])
    }
}
