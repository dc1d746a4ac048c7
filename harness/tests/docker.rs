//! The images, and containers as targets. The tests need a Docker daemon and the images; `cargo ci test` builds the images
//! and runs the tests where a daemon answers.

#[path = "docker/daemon.rs"]
mod daemon;
#[path = "docker/image.rs"]
mod image;
#[expect(dead_code, reason = "the other tests use the rest of it")]
#[path = "it/support.rs"]
mod support;
#[path = "docker/target.rs"]
mod target;
