//! The partition of a history into components: sets of packages that can influence each other.
//!
//! A package that cannot have been indexed at any time determines the replies to its own operations and joins no
//! component. Otherwise a name that many lists mention and no request indexes would merge all components.

use protocol::index::wire::{Command, Reply};

use crate::operation::Operation;
use crate::requests::{InternedRequest, Name, Requests, narrow};

/// The components of a history, the largest first.
#[derive(Debug)]
pub(super) struct Parts {
    /// The operations, grouped by component and in the order of the history within each component.
    operations: Vec<u32>,
    /// The packages, grouped by component.
    packages: Vec<Name>,
    spans: Vec<Part>,
    /// For each package, its index within its component.
    package_in_part: Vec<u32>,
    /// For each line, its index within its component, in order of first occurrence.
    line_in_part: Vec<u32>,
    /// The first incorrect reply about a package that cannot be indexed, or to an invalid request: time and
    /// operation.
    pub(super) contradiction: Option<(u64, usize)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    operations: (usize, usize),
    packages: (usize, usize),
    is_unspecified: bool,
}

/// The role of an operation in the search.
enum Role {
    /// The operation is consistent with every history and changes nothing.
    Consistent,
    /// The operation is consistent with no history.
    Contradicts,
    /// The operation belongs to the component of this package.
    Joins(Name),
}

impl Parts {
    /// Partitions a history.
    pub(super) fn of(operations: &[Operation], requests: &Requests<'_>) -> Self {
        let may_be_indexed = packages_that_may_be_indexed(operations, requests);
        let is_possible = |list: u32| requests.list(list).iter().all(|&name| may_be_indexed[name as usize]);
        let mut sets = DisjointSets::new(requests.names.len());
        for known in requests.lines.iter().flatten() {
            match known.unspecified {
                Some(touched) => sets.join(known.package, requests.list(touched)),
                None if is_possible(known.list) => sets.join(known.package, requests.list(known.list)),
                None => {}
            }
        }
        let role = |number: usize, operation: &Operation| {
            let reply = operation.replied.map(|(reply, _)| reply);
            let only = |allowed: Reply| match reply {
                Some(reply) if reply != allowed => Role::Contradicts,
                _ => Role::Consistent,
            };
            let Ok(known) = requests.of(number) else { return only(Reply::Error) };
            if known.unspecified.is_some() {
                return Role::Joins(known.package);
            }
            let is_in = may_be_indexed[known.package as usize];
            match known.command {
                Command::Index if !is_possible(known.list) => only(Reply::Fail),
                Command::Query if !is_in => only(Reply::Fail),
                Command::Remove if !is_in => only(Reply::Ok),
                // The operation changes nothing and its reply is unknown.
                Command::Query if reply.is_none() => Role::Consistent,
                _ => Role::Joins(known.package),
            }
        };
        let mut contradiction: Option<(u64, usize)> = None;
        // The component root of each operation that belongs to a component.
        let mut joins: Vec<(usize, Name)> = Vec::with_capacity(operations.len());
        for (number, operation) in operations.iter().enumerate() {
            match role(number, operation) {
                Role::Joins(package) => joins.push((number, sets.find(package))),
                Role::Contradicts => {
                    let this = operation.replied.map(|(_, at_ns)| (at_ns, number));
                    contradiction = contradiction.into_iter().chain(this).min();
                }
                Role::Consistent => {}
            }
        }
        let mut parts = Self::sorted(&joins, &mut sets);
        parts.contradiction = contradiction;
        parts.number_lines(requests);
        parts
    }

    /// Sorts operations and packages by component.
    fn sorted(joins: &[(usize, Name)], sets: &mut DisjointSets) -> Self {
        let names = sets.parents.len();
        let mut counts = vec![0_usize; names];
        for &(_, root) in joins {
            counts[root as usize] += 1;
        }
        let mut roots: Vec<usize> = (0..names).filter(|&root| counts[root] > 0).collect();
        roots.sort_by_key(|&root| std::cmp::Reverse(counts[root]));
        let mut parts = vec![Part::default(); roots.len()];
        let mut part_of = vec![usize::MAX; names];
        let mut begin = 0;
        for (part, &root) in roots.iter().enumerate() {
            part_of[root] = part;
            parts[part].operations = (begin, begin);
            begin += counts[root];
        }
        let mut operations = vec![0; joins.len()];
        for &(number, root) in joins {
            let end = &mut parts[part_of[root as usize]].operations.1;
            operations[*end] = narrow(number);
            *end += 1;
        }
        let part_of_name: Vec<usize> =
            (0..narrow(names)).map(|name| part_of[sets.find(name) as usize]).collect();
        let in_parts = || (0..narrow(names)).zip(&part_of_name).filter(|&(_, &part)| part != usize::MAX);
        for (_, &part) in in_parts() {
            parts[part].packages.1 += 1;
        }
        let mut begin = 0;
        for Part { packages, .. } in &mut parts {
            let count = packages.1;
            *packages = (begin, begin);
            begin += count;
        }
        let (mut packages, mut package_in_part) = (vec![0; begin], vec![0; names]);
        for (name, &part) in in_parts() {
            let (begin, end) = &mut parts[part].packages;
            packages[*end] = name;
            package_in_part[name as usize] = narrow(*end - *begin);
            *end += 1;
        }
        Self {
            operations,
            packages,
            spans: parts,
            package_in_part,
            line_in_part: vec![],
            contradiction: None,
        }
    }

    fn number_lines(&mut self, requests: &Requests<'_>) {
        self.line_in_part = vec![u32::MAX; requests.lines.len()];
        for part in &mut self.spans {
            let mut count = 0;
            for &number in &self.operations[part.operations.0..part.operations.1] {
                let line = requests.of_operation[number as usize] as usize;
                if self.line_in_part[line] == u32::MAX {
                    self.line_in_part[line] = count;
                    count += 1;
                }
                part.is_unspecified |=
                    requests.lines[line].as_ref().is_ok_and(|known| known.unspecified.is_some());
            }
        }
    }

    /// Returns the number of components.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns the operations of a component.
    pub(super) fn operations(&self, part: usize) -> &[u32] {
        let (begin, end) = self.spans[part].operations;
        &self.operations[begin..end]
    }

    /// Returns the packages of a component.
    pub(super) fn packages(&self, part: usize) -> &[Name] {
        let (begin, end) = self.spans[part].packages;
        &self.packages[begin..end]
    }

    /// Returns whether a component contains requests whose interpretation the protocol does not specify.
    pub(super) fn is_unspecified(&self, part: usize) -> bool {
        self.spans[part].is_unspecified
    }

    /// Returns the index of a package within its component.
    pub(super) fn package_in_part(&self, name: Name) -> u32 {
        self.package_in_part[name as usize]
    }

    /// Returns the index of a line within its component.
    pub(super) fn line_in_part(&self, line: u32) -> u32 {
        self.line_in_part[line as usize]
    }
}

/// Returns for each package whether it may have been indexed at any time: an INDEX of it was answered `OK` or
/// received no reply, and all its dependencies may have been indexed too. The index is empty at the beginning.
fn packages_that_may_be_indexed(operations: &[Operation], requests: &Requests<'_>) -> Vec<bool> {
    let mut may_take_effect = vec![false; requests.lines.len()];
    for (operation, &line) in operations.iter().zip(&requests.of_operation) {
        may_take_effect[line as usize] |= matches!(operation.replied, None | Some((Reply::Ok, _)));
    }
    let mut indexes: Vec<(InternedRequest, usize)> = vec![];
    let mut waiting: Vec<Vec<usize>> = vec![vec![]; requests.names.len()];
    let mut found: Vec<Name> = vec![];
    for (known, may_take_effect) in requests.lines.iter().zip(may_take_effect) {
        match known {
            Ok(InternedRequest { unspecified: Some(touched), .. }) => found.extend(requests.list(*touched)),
            Ok(known) if may_take_effect && known.command == Command::Index => {
                let list = requests.list(known.list);
                for &name in list {
                    waiting[name as usize].push(indexes.len());
                }
                indexes.push((*known, list.len()));
                found.extend(list.is_empty().then_some(known.package));
            }
            _ => {}
        }
    }
    let mut may_be_indexed = vec![false; requests.names.len()];
    while let Some(name) = found.pop() {
        if std::mem::replace(&mut may_be_indexed[name as usize], true) {
            continue;
        }
        for &index in &waiting[name as usize] {
            let (known, lacking) = &mut indexes[index];
            *lacking -= 1;
            found.extend((*lacking == 0).then_some(known.package));
        }
    }
    may_be_indexed
}

/// Disjoint sets of packages (Galler and Fischer, "An improved equivalence algorithm", 1964).
#[derive(Debug)]
struct DisjointSets {
    parents: Vec<Name>,
}

impl DisjointSets {
    fn new(count: usize) -> Self {
        Self { parents: (0..narrow(count)).collect() }
    }

    fn find(&mut self, name: Name) -> Name {
        let mut at = name;
        while self.parents[at as usize] != at {
            let above = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = above;
            at = above;
        }
        at
    }

    fn join(&mut self, name: Name, others: &[Name]) {
        for &other in others {
            let (one, other) = (self.find(name), self.find(other));
            self.parents[one.max(other) as usize] = one.min(other);
        }
    }
}
