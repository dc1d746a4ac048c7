//! Metrics of the service, read at the time of a scrape.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::{Registry, Unit};
use protocol::wisdom::messages::{Code, Source};

use server::admin::metrics::Measured;
use server::admin::metrics::encoding::{counter, gauge};
use server::clock::Clock;

use crate::service::{Durations, WisdomService};

/// The value of the label `code` for lost connections, which receive no error. No code of the protocol has this name.
const LOST_CONNECTION: &str = "CONNECTION_LOST";

impl<C: Clock + fmt::Debug> Measured for WisdomService<C> {
    const PREFIX: &'static str = "wisdom";

    fn register(self: Arc<Self>, registry: &mut Registry) {
        registry.register_collector(Box::new(WisdomMetrics { service: self }));
    }
}

#[derive(Debug)]
struct WisdomMetrics<C> {
    service: Arc<WisdomService<C>>,
}

impl<C: Clock + fmt::Debug> Collector for WisdomMetrics<C> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let counts = self.service.counts();
        counter(encoder, "challenges", "Issued challenges", counts.challenges.load(Ordering::Relaxed))?;
        let solved = Source::ALL.iter().map(|source| counts.quotations(*source)).sum();
        counter(encoder, "challenges_solved", "Solved challenges", solved)?;
        let help = "Challenges that expired without a solution, counted at most five quarters of a lifetime after the issue";
        counter(encoder, "challenges_expired", help, self.service.expired_total())?;
        let replays = counts.errors(Code::Replayed);
        counter(encoder, "replays_refused", "Solutions of challenges that were already solved", replays)?;

        let help = "Quotations by source";
        let mut family = encoder.encode_descriptor("quotations", help, None, MetricType::Counter)?;
        for source in Source::ALL {
            let labels = [("source", source.name())];
            ConstCounter::new(counts.quotations(source)).encode(family.encode_family(&labels)?)?;
        }
        let help = "Error replies by code, and lost connections";
        let mut family = encoder.encode_descriptor("errors", help, None, MetricType::Counter)?;
        for code in Code::ALL {
            let labels = [("code", code.name())];
            ConstCounter::new(counts.errors(*code)).encode(family.encode_family(&labels)?)?;
        }
        let lost = counts.lost_connections.load(Ordering::Relaxed);
        ConstCounter::new(lost).encode(family.encode_family(&[("code", LOST_CONNECTION)])?)?;

        let help = "Difficulty of the next challenge in zero bits";
        gauge(encoder, "difficulty_bits", help, None, self.service.difficulty().into())?;
        let (spent, limit) = self.service.spent_and_limit();
        gauge(encoder, "spent_challenges_current", "Stored nonces of solved challenges", None, spent)?;
        gauge(encoder, "spent_challenges_limit", "Largest number of stored nonces", None, limit)?;

        let help = "Time from the issue of a challenge to its solution";
        histogram(encoder, "solve_duration", help, &counts.solve)?;
        let help = "Time to check a solution";
        histogram(encoder, "check_duration", help, &counts.check)?;
        self.encode_sources(encoder)
    }
}

impl<C: Clock + fmt::Debug> WisdomMetrics<C> {
    fn encode_sources(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Fetches from outside sources, by source and its position in the settings";
        let mut family = encoder.encode_descriptor("fetches", help, None, MetricType::Counter)?;
        for (place, source) in self.service.sources().into_iter().enumerate() {
            let place = place.to_string();
            for (outcome, count) in [("fetched", source.fetched_total), ("failed", source.failed_total)] {
                let labels = [("source", &source.label[..]), ("place", &place[..]), ("outcome", outcome)];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    durations: &Durations,
) -> fmt::Result {
    let buckets: Vec<(f64, u64)> = durations
        .counts()
        .map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()), count))
        .collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    let mut encoder = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    encoder.encode_histogram::<NoLabelSet>(durations.sum().as_secs_f64(), count, &buckets, None)
}
