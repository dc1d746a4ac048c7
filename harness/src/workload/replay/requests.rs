//! The replay's requests as they stand on the wire, each written once: clients send them over and over.

use fixtures::{Graph, Package};
use protocol::index::wire::{Command, Request};

/// One text with all lines, and where each begins: for every package its three requests, one after the other.
#[derive(Debug)]
pub(super) struct Requests {
    text: Vec<u8>,
    starts: Vec<usize>,
}

/// The requests of a package, in the order in which they stand.
const COMMANDS: [Command; 3] = [Command::Index, Command::Remove, Command::Query];

impl Requests {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut requests = Self { text: Vec::new(), starts: vec![0] };
        for package in graph.packages() {
            for command in COMMANDS {
                requests.add(graph, package, command);
            }
        }
        requests
    }

    /// The line of a request, line end included.
    pub(super) fn line(&self, command: Command, package: usize) -> &[u8] {
        let number = package * COMMANDS.len() + command as usize;
        &self.text[self.starts[number]..self.starts[number + 1]]
    }

    fn add(&mut self, graph: &Graph, package: &Package, command: Command) {
        let list = match command {
            Command::Index => graph.dependency_names(package).collect::<Vec<_>>().join(","),
            Command::Remove | Command::Query => String::new(),
        };
        let request = Request { command, package: package.name.as_bytes(), list: list.as_bytes() };
        request.encode(&mut self.text);
        self.starts.push(self.text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_the_line_that_it_should_be() {
        let graph = Graph::parse(b"a: b c\nb: c\n").unwrap();
        let requests = Requests::new(&graph);
        let lines = [
            (Command::Index, 0, "INDEX|a|b,c\n"),
            (Command::Remove, 0, "REMOVE|a|\n"),
            (Command::Query, 1, "QUERY|b|\n"),
            (Command::Index, 2, "INDEX|c|\n"),
        ];
        for (command, package, line) in lines {
            assert_eq!(requests.line(command, package), line.as_bytes());
        }
    }
}
