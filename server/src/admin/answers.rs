//! What each path is answered.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use prometheus_client::encoding::{prometheus_text, text};
use serde_json::json;

use super::{Admin, profile};
use crate::lifecycle::Phase;

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Answer = Response<Full<Bytes>>;

impl Admin {
    pub(super) async fn answer(&self, request: &Request<Incoming>) -> Answer {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/healthz" => self.health(),
            "/metrics" => self.metrics(request),
            "/buildinfo" => build_information(),
            "/debug/pprof/profile" if self.gives_profiles => profile(request.uri().query()).await,
            "/debug/pprof/profile" => {
                answer(StatusCode::FORBIDDEN, PLAIN, "profiles are given with --pprof\n")
            }
            "/" => answer(StatusCode::OK, PLAIN, PATHS),
            _ => answer(StatusCode::NOT_FOUND, PLAIN, PATHS),
        }
    }

    fn health(&self) -> Answer {
        let phase = self.lifecycle.phase();
        let is_ready = phase == Phase::Ready;
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        // Whoever reads this is answered, so the server lives.
        let health = json!({ "status": phase.name(), "readiness": is_ready, "liveness": true });
        answer(status, JSON, format!("{health}\n"))
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
            Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "the metrics cannot be written\n"),
        }
    }
}

const PATHS: &str = "/healthz\n/metrics\n/buildinfo\n/debug/pprof/profile?seconds=10\n";

fn build_information() -> Answer {
    let information = json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "rust_version_min": env!("CARGO_PKG_RUST_VERSION"),
        "os": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
    });
    answer(StatusCode::OK, JSON, format!("{information}\n"))
}

async fn profile(query: Option<&str>) -> Answer {
    match profile::take(query).await {
        Ok(profile) => answer(StatusCode::OK, "application/octet-stream", profile),
        Err(error @ profile::Error::Seconds) => answer(StatusCode::BAD_REQUEST, PLAIN, format!("{error}\n")),
        Err(error) => answer(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{error}\n")),
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
