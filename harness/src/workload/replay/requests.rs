//! The requests of the replay in wire format. Each is encoded once, because clients send it many times.

use fixtures::{Graph, Package};
use protocol::index::wire::{Command, Request};

/// All request lines in one buffer, with the start of each line: three consecutive requests per package.
#[derive(Debug)]
pub(super) struct Requests {
    text: Vec<u8>,
    starts: Vec<usize>,
}

/// The commands of the three requests of a package, in order.
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

    /// Returns the line of a request, including its line end.
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
    fn requests_are_encoded_as_protocol_lines() {
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
