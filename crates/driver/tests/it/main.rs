//! Tests of the driver, as a target at the other end observes it.

mod execute;
