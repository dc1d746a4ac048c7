//! Tests that need a Docker daemon: the images, and containers as targets. `cargo ci test` builds the images first
//! and runs these tests where a daemon is available.

#[path = "docker/daemon.rs"]
mod daemon;
#[path = "docker/image.rs"]
mod image;
#[expect(dead_code, reason = "the other tests use the rest of it")]
#[path = "it/support.rs"]
mod support;
#[path = "docker/target.rs"]
mod target;
