//! The paths of the admin endpoint and their responses.

use std::sync::Arc;
use std::time::Instant;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use serde_json::json;

use super::metrics::{self, LostLogLines, Measured};
use super::profile;
use crate::heartbeats::Heartbeats;
use crate::lifecycle::{Lifecycle, Phase};
use crate::limits::Limits;
use crate::telemetry::Telemetry;

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Answer = Response<Full<Bytes>>;

/// The state that the admin endpoint reports.
pub struct Admin {
    lifecycle: Arc<Lifecycle>,
    heartbeats: Arc<Heartbeats>,
    registry: Registry,
    build: Build,
    has_profiles: bool,
}

/// The program that the endpoint reports as `/buildinfo`.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The name of the program.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Admin {
    /// Creates the endpoint of a server, and the telemetry that counts its connections. `has_profiles` enables CPU
    /// profiles. `lost_log_lines` is absent if there is no log.
    #[must_use]
    pub fn new<M: Measured>(
        lifecycle: Arc<Lifecycle>,
        heartbeats: Arc<Heartbeats>,
        service: Arc<M>,
        limits: &Limits,
        build: Build,
        has_profiles: bool,
        lost_log_lines: Option<LostLogLines>,
    ) -> (Self, Arc<dyn Telemetry>) {
        let state = metrics::State::new(Arc::clone(&lifecycle), limits, Instant::now());
        let (registry, telemetry) = metrics::registry(service, limits, lost_log_lines, state);
        (Self { lifecycle, heartbeats, registry, build, has_profiles }, telemetry)
    }

    pub(super) async fn answer(&self, request: &Request<Incoming>) -> Answer {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD are allowed\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/healthz" => self.health(),
            "/livez" => self.liveness(),
            "/metrics" => self.metrics(request),
            "/buildinfo" => self.build_information(),
            "/debug/pprof/profile" => self.profile(request.uri().query()).await,
            "/" => answer(StatusCode::OK, PLAIN, PATHS),
            _ => answer(StatusCode::NOT_FOUND, PLAIN, PATHS),
        }
    }

    fn health(&self) -> Answer {
        let phase = self.lifecycle.phase();
        let is_alive = self.stuck_threads() == 0;
        let is_ready = is_alive && phase == Phase::Ready;
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let name = if is_alive { phase.name() } else { "stuck" };
        let health = json!({ "status": name, "readiness": is_ready, "liveness": is_alive });
        answer(status, JSON, format!("{health}\n"))
    }

    fn liveness(&self) -> Answer {
        let stuck_threads = self.stuck_threads();
        let is_alive = stuck_threads == 0;
        let status = if is_alive { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let health = json!({ "liveness": is_alive, "stuck_threads": stuck_threads });
        answer(status, JSON, format!("{health}\n"))
    }

    /// The number of threads that should serve connections and do not.
    fn stuck_threads(&self) -> usize {
        // The threads begin to run at the end of the starting phase.
        if self.lifecycle.phase() == Phase::Starting {
            0
        } else {
            self.heartbeats.stuck_threads(Instant::now())
        }
    }

    fn metrics(&self, request: &Request<Incoming>) -> Answer {
        let accepted =
            request.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or("");
        let is_open = accepted.contains("application/openmetrics-text");
        let mut body = String::new();
        let (encoded, content_type) = if is_open {
            (text::encode(&mut body, &self.registry), OPEN_METRICS)
        } else {
            (prometheus_text::encode(&mut body, &self.registry), prometheus_text::CONTENT_TYPE)
        };
        match encoded {
            Ok(()) => answer(StatusCode::OK, content_type, body),
            Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "the metrics cannot be encoded\n"),
        }
    }

    fn build_information(&self) -> Answer {
        let information = json!({
            "name": self.build.name,
            "version": self.build.version,
            "rust_version_min": env!("CARGO_PKG_RUST_VERSION"),
            "os": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
            "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
        });
        answer(StatusCode::OK, JSON, format!("{information}\n"))
    }

    async fn profile(&self, query: Option<&str>) -> Answer {
        if profile::IS_BUILT_IN && !self.has_profiles {
            return answer(
                StatusCode::FORBIDDEN,
                PLAIN,
                "profiles are disabled; start the server with --pprof\n",
            );
        }
        match profile::take(query).await {
            Ok(profile) => answer(StatusCode::OK, "application/octet-stream", profile),
            Err(error) => answer(error.status(), PLAIN, format!("{error}\n")),
        }
    }
}

const PATHS: &str = "/healthz\n/livez\n/metrics\n/buildinfo\n/debug/pprof/profile?seconds=10\n";

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
