//! Tests of the driver's interface. Where a target is needed, the test is the target.

mod addresses;
mod exchanges;
mod execute;
mod params;
