//! The images, and containers as targets: what only a Docker daemon can show. `ci/image` builds the images first, and
//! `ci/test` runs this where a daemon answers.

#[path = "docker/daemon.rs"]
mod daemon;
#[path = "docker/image.rs"]
mod image;
#[expect(dead_code, reason = "the other tests use the rest of it")]
#[path = "it/support.rs"]
mod support;
#[path = "docker/target.rs"]
mod target;
