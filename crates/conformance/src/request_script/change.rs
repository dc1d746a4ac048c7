//! Transformations of request scripts: fewer requests, other names, and the requests that lead to a violation.

use std::collections::BTreeMap;

use linearizability::Operation;
use protocol::index::wire::Request;

use crate::request_script::script::RequestScript;

/// The position of a request: client, round, and index within the round.
pub type Place = (usize, usize, usize);

/// The requests that led to a reply, in two arrangements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadingRequests {
    /// Each request by the client that sent it.
    pub concurrent: RequestScript,
    /// All requests on one connection in the order in which they were sent, which suffices for defects without
    /// concurrency.
    pub sequential: RequestScript,
}

impl LeadingRequests {
    /// Returns the requests that led to a reply: those that were sent before it was received and can influence it.
    /// `begins` are the operations with which a new round began.
    #[must_use]
    pub fn to(operations: &[Operation], begins: &[usize], wrong: usize) -> Self {
        let is_near = near(operations, wrong);
        let replied_ns = operations[wrong].replied.map_or(u64::MAX, |(_, replied_ns)| replied_ns);
        let mut in_order = Vec::new();
        let mut by_client: BTreeMap<u32, Vec<Vec<Vec<u8>>>> = BTreeMap::new();
        // The replies to a client arrive in the order of its requests.
        for (number, operation) in operations.iter().enumerate() {
            if !is_near[number] || operation.sent_ns > replied_ns {
                continue;
            }
            let round = begins.iter().filter(|&&begin| begin <= number).count();
            let rounds = by_client.entry(operation.client).or_default();
            rounds.resize_with(rounds.len().max(round + 1), Vec::new);
            rounds[round].push(operation.line.clone());
            in_order.push(operation.line.clone());
        }
        let concurrent = RequestScript { clients: by_client.into_values().collect() }.without_empty_rounds();
        Self { concurrent, sequential: RequestScript { clients: vec![vec![in_order]] } }
    }
}

impl RequestScript {
    /// Returns the positions of all requests, in order.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (client, rounds) in self.clients.iter().enumerate() {
            for (round, requests) in rounds.iter().enumerate() {
                places.extend((0..requests.len()).map(|request| (client, round, request)));
            }
        }
        places
    }

    /// Returns a script with only the requests at these positions.
    #[must_use]
    pub fn only(&self, places: &[Place]) -> Self {
        let mut clients: Vec<Vec<Vec<Vec<u8>>>> =
            self.clients.iter().map(|rounds| vec![Vec::new(); rounds.len()]).collect();
        for &(client, round, request) in places {
            clients[client][round].push(self.clients[client][round][request].clone());
        }
        Self { clients }.without_empty_rounds()
    }

    /// Returns a script without a name in any list and without the requests for it.
    #[must_use]
    pub fn without(&self, name: &[u8]) -> Self {
        let is_other = |line: &Vec<u8>| Request::decode(line).is_ok_and(|request| request.package != name);
        let without = |line: &Vec<u8>| {
            with_list(line, |list| {
                list.into_iter().filter(|other| *other != name).map(<[u8]>::to_vec).collect()
            })
        };
        let requests =
            |requests: &Vec<Vec<u8>>| requests.iter().filter(|line| is_other(line)).map(without).collect();
        let clients = self.clients.iter().map(|rounds| rounds.iter().map(requests).collect()).collect();
        Self { clients }.without_empty_rounds()
    }

    /// Returns a script with other names.
    #[must_use]
    pub fn renamed(&self, rename: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let line = |line: &Vec<u8>| {
            let Ok(request) = Request::decode(line) else { return line.clone() };
            let list: Vec<Vec<u8>> = request.dependencies().map(&rename).collect();
            [request.command.word().as_bytes(), b"|", &rename(request.package), b"|", &list.join(&b","[..])]
                .concat()
        };
        let requests = |requests: &Vec<Vec<u8>>| requests.iter().map(line).collect();
        Self { clients: self.clients.iter().map(|rounds| rounds.iter().map(requests).collect()).collect() }
    }

    /// Returns a script with the shortest possible names.
    #[must_use]
    pub fn with_short_names(&self) -> Self {
        let short = (0..).map(|number: u32| match u8::try_from(number) {
            Ok(letter @ 0..26) => vec![b'a' + letter],
            _ => format!("p{number}").into_bytes(),
        });
        let names: BTreeMap<&[u8], Vec<u8>> = self.names().into_iter().zip(short).collect();
        self.renamed(|name| names.get(name).cloned().unwrap_or_else(|| name.to_vec()))
    }

    /// Removes clients without requests and rounds in which no client sends a request.
    fn without_empty_rounds(mut self) -> Self {
        self.clients.retain(|rounds| rounds.iter().any(|requests| !requests.is_empty()));
        let count = self.clients.iter().map(Vec::len).max().unwrap_or(0);
        for round in (0..count).rev() {
            let is_empty = |rounds: &Vec<Vec<Vec<u8>>>| rounds.get(round).is_none_or(Vec::is_empty);
            if self.clients.iter().all(is_empty) {
                for rounds in self.clients.iter_mut().filter(|rounds| rounds.len() > round) {
                    rounds.remove(round);
                }
            }
        }
        for rounds in &mut self.clients {
            while rounds.last().is_some_and(Vec::is_empty) {
                rounds.pop();
            }
        }
        self
    }
}

/// Returns a request with another list.
fn with_list<'l>(line: &'l [u8], change: impl FnOnce(Vec<&'l [u8]>) -> Vec<Vec<u8>>) -> Vec<u8> {
    let Ok(request) = Request::decode(line) else { return line.to_vec() };
    let list = change(request.dependencies().collect());
    [request.command.word().as_bytes(), b"|", request.package, b"|", &list.join(&b","[..])].concat()
}

/// Returns for each operation whether it names a package that can influence those of the violating one: packages are
/// connected with those on their lists.
fn near(operations: &[Operation], wrong: usize) -> Vec<bool> {
    let requests: Vec<Vec<&[u8]>> = operations.iter().map(|operation| names(&operation.line)).collect();
    let mut of_name: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (number, names) in requests.iter().enumerate() {
        for name in names {
            of_name.entry(name).or_default().push(number);
        }
    }
    let mut is_near = vec![false; operations.len()];
    let mut waiting = vec![wrong];
    while let Some(number) = waiting.pop() {
        if std::mem::replace(&mut is_near[number], true) {
            continue;
        }
        for name in &requests[number] {
            waiting.extend(of_name.remove(name).unwrap_or_default());
        }
    }
    is_near
}

fn names(line: &[u8]) -> Vec<&[u8]> {
    let Ok(request) = Request::decode(line) else { return Vec::new() };
    request.dependencies().chain([request.package]).collect()
}

#[cfg(test)]
mod tests {
    use protocol::index::wire::Reply;

    use super::*;

    fn read(text: &str) -> RequestScript {
        RequestScript::parse(text).unwrap()
    }

    #[test]
    fn requests_names_and_clients_are_removed() {
        let all = read("client\nINDEX|a|b,c\nmeet\nREMOVE|b|\nclient\nmeet\nQUERY|c|\nmeet\nQUERY|b|\n");
        assert_eq!(all.places().len(), 4);
        assert_eq!(all.only(&all.places()), all);
        assert_eq!(all.only(&[(0, 0, 0), (1, 2, 0)]), read("client\nINDEX|a|b,c\nclient\nmeet\nQUERY|b|\n"));
        assert_eq!(all.without(b"b"), read("client\nINDEX|a|c\nclient\nmeet\nQUERY|c|\n"));
    }

    #[test]
    fn names_are_changed_everywhere() {
        let long = read("client\nINDEX|package-2|package-7\nREMOVE|package-7|\n");
        assert_eq!(long.with_short_names(), read("client\nINDEX|a|b\nREMOVE|b|\n"));
        let numbered = long.renamed(|name| [name, b".1"].concat());
        assert_eq!(numbered, read("client\nINDEX|package-2.1|package-7.1\nREMOVE|package-7.1|\n"));
    }

    #[test]
    fn leading_requests_were_sent_before_the_reply_and_can_influence_it() {
        let operation = |client, line: &str, sent_ns, replied_ns| Operation {
            client,
            line: line.as_bytes().to_vec(),
            sent_ns,
            replied: Some((Reply::Ok, replied_ns)),
        };
        let operations = [
            operation(1, "INDEX|a|b", 1, 2),
            operation(2, "INDEX|z|", 1, 2),
            operation(3, "QUERY|b|", 3, 6),
            operation(1, "REMOVE|a|", 4, 5),
            operation(1, "QUERY|a|", 7, 8),
        ];
        let leading = LeadingRequests::to(&operations, &[2], 2);
        assert_eq!(leading.sequential, read("client\nINDEX|a|b\nQUERY|b|\nREMOVE|a|\n"));
        assert_eq!(leading.concurrent, read("client\nINDEX|a|b\nmeet\nREMOVE|a|\nclient\nmeet\nQUERY|b|\n"));
    }
}
