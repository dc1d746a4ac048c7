//! Such requests with fewer of them, or with other names.

use std::collections::BTreeMap;

use protocol::index::wire::Request;

use crate::request_script::script::RequestScript;
use linearizability::Operation;

/// Where a request stands: which client, which of its meetings, which request after it.
pub type Place = (usize, usize, usize);

/// The requests that led to a reply, in two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadingRequests {
    /// Each by the client that made it.
    pub concurrent: RequestScript,
    /// All on one connection, in the order of their replies: enough for whoever is wrong without any hurry.
    pub sequential: RequestScript,
}

impl LeadingRequests {
    /// What led to a reply: the requests that were sent before it came, and can have to do with it. `begins` are the
    /// operations with which the clients had met and began anew.
    #[must_use]
    pub fn to(operations: &[Operation], begins: &[usize], wrong: usize) -> Self {
        let is_near = near(operations, wrong);
        let replied_ns = operations[wrong].replied.map_or(u64::MAX, |(_, replied_ns)| replied_ns);
        let mut in_order = Vec::new();
        let mut by_client: BTreeMap<u32, Vec<Vec<Vec<u8>>>> = BTreeMap::new();
        // The replies to a client come in the order of its requests.
        for (number, operation) in operations.iter().enumerate() {
            if !is_near[number] || operation.sent_ns > replied_ns {
                continue;
            }
            let meeting = begins.iter().filter(|&&begin| begin <= number).count();
            let meetings = by_client.entry(operation.client).or_default();
            meetings.resize_with(meetings.len().max(meeting + 1), Vec::new);
            meetings[meeting].push(operation.line.clone());
            in_order.push(operation.line.clone());
        }
        let concurrent =
            RequestScript { clients: by_client.into_values().collect() }.without_needless_meetings();
        Self { concurrent, sequential: RequestScript { clients: vec![vec![in_order]] } }
    }
}

impl RequestScript {
    /// Where its requests stand, in order.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (client, meetings) in self.clients.iter().enumerate() {
            for (meeting, requests) in meetings.iter().enumerate() {
                places.extend((0..requests.len()).map(|request| (client, meeting, request)));
            }
        }
        places
    }

    /// Only the requests that stand in these places.
    #[must_use]
    pub fn only(&self, places: &[Place]) -> Self {
        let mut clients: Vec<Vec<Vec<Vec<u8>>>> =
            self.clients.iter().map(|meetings| vec![Vec::new(); meetings.len()]).collect();
        for &(client, meeting, request) in places {
            clients[client][meeting].push(self.clients[client][meeting][request].clone());
        }
        Self { clients }.without_needless_meetings()
    }

    /// Without this name in any list, and without the requests for it.
    #[must_use]
    pub fn without(&self, name: &[u8]) -> Self {
        let is_other = |line: &Vec<u8>| Request::decode(line).is_ok_and(|request| request.package != name);
        let without = |line: &Vec<u8>| {
            relined(line, |list| {
                list.into_iter().filter(|other| *other != name).map(<[u8]>::to_vec).collect()
            })
        };
        let requests =
            |requests: &Vec<Vec<u8>>| requests.iter().filter(|line| is_other(line)).map(without).collect();
        let clients = self.clients.iter().map(|meetings| meetings.iter().map(requests).collect()).collect();
        Self { clients }.without_needless_meetings()
    }

    /// With other names.
    #[must_use]
    pub fn renamed(&self, rename: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let line = |line: &Vec<u8>| {
            let Ok(request) = Request::decode(line) else { return line.clone() };
            let list: Vec<Vec<u8>> = request.dependencies().map(&rename).collect();
            [request.command.word().as_bytes(), b"|", &rename(request.package), b"|", &list.join(&b","[..])]
                .concat()
        };
        let requests = |requests: &Vec<Vec<u8>>| requests.iter().map(line).collect();
        Self {
            clients: self.clients.iter().map(|meetings| meetings.iter().map(requests).collect()).collect(),
        }
    }

    /// With names as short as there are.
    #[must_use]
    pub fn with_short_names(&self) -> Self {
        let short = (0..).map(|number: u32| match u8::try_from(number) {
            Ok(letter @ 0..26) => vec![b'a' + letter],
            _ => format!("p{number}").into_bytes(),
        });
        let names: BTreeMap<&[u8], Vec<u8>> = self.names().into_iter().zip(short).collect();
        self.renamed(|name| names.get(name).cloned().unwrap_or_else(|| name.to_vec()))
    }

    /// Clients that ask for nothing are gone, and so are meetings between which nobody asks.
    fn without_needless_meetings(mut self) -> Self {
        self.clients.retain(|meetings| meetings.iter().any(|requests| !requests.is_empty()));
        let count = self.clients.iter().map(Vec::len).max().unwrap_or(0);
        for meeting in (0..count).rev() {
            let is_empty = |meetings: &Vec<Vec<Vec<u8>>>| meetings.get(meeting).is_none_or(Vec::is_empty);
            if self.clients.iter().all(is_empty) {
                for meetings in self.clients.iter_mut().filter(|meetings| meetings.len() > meeting) {
                    meetings.remove(meeting);
                }
            }
        }
        for meetings in &mut self.clients {
            while meetings.last().is_some_and(Vec::is_empty) {
                meetings.pop();
            }
        }
        self
    }
}

/// A request with another list.
fn relined<'l>(line: &'l [u8], relist: impl FnOnce(Vec<&'l [u8]>) -> Vec<Vec<u8>>) -> Vec<u8> {
    let Ok(request) = Request::decode(line) else { return line.to_vec() };
    let list = relist(request.dependencies().collect());
    [request.command.word().as_bytes(), b"|", request.package, b"|", &list.join(&b","[..])].concat()
}

/// Which operations name a package that can have to do with those of this one: packages are joined with those on their
/// lists.
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
    fn requests_names_and_clients_are_left_out() {
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
    fn what_leads_to_a_reply_was_sent_before_it_and_has_to_do_with_it() {
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
        let led = LeadingRequests::to(&operations, &[2], 2);
        assert_eq!(led.sequential, read("client\nINDEX|a|b\nQUERY|b|\nREMOVE|a|\n"));
        assert_eq!(led.concurrent, read("client\nINDEX|a|b\nmeet\nREMOVE|a|\nclient\nmeet\nQUERY|b|\n"));
    }
}
