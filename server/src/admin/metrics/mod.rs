//! The metrics of a server for Prometheus.

pub mod encoding;
mod index;
mod process;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::encoding::gauge;
use crate::lifecycle::{Lifecycle, Phase};
use crate::limits::{Limits, Refusal};
use crate::telemetry::Telemetry;

/// A service with metrics of its own.
pub trait Measured: Send + Sync + 'static {
    /// The prefix of the metric names, without an underscore at its end.
    const PREFIX: &'static str;

    /// Registers the metrics of the service.
    fn register(self: Arc<Self>, registry: &mut Registry);
}

/// Returns the number of log lines that were lost, because the reader of the log was too slow.
pub type LostLogLines = Box<dyn Fn() -> u64 + Send + Sync>;

/// Registers all metrics. Returns the registry and the telemetry that counts connections.
pub(super) fn registry<M: Measured>(
    service: Arc<M>,
    limits: &Limits,
    lost_log_lines: Option<LostLogLines>,
    state: State,
) -> (Registry, Arc<dyn Telemetry>) {
    let mut registry = Registry::default();
    let connections = ConnectionMetrics::default();
    let prefixed = registry.sub_registry_with_prefix(M::PREFIX);
    connections.register(prefixed);
    let buffered_max = Gauge::<i64>::default();
    buffered_max.set(signed(limits.buffered_bytes_max));
    prefixed.register_with_unit(
        "buffered_limit",
        "Largest number of bytes that all connections hold together",
        Unit::Bytes,
        buffered_max,
    );
    prefixed.register_collector(Box::new(state));
    if let Some(lost) = lost_log_lines {
        prefixed.register_collector(Box::new(LogMetrics { lost }));
    }
    service.register(prefixed);
    registry.register_collector(Box::new(process::ProcessMetrics));
    (registry, Arc::new(connections))
}

/// Upper bounds of the request duration, from a typical request to a stalled client.
const DURATION_BUCKETS_SECONDS: [f64; 14] =
    [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.5, 1.0, 10.0];

/// Counters of connections.
#[derive(Debug)]
struct ConnectionMetrics {
    opened: Counter,
    open: Gauge,
    refused: Family<CauseLabel, Counter>,
    accept_failures: Counter,
    blocked: Counter,
    panics: Counter,
    buffered: Gauge,
    duration_seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

impl Default for ConnectionMetrics {
    fn default() -> Self {
        let refused = Family::<CauseLabel, Counter>::default();
        // All labels exist from the start, because a rate needs a first sample.
        for cause in Refusal::ALL {
            drop(refused.get_or_create(&CauseLabel { cause: cause.name() }));
        }
        Self {
            opened: Counter::default(),
            open: Gauge::default(),
            refused,
            accept_failures: Counter::default(),
            blocked: Counter::default(),
            panics: Counter::default(),
            buffered: Gauge::default(),
            duration_seconds: Histogram::new(DURATION_BUCKETS_SECONDS),
        }
    }
}

impl ConnectionMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Connections served", self.opened.clone());
        registry.register("connections_open", "Open connections", self.open.clone());
        registry.register(
            "refusals",
            "Clients refused or connections closed because of a limit, by cause",
            self.refused.clone(),
        );
        registry.register(
            "accept_failures",
            "Failed attempts to accept a connection",
            self.accept_failures.clone(),
        );
        registry.register(
            "blocked_replies",
            "Writes that waited because the client did not read its replies",
            self.blocked.clone(),
        );
        registry.register(
            "connection_panics",
            "Connections closed because their task panicked",
            self.panics.clone(),
        );
        registry.register_with_unit(
            "buffered",
            "Memory of incomplete requests and unread replies, without the first 4096 bytes of small ones",
            Unit::Bytes,
            self.buffered.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time from reading requests to writing their replies; requests of one read count as one",
            Unit::Seconds,
            self.duration_seconds.clone(),
        );
    }
}

impl Telemetry for ConnectionMetrics {
    fn opened(&self) {
        self.opened.inc();
        self.open.inc();
    }

    fn closed(&self) {
        self.open.dec();
    }

    fn refused(&self, cause: Refusal) {
        self.refused.get_or_create(&CauseLabel { cause: cause.name() }).inc();
    }

    fn accept_failed(&self) {
        self.accept_failures.inc();
    }

    fn begin(&self) -> Option<Instant> {
        Some(Instant::now())
    }

    fn answered(&self, begun: Option<Instant>) {
        if let Some(begun) = begun {
            self.duration_seconds.observe(begun.elapsed().as_secs_f64());
        }
    }

    fn blocked(&self) {
        self.blocked.inc();
    }

    fn panicked(&self) {
        self.panics.inc();
    }

    fn buffered(&self, before: usize, after: usize) {
        self.buffered.inc_by(signed(after) - signed(before));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

struct LogMetrics {
    lost: LostLogLines,
}

impl fmt::Debug for LogMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogMetrics")
    }
}

impl Collector for LogMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Log lines lost because the reader of the log was too slow";
        encoding::counter(&mut encoder, "log_lines_lost", help, (self.lost)())
    }
}

/// The state of the server as a whole.
#[derive(Debug)]
pub(super) struct State {
    lifecycle: Arc<Lifecycle>,
    connections_max: usize,
    begun: Instant,
}

impl State {
    /// Returns the state of a server that began at this time.
    pub(super) fn new(lifecycle: Arc<Lifecycle>, limits: &Limits, begun: Instant) -> Self {
        Self { lifecycle, connections_max: limits.connections_max, begun }
    }
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let is_draining = self.lifecycle.phase() == Phase::Draining;
        let help = "1 after a stop signal, until the server ends; otherwise 0";
        gauge(&mut encoder, "draining", help, None, usize::from(is_draining))?;
        gauge(
            &mut encoder,
            "connections_limit",
            "Largest number of open connections",
            None,
            self.connections_max,
        )?;
        let uptime = ConstGauge::new(self.begun.elapsed().as_secs_f64());
        let help = "Time since the start of the server";
        uptime.encode(encoder.encode_descriptor(
            "uptime",
            help,
            Some(&Unit::Seconds),
            uptime.metric_type(),
        )?)
    }
}
