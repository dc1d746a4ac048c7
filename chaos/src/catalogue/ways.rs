//! The ways to make a network worse, and good again, as steps of a fault.

use conformance::case::Step;
use conformance::case::Step::Act;
use driver::moves::Act as Deed;

/// The ways to make a network worse, as the proxy's command line has them: a fault names one by its place.
pub(crate) const WAYS: &[&[&str]] = &[
    &["upstream.latency:latency=100,jitter=20", "downstream.latency:latency=100,jitter=20"],
    &["upstream.bandwidth:rate=1", "downstream.bandwidth:rate=1"],
    &[
        "upstream.slicer:average_size=2,size_variation=1,delay=1000",
        "downstream.slicer:average_size=2,delay=1000",
    ],
    &["upstream.joining:delay=50", "downstream.joining:delay=50"],
    &["upstream.limit_data:bytes=25"],
    &["upstream.reset_peer:timeout=20"],
    &["upstream.black_hole", "downstream.black_hole"],
    &["upstream.slow_close:delay=200"],
    &["upstream.down"],
    &["upstream.corruption:probability=0.05"],
];

pub(super) const LATENCY: Step = Act(Deed::BeginCondition(0));
pub(super) const BANDWIDTH: Step = Act(Deed::BeginCondition(1));
pub(super) const SLICING: Step = Act(Deed::BeginCondition(2));
pub(super) const JOINING: Step = Act(Deed::BeginCondition(3));
pub(super) const LIMIT: Step = Act(Deed::BeginCondition(4));
pub(super) const RESET: Step = Act(Deed::BeginCondition(5));
pub(super) const BLACK_HOLE: Step = Act(Deed::BeginCondition(6));
pub(super) const SLOW_CLOSE: Step = Act(Deed::BeginCondition(7));
pub(super) const DOWN: Step = Act(Deed::BeginCondition(8));
pub(super) const CORRUPTION: Step = Act(Deed::BeginCondition(9));
pub(super) const MEND: Step = Act(Deed::EndCondition);
