//! The paths of the API and their responses.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::handle::Proxy;
use crate::proxies::{Proxies, ProxiesError, ProxyRequest};
use crate::timing::Timing;
use crate::toxic::{Attributes, Kind, Stream, Toxic, ToxicError, default_name};

/// The version of Toxiproxy whose API is implemented.
const VERSION: &str = "2.9.0";

/// The header with the number of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-toxiproxy-request-id");

/// The longest request body, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The time limit for a request body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The reason for an error response.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("bad request body: {0}")]
    Body(String),
    #[error("404 page not found")]
    Path,
    #[error("method not allowed")]
    Method,
    #[error("User agent not allowed")]
    Browser,
    #[error(transparent)]
    Proxies(#[from] ProxiesError),
    #[error(transparent)]
    Toxic(#[from] ToxicError),
}

/// A status and a body; null means no body.
type Answer = (StatusCode, Value);

/// Responds to a request.
pub(crate) async fn answer(proxies: &Mutex<Proxies>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, body) = match execute(proxies, request).await {
        Ok(answer) => answer,
        Err(problem) => {
            let status = problem.status();
            (status, json!({ "error": problem.message(), "status": status.as_u16() }))
        }
    };
    let mut response = Response::default();
    *response.status_mut() = status;
    response.headers_mut().insert(REQUEST_ID, next_request_id());
    if !body.is_null() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = Full::from(body.to_string());
    }
    response
}

async fn execute(proxies: &Mutex<Proxies>, request: Request<Incoming>) -> Result<Answer, Problem> {
    // A web page could make a browser send requests to addresses that only its user can reach.
    if request.headers().get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/")) {
        return Err(Problem::Browser);
    }
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    let body = read(request.into_body()).await?;
    let names: Vec<_> =
        path.split('/').skip(1).map(|name| percent_decode_str(name).decode_utf8_lossy()).collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let mut proxies = proxies.lock().await;
    match names[..] {
        ["version"] => version(&method),
        ["reset"] => reset(&mut proxies, &method).await,
        ["populate"] => populate(&mut proxies, &method, &body).await,
        ["proxies"] => all_proxies(&mut proxies, &method, &body).await,
        ["proxies", name] => one_proxy(&mut proxies, &method, name, &body).await,
        ["proxies", name, "toxics"] => all_toxics(proxies.get(name)?, &method, &body),
        ["proxies", name, "toxics", toxic] => one_toxic(proxies.get(name)?, &method, toxic, &body),
        _ => Err(Problem::Path),
    }
}

fn version(method: &str) -> Result<Answer, Problem> {
    match method {
        "GET" => Ok((StatusCode::OK, json!({ "version": VERSION }))),
        _ => Err(Problem::Method),
    }
}

async fn reset(proxies: &mut Proxies, method: &str) -> Result<Answer, Problem> {
    match method {
        "POST" => proxies.reset().await?,
        _ => return Err(Problem::Method),
    }
    Ok(NOTHING)
}

async fn populate(proxies: &mut Proxies, method: &str, body: &[u8]) -> Result<Answer, Problem> {
    let names = match method {
        "POST" => proxies.populate(parse(body)?).await?,
        _ => return Err(Problem::Method),
    };
    let shown: Vec<Value> = names.iter().filter_map(|name| proxies.get(name).ok()).map(show).collect();
    Ok((StatusCode::CREATED, json!({ "proxies": shown })))
}

async fn all_proxies(proxies: &mut Proxies, method: &str, body: &[u8]) -> Result<Answer, Problem> {
    match method {
        "GET" => {
            let shown = proxies.iter().map(|proxy| (proxy.name().to_owned(), show(proxy))).collect();
            Ok((StatusCode::OK, Value::Object(shown)))
        }
        "POST" => Ok((StatusCode::CREATED, show(proxies.create(parse(body)?).await?))),
        _ => Err(Problem::Method),
    }
}

async fn one_proxy(proxies: &mut Proxies, method: &str, name: &str, body: &[u8]) -> Result<Answer, Problem> {
    match method {
        "GET" => Ok((StatusCode::OK, show(proxies.get(name)?))),
        "POST" | "PATCH" => {
            proxies.get(name)?;
            let request: ProxyRequest = parse(body)?;
            Ok((StatusCode::OK, show(proxies.update(name, request).await?)))
        }
        "DELETE" => {
            proxies.delete(name).await?;
            Ok(NOTHING)
        }
        _ => Err(Problem::Method),
    }
}

/// The body of a request that creates or changes a toxic.
#[derive(Deserialize)]
struct ToxicRequest {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    stream: Option<String>,
    toxicity: Option<f64>,
    attributes: Option<Attributes>,
    #[serde(flatten)]
    timing: Timing,
}

fn all_toxics(proxy: &Proxy, method: &str, body: &[u8]) -> Result<Answer, Problem> {
    match method {
        "GET" => Ok((StatusCode::OK, to_json(&in_order(proxy)))),
        "POST" => {
            let toxic = new_toxic(parse(body)?, proxy)?;
            let shown = to_json(&toxic);
            proxy.add_toxic(toxic)?;
            Ok((StatusCode::OK, shown))
        }
        _ => Err(Problem::Method),
    }
}

/// Checks the request in the same order as Toxiproxy, so that the same error is reported.
fn new_toxic(request: ToxicRequest, proxy: &Proxy) -> Result<Toxic, Problem> {
    let stream = Stream::parse(request.stream.as_deref().unwrap_or("downstream"))?;
    let kind = request.kind.unwrap_or_default();
    if !Kind::TYPES.contains(&kind.as_str()) {
        return Err(ToxicError::Type.into());
    }
    let name = request.name.filter(|name| !name.is_empty()).unwrap_or_else(|| default_name(&kind, stream));
    if proxy.toxics().get(&name).is_ok() {
        return Err(ToxicError::Exists.into());
    }
    let kind = Kind::new(&kind, &request.attributes.unwrap_or_default())?;
    let (toxicity, timing) = (request.toxicity.unwrap_or(1.0), request.timing.checked()?);
    Ok(Toxic { name, stream, toxicity, timing, kind })
}

fn one_toxic(proxy: &Proxy, method: &str, name: &str, body: &[u8]) -> Result<Answer, Problem> {
    let toxics = proxy.toxics();
    let toxic = toxics.get(name)?;
    match method {
        "GET" => Ok((StatusCode::OK, to_json(toxic))),
        "POST" | "PATCH" => {
            let request: ToxicRequest = parse(body)?;
            let kind = toxic.kind.with(request.attributes.unwrap_or_default())?;
            proxy.update_toxic(name, kind, request.toxicity.unwrap_or(toxic.toxicity))?;
            Ok((StatusCode::OK, to_json(proxy.toxics().get(name)?)))
        }
        "DELETE" => {
            proxy.remove_toxic(name)?;
            Ok(NOTHING)
        }
        _ => Err(Problem::Method),
    }
}

const NOTHING: Answer = (StatusCode::NO_CONTENT, Value::Null);

fn show(proxy: &Proxy) -> Value {
    json!({
        "name": proxy.name(),
        "listen": proxy.listen(),
        "upstream": proxy.upstream(),
        "enabled": proxy.is_enabled(),
        "toxics": in_order(proxy),
    })
}

/// Returns the toxics of a proxy in the order of Toxiproxy: upstream first.
fn in_order(proxy: &Proxy) -> Vec<Toxic> {
    let mut toxics: Vec<Toxic> = proxy.toxics().iter().cloned().collect();
    toxics.sort_by_key(|toxic| toxic.stream);
    toxics
}

fn to_json(shown: &impl Serialize) -> Value {
    serde_json::to_value(shown).unwrap_or_default()
}

async fn read(body: Incoming) -> Result<Bytes, Problem> {
    let body = timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    match body {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(Problem::Body(error.to_string())),
        Err(_) => Err(Problem::Body("it was not received in time".to_owned())),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::Body(error.to_string()))
}

/// Returns a value that no other response of this process has.
fn next_request_id() -> HeaderValue {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    HeaderValue::from(COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Problem {
    /// Returns the message, which is Toxiproxy's where clients may compare it.
    fn message(&self) -> String {
        match self {
            Self::Proxies(ProxiesError::Listen { listen, source })
                if source.kind() == ErrorKind::AddrInUse =>
            {
                format!("listen tcp {listen}: bind: address already in use")
            }
            problem => problem.to_string(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Path | Self::Proxies(ProxiesError::NotFound) | Self::Toxic(ToxicError::NotFound) => {
                StatusCode::NOT_FOUND
            }
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Browser => StatusCode::FORBIDDEN,
            Self::Proxies(ProxiesError::Exists) | Self::Toxic(ToxicError::Exists) => StatusCode::CONFLICT,
            Self::Proxies(ProxiesError::Listen { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Body(_) | Self::Proxies(_) | Self::Toxic(_) => StatusCode::BAD_REQUEST,
        }
    }
}
