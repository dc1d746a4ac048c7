//! Network faults: impairments of the path between one client and the target, as typed values.

use driver::moves::Act;
use proxy::{Kind, Stream, Toxic};

/// An impairment of the path through the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkFault {
    /// Data is delayed in both directions.
    Latency,
    /// The rate is limited in both directions.
    Bandwidth,
    /// Data is cut into small pieces.
    Slicer,
    /// Data that is sent in parts arrives as one piece.
    Joining,
    /// The connection is closed after a number of bytes.
    LimitData,
    /// The connection is reset.
    ResetPeer,
    /// Data is lost in both directions, and connections stay open.
    BlackHole,
    /// The end of the client's stream is delayed.
    SlowClose,
    /// Connections are closed, also new ones.
    Down,
    /// Bits are flipped.
    Corruption,
}

use NetworkFault::{
    Bandwidth, BlackHole, Corruption, Down, Joining, Latency, LimitData, ResetPeer, Slicer, SlowClose,
};
use Stream::{Downstream, Upstream};

/// All network faults, in the order of their condition numbers.
const ALL: [NetworkFault; 10] =
    [Latency, Bandwidth, Slicer, Joining, LimitData, ResetPeer, BlackHole, SlowClose, Down, Corruption];

impl NetworkFault {
    /// Returns the act that begins this fault.
    pub(crate) const fn begin(self) -> Act {
        Act::BeginCondition(self as u16)
    }

    /// Returns the fault that [`Act::BeginCondition`] begins with this number.
    pub(crate) fn from_condition(number: u16) -> Option<Self> {
        ALL.get(usize::from(number)).copied()
    }

    /// Returns the toxics that the relay applies while this fault lasts.
    pub(crate) fn toxics(self) -> impl Iterator<Item = Toxic> {
        self.kinds().iter().map(|(stream, kind)| Toxic::new(*stream, kind.clone()))
    }

    const fn kinds(self) -> &'static [(Stream, Kind)] {
        match self {
            Latency => &[
                (Upstream, Kind::Latency { latency_ms: 100, jitter_ms: 20 }),
                (Downstream, Kind::Latency { latency_ms: 100, jitter_ms: 20 }),
            ],
            Bandwidth => &[
                (Upstream, Kind::Bandwidth { rate_kb_per_second: 1 }),
                (Downstream, Kind::Bandwidth { rate_kb_per_second: 1 }),
            ],
            Slicer => &[
                (Upstream, Kind::Slicer { average_size_bytes: 2, size_variation_bytes: 1, delay_us: 1000 }),
                (Downstream, Kind::Slicer { average_size_bytes: 2, size_variation_bytes: 0, delay_us: 1000 }),
            ],
            Joining => {
                &[(Upstream, Kind::Joining { delay_ms: 50 }), (Downstream, Kind::Joining { delay_ms: 50 })]
            }
            LimitData => &[(Upstream, Kind::LimitData { bytes_max: 25 })],
            ResetPeer => &[(Upstream, Kind::ResetPeer { timeout_ms: 20 })],
            BlackHole => &[(Upstream, Kind::BlackHole {}), (Downstream, Kind::BlackHole {})],
            SlowClose => &[(Upstream, Kind::SlowClose { delay_ms: 200 })],
            Down => &[(Upstream, Kind::Down {})],
            Corruption => &[(Upstream, Kind::Corruption { probability: 0.05 })],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy::Toxics;

    #[test]
    fn each_network_fault_has_a_condition_number_and_valid_toxics() {
        for fault in ALL {
            let Act::BeginCondition(number) = fault.begin() else { panic!("{fault:?}") };
            assert_eq!(NetworkFault::from_condition(number), Some(fault));
            let mut toxics = Toxics::default();
            for toxic in fault.toxics() {
                let (kind, attributes) = toxic.kind.parts();
                assert_eq!(Kind::new(&kind, &attributes).unwrap(), toxic.kind);
                toxics.add(toxic, tokio::time::Instant::now()).unwrap();
            }
            assert!(toxics.iter().next().is_some(), "{fault:?}");
        }
        assert_eq!(NetworkFault::from_condition(10), None);
    }
}
