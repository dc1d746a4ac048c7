//! Metrics of the index service, read at the time of a scrape.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::{Registry, Unit};
use protocol::index::wire::{Command, Reply};

use super::Measured;
use super::encoding::{counter, gauge};
use crate::service::index::IndexService;

/// The possible replies to each command.
const POSSIBLE: [(Option<Command>, Reply); 8] = [
    (Some(Command::Index), Reply::Ok),
    (Some(Command::Index), Reply::Fail),
    (Some(Command::Index), Reply::Error),
    (Some(Command::Remove), Reply::Ok),
    (Some(Command::Remove), Reply::Fail),
    (Some(Command::Query), Reply::Ok),
    (Some(Command::Query), Reply::Fail),
    (None, Reply::Error),
];

impl Measured for IndexService {
    const PREFIX: &'static str = "package_indexer";

    fn register(self: Arc<Self>, registry: &mut Registry) {
        registry.register_collector(Box::new(IndexMetrics { service: self }));
    }
}

#[derive(Debug)]
struct IndexMetrics {
    service: Arc<IndexService>,
}

impl Collector for IndexMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (counts, size) = self.service.counts_and_size();
        let sum = |wanted: &dyn Fn(Reply) -> bool| -> u64 {
            let wanted = POSSIBLE.into_iter().filter(|(_, reply)| wanted(*reply));
            wanted.map(|(command, reply)| counts.requests(command, reply)).sum()
        };
        counter(&mut encoder, "commands_processed", "Requests answered", sum(&|_| true))?;
        let errors = sum(&|reply| reply == Reply::Error) + self.service.failed_connections();
        let help = "Requests answered ERROR, connections refused or closed with ERROR, and lost connections";
        counter(&mut encoder, "errors", help, errors)?;

        let help = "Requests by command and reply; an unreadable request has the command none";
        let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for (command, reply) in POSSIBLE {
            let labels = [("command", command_name(command)), ("reply", reply_name(reply))];
            ConstCounter::new(counts.requests(command, reply)).encode(family.encode_family(&labels)?)?;
        }
        let help = "Requests answered ERROR because of a limit";
        let mut family = encoder.encode_descriptor("limited_requests", help, None, MetricType::Counter)?;
        for (limit, count) in counts.refusals() {
            ConstCounter::new(count).encode(family.encode_family(&[("limit", limit)])?)?;
        }

        let capacity = self.service.capacity();
        gauge(&mut encoder, "packages_indexed_current", "Packages in the index", None, size.packages)?;
        gauge(
            &mut encoder,
            "packages_limit",
            "Largest number of packages in the index",
            None,
            capacity.packages_max,
        )?;
        gauge(&mut encoder, "index", "Estimated memory of the index", Some(&Unit::Bytes), size.bytes)?;
        gauge(
            &mut encoder,
            "index_limit",
            "Largest estimated memory of the index",
            Some(&Unit::Bytes),
            capacity.bytes_max,
        )
    }
}

fn command_name(command: Option<Command>) -> &'static str {
    match command {
        Some(Command::Index) => "INDEX",
        Some(Command::Remove) => "REMOVE",
        Some(Command::Query) => "QUERY",
        None => "none",
    }
}

fn reply_name(reply: Reply) -> &'static str {
    match reply {
        Reply::Ok => "OK",
        Reply::Fail => "FAIL",
        Reply::Error => "ERROR",
    }
}
