//! Which operations have to be looked at together: those of packages that depend on each other.
//!
//! A package that cannot have been in at any moment decides its own operations, and joins nothing: one name that
//! everybody mentions and nobody indexes must not make one component of all.

use protocol::index::wire::{Command, Reply};

use crate::operation::Operation;
use crate::requests::{Known, Name, Requests, narrow};

/// The components of a history, the largest first.
#[derive(Debug)]
pub(super) struct Parts {
    /// Operations, those of a component together, and in it in the order of the history.
    operations: Vec<u32>,
    /// Packages, those of a component together.
    packages: Vec<Name>,
    spans: Vec<Part>,
    /// By package, which of those of its component it is.
    package_in_part: Vec<u32>,
    /// By line, which of those of its component it is, in the order in which they first came.
    line_in_part: Vec<u32>,
    /// The first reply that is wrong for a package that cannot be in, or for what is no request.
    pub(super) contradiction: Option<(u64, usize)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    operations: (usize, usize),
    packages: (usize, usize),
    is_left_open: bool,
}

/// What is to be done with an operation.
enum Fate {
    /// It fits whatever else happened, and changes nothing.
    Fits,
    /// It fits nothing.
    Contradicts,
    /// It belongs to the component of this package.
    Joins(Name),
}

impl Parts {
    /// Finds the components.
    pub(super) fn of(operations: &[Operation], requests: &Requests<'_>) -> Self {
        let may_be_in = packages_that_may_be_in(operations, requests);
        let is_possible = |list: u32| requests.list(list).iter().all(|&name| may_be_in[name as usize]);
        let mut groups = Groups::new(requests.names.len());
        for known in requests.lines.iter().flatten() {
            match known.left_open {
                Some(touched) => groups.join(known.package, requests.list(touched)),
                None if is_possible(known.list) => groups.join(known.package, requests.list(known.list)),
                None => {}
            }
        }
        let fate = |number: usize, operation: &Operation| {
            let reply = operation.replied.map(|(reply, _)| reply);
            let only = |allowed: Reply| match reply {
                Some(reply) if reply != allowed => Fate::Contradicts,
                _ => Fate::Fits,
            };
            let Ok(known) = requests.of(number) else { return only(Reply::Error) };
            if known.left_open.is_some() {
                return Fate::Joins(known.package);
            }
            let is_in = may_be_in[known.package as usize];
            match known.command {
                Command::Index if !is_possible(known.list) => only(Reply::Fail),
                Command::Query if !is_in => only(Reply::Fail),
                Command::Remove if !is_in => only(Reply::Ok),
                // It changes nothing, and of its reply nothing is known.
                Command::Query if reply.is_none() => Fate::Fits,
                _ => Fate::Joins(known.package),
            }
        };
        let mut contradiction: Option<(u64, usize)> = None;
        // The group of each operation that belongs to one.
        let mut joins: Vec<(usize, Name)> = Vec::with_capacity(operations.len());
        for (number, operation) in operations.iter().enumerate() {
            match fate(number, operation) {
                Fate::Joins(package) => joins.push((number, groups.find(package))),
                Fate::Contradicts => {
                    let this = operation.replied.map(|(_, at_ns)| (at_ns, number));
                    contradiction = contradiction.into_iter().chain(this).min();
                }
                Fate::Fits => {}
            }
        }
        let mut parts = Self::sorted(&joins, &mut groups);
        parts.contradiction = contradiction;
        parts.number_lines(requests);
        parts
    }

    /// Puts operations and packages in the order of their components.
    fn sorted(joins: &[(usize, Name)], groups: &mut Groups) -> Self {
        let names = groups.parents.len();
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
            (0..narrow(names)).map(|name| part_of[groups.find(name) as usize]).collect();
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
                part.is_left_open |=
                    requests.lines[line].as_ref().is_ok_and(|known| known.left_open.is_some());
            }
        }
    }

    /// How many components there are.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The operations of a component.
    pub(super) fn operations(&self, part: usize) -> &[u32] {
        let (begin, end) = self.spans[part].operations;
        &self.operations[begin..end]
    }

    /// The packages of a component.
    pub(super) fn packages(&self, part: usize) -> &[Name] {
        let (begin, end) = self.spans[part].packages;
        &self.packages[begin..end]
    }

    /// Whether a component has requests that the protocol leaves open.
    pub(super) fn is_left_open(&self, part: usize) -> bool {
        self.spans[part].is_left_open
    }

    /// Which of the packages of its component a package is.
    pub(super) fn package_in_part(&self, name: Name) -> u32 {
        self.package_in_part[name as usize]
    }

    /// Which of the lines of its component a line is.
    pub(super) fn line_in_part(&self, line: u32) -> u32 {
        self.line_in_part[line as usize]
    }
}

/// By package, whether it may have been in at any moment: there is an INDEX of it that was `OK` or got no reply, and
/// what it depends on may have been in too. Nothing is in at the beginning.
fn packages_that_may_be_in(operations: &[Operation], requests: &Requests<'_>) -> Vec<bool> {
    let mut may_be_done = vec![false; requests.lines.len()];
    for (operation, &line) in operations.iter().zip(&requests.of_operation) {
        may_be_done[line as usize] |= matches!(operation.replied, None | Some((Reply::Ok, _)));
    }
    let mut indexes: Vec<(Known, usize)> = vec![];
    let mut waiting: Vec<Vec<usize>> = vec![vec![]; requests.names.len()];
    let mut found: Vec<Name> = vec![];
    for (known, may_be_done) in requests.lines.iter().zip(may_be_done) {
        match known {
            Ok(Known { left_open: Some(touched), .. }) => found.extend(requests.list(*touched)),
            Ok(known) if may_be_done && known.command == Command::Index => {
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
    let mut may_be_in = vec![false; requests.names.len()];
    while let Some(name) = found.pop() {
        if std::mem::replace(&mut may_be_in[name as usize], true) {
            continue;
        }
        for &index in &waiting[name as usize] {
            let (known, lacking) = &mut indexes[index];
            *lacking -= 1;
            found.extend((*lacking == 0).then_some(known.package));
        }
    }
    may_be_in
}

/// Sets of packages that grow together (Galler and Fischer, "An improved equivalence algorithm").
#[derive(Debug)]
struct Groups {
    parents: Vec<Name>,
}

impl Groups {
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
