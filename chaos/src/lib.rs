//! The harness under faults: what breaks a server, who is harmed by that, and how to see it again.

pub mod proxy;
