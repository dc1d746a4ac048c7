//! Command-line values that the binaries of the kit share.

pub mod values;
