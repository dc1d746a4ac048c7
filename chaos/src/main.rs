//! The chaos binary.

fn main() {}
