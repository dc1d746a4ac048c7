//! A TCP proxy that makes a network worse on purpose.
