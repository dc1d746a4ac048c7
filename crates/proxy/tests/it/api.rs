//! Toxiproxy's HTTP API, with literal requests and responses.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proxy::{Log, Proxies, api};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::support::{End, assert_took, echo, within};

/// A running API, initially without proxies.
struct Api {
    addr: SocketAddr,
    serving: JoinHandle<()>,
}

impl Api {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let proxies = Arc::new(Mutex::new(Proxies::new(1, Arc::new(Log))));
        Self { addr, serving: tokio::spawn(api::serve(listener, proxies)) }
    }

    /// Sends a request and returns the status and the body.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.ask_with(method, path, "", body).await
    }

    async fn ask_with(&self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        let (head, body) = self.exchange(method, path, header, body).await;
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }

    /// Sends a request and returns the head and the body of the response.
    async fn exchange(&self, method: &str, path: &str, header: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n{header}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("a response", stream.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Asserts the status and the body of a response.
    async fn expect(&self, method: &str, path: &str, body: &str, status: u16, expected: Value) {
        let answer = self.ask(method, path, body).await;
        let said: Value = serde_json::from_str(&answer.1).unwrap_or_default();
        assert_eq!((answer.0, said), (status, expected), "{method} {path} {body}");
    }

    async fn create(&self, name: &str, upstream: &str) -> String {
        let body = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream }).to_string();
        let (status, created) = self.ask("POST", "/proxies", &body).await;
        assert_eq!(status, 201);
        let created: Value = serde_json::from_str(&created).unwrap();
        created["listen"].as_str().unwrap().to_owned()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answers(listen: &str) -> bool {
    let Ok(stream) = TcpStream::connect(listen).await else { return false };
    let mut client = End(stream);
    client.send(b"x").await;
    client.next().await.is_ok_and(|answer| answer == b"x")
}

#[tokio::test]
async fn a_proxy_is_created_shown_listed_and_deleted() {
    let api = Api::new().await;
    let upstream = echo();
    let listen = api.create("my redis", &upstream).await;
    assert!(answers(&listen).await);
    let shown =
        json!({ "name": "my redis", "listen": listen, "upstream": upstream, "enabled": true, "toxics": [] });
    api.expect("GET", "/proxies/my%20redis", "", 200, shown.clone()).await;
    api.expect("GET", "/proxies", "", 200, json!({ "my redis": shown })).await;
    api.expect("DELETE", "/proxies/my%20redis", "", 204, Value::Null).await;
    api.expect("GET", "/proxies", "", 200, json!({})).await;
    assert!(!answers(&listen).await);
}

#[tokio::test]
async fn a_proxy_is_disabled_enabled_and_moved() {
    let api = Api::new().await;
    let (upstream, other) = (echo(), echo());
    let listen = api.create("p", &upstream).await;
    let shown = |upstream: &str, enabled| json!({ "name": "p", "listen": listen, "upstream": upstream, "enabled": enabled, "toxics": [] });
    api.expect("POST", "/proxies/p", r#"{"enabled":false}"#, 200, shown(&upstream, false)).await;
    assert!(!answers(&listen).await);
    api.expect("PATCH", "/proxies/p", r#"{"enabled":true}"#, 200, shown(&upstream, true)).await;
    assert!(answers(&listen).await);
    let moved = json!({ "upstream": other }).to_string();
    api.expect("POST", "/proxies/p", &moved, 200, shown(&other, true)).await;
    assert!(answers(&listen).await);
}

#[tokio::test]
async fn a_disabled_proxy_keeps_its_address_as_written() {
    let api = Api::new().await;
    let body = r#"{"name":"p","listen":"localhost:0","upstream":"localhost:1","enabled":false}"#;
    let shown = json!({ "name": "p", "listen": "localhost:0", "upstream": "localhost:1", "enabled": false, "toxics": [] });
    api.expect("POST", "/proxies", body, 201, shown).await;
}

#[tokio::test]
async fn a_toxic_is_created_with_defaults_shown_changed_and_deleted() {
    let api = Api::new().await;
    let upstream = echo();
    let listen = api.create("p", &upstream).await;
    let toxic = |latency, jitter, toxicity| {
        json!({ "name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": toxicity,
            "attributes": { "latency": latency, "jitter": jitter } })
    };
    let created = r#"{"type":"latency","attributes":{"latency":50}}"#;
    api.expect("POST", "/proxies/p/toxics", created, 200, toxic(50, 0, 1.0)).await;
    let begun = Instant::now();
    assert!(answers(&listen).await);
    assert_took(begun, Duration::from_millis(50));
    let path = "/proxies/p/toxics/latency_downstream";
    api.expect("GET", path, "", 200, toxic(50, 0, 1.0)).await;
    api.expect("POST", path, r#"{"attributes":{"jitter":5}}"#, 200, toxic(50, 5, 1.0)).await;
    api.expect("PATCH", path, r#"{"toxicity":0.5}"#, 200, toxic(50, 5, 0.5)).await;
    let slow = json!({ "name": "slow", "type": "bandwidth", "stream": "upstream", "toxicity": 0.25,
        "attributes": { "rate": 1000 } });
    api.expect("POST", "/proxies/p/toxics", &slow.to_string(), 200, slow.clone()).await;
    api.expect("GET", "/proxies/p/toxics", "", 200, json!([slow, toxic(50, 5, 0.5)])).await;
    api.expect("DELETE", path, "", 204, Value::Null).await;
    let shown =
        json!({ "name": "p", "listen": listen, "upstream": upstream, "enabled": true, "toxics": [slow] });
    api.expect("GET", "/proxies/p", "", 200, shown).await;
}

#[tokio::test]
async fn each_toxic_of_toxiproxy_has_its_attributes_and_defaults() {
    let api = Api::new().await;
    api.create("p", "127.0.0.1:1").await;
    for (kind, given, attributes) in [
        ("latency", json!({}), json!({ "latency": 0, "jitter": 0 })),
        ("bandwidth", json!({}), json!({ "rate": 0 })),
        ("slow_close", json!({}), json!({ "delay": 0 })),
        ("timeout", json!({}), json!({ "timeout": 0 })),
        ("reset_peer", json!({}), json!({ "timeout": 0 })),
        (
            "slicer",
            json!({ "average_size": 9 }),
            json!({ "average_size": 9, "size_variation": 0, "delay": 0 }),
        ),
        ("limit_data", json!({}), json!({ "bytes": 0 })),
    ] {
        let body = json!({ "type": kind, "stream": "upstream", "attributes": given }).to_string();
        let shown = json!({ "name": format!("{kind}_upstream"), "type": kind, "stream": "upstream", "toxicity": 1.0,
            "attributes": attributes });
        api.expect("POST", "/proxies/p/toxics", &body, 200, shown).await;
    }
}

#[tokio::test]
async fn populate_replaces_changed_proxies_and_keeps_others() {
    let api = Api::new().await;
    let (upstream, other) = (echo(), echo());
    let same = api.create("same", &upstream).await;
    let moved = api.create("moved", &upstream).await;
    for name in ["same", "moved"] {
        let path = format!("/proxies/{name}/toxics");
        assert_eq!(api.ask("POST", &path, r#"{"type":"slow_close"}"#).await.0, 200);
    }
    let body = json!([
        { "name": "same", "listen": same, "upstream": upstream },
        { "name": "moved", "listen": moved, "upstream": other },
        { "name": "new", "listen": "localhost:0", "upstream": other, "enabled": false },
    ]);
    let toxic = json!({ "name": "slow_close_downstream", "type": "slow_close", "stream": "downstream", "toxicity": 1.0,
        "attributes": { "delay": 0 } });
    let expected = json!({ "proxies": [
        { "name": "same", "listen": same, "upstream": upstream, "enabled": true, "toxics": [toxic] },
        { "name": "moved", "listen": moved, "upstream": other, "enabled": true, "toxics": [] },
        { "name": "new", "listen": "localhost:0", "upstream": other, "enabled": false, "toxics": [] },
    ] });
    api.expect("POST", "/populate", &body.to_string(), 201, expected).await;
    assert!(answers(&moved).await);
}

#[tokio::test]
async fn reset_enables_all_and_removes_all_toxics() {
    let api = Api::new().await;
    let listen = api.create("p", &echo()).await;
    assert_eq!(api.ask("POST", "/proxies/p/toxics", r#"{"type":"down"}"#).await.0, 200);
    assert_eq!(api.ask("POST", "/proxies/p", r#"{"enabled":false}"#).await.0, 200);
    api.expect("POST", "/reset", "", 204, Value::Null).await;
    assert!(answers(&listen).await);
    api.expect("GET", "/proxies/p/toxics", "", 200, json!([])).await;
}

#[tokio::test]
async fn errors_have_the_statuses_and_messages_of_toxiproxy() {
    let api = Api::new().await;
    let listen = api.create("p", "127.0.0.1:1").await;
    assert_eq!(api.ask("POST", "/proxies/p/toxics", r#"{"type":"timeout"}"#).await.0, 200);
    let taken = json!({ "name": "q", "listen": listen, "upstream": "u:1" }).to_string();
    let occupied = format!("listen tcp {listen}: bind: address already in use");
    for (method, path, body, status, words) in [
        ("POST", "/proxies", r#"{"name":"p","upstream":"u:1"}"#, 409, "proxy already exists"),
        ("POST", "/proxies", r#"{"upstream":"u:1"}"#, 400, "missing required field: name"),
        ("POST", "/proxies", r#"{"name":"q"}"#, 400, "missing required field: upstream"),
        ("POST", "/proxies", "{", 400, "bad request body: "),
        ("POST", "/proxies", &taken, 500, &occupied),
        ("GET", "/proxies/q", "", 404, "proxy not found"),
        ("POST", "/proxies/q", "{}", 404, "proxy not found"),
        ("POST", "/proxies/p", "no", 400, "bad request body: "),
        ("DELETE", "/proxies/q", "", 404, "proxy not found"),
        ("GET", "/proxies/q/toxics", "", 404, "proxy not found"),
        ("POST", "/proxies/q/toxics", "{}", 404, "proxy not found"),
        ("POST", "/proxies/p/toxics", "{}", 400, "invalid toxic type"),
        ("POST", "/proxies/p/toxics", r#"{"type":"slow"}"#, 400, "invalid toxic type"),
        ("POST", "/proxies/p/toxics", r#"{"type":"timeout"}"#, 409, "toxic already exists"),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"latency","stream":"both"}"#,
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"latency","attributes":{"latency":"x"}}"#,
            400,
            "bad request body: ",
        ),
        ("POST", "/proxies/p/toxics", "[", 400, "bad request body: "),
        ("GET", "/proxies/p/toxics/t", "", 404, "toxic not found"),
        ("POST", "/proxies/p/toxics/t", "{}", 404, "toxic not found"),
        ("DELETE", "/proxies/p/toxics/t", "", 404, "toxic not found"),
        ("POST", "/populate", r#"[{"name":"q"}]"#, 400, "missing required field: upstream at proxy 1"),
        ("POST", "/populate", "{}", 400, "bad request body: "),
        ("GET", "/nothing", "", 404, "404 page not found"),
        ("DELETE", "/proxies", "", 405, "method not allowed"),
    ] {
        let (said, body) = api.ask(method, path, body).await;
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((said, &problem["status"]), (status, &json!(status)), "{method} {path}");
        assert!(problem["error"].as_str().unwrap().starts_with(words), "{method} {path}: {body}");
    }
}

#[tokio::test]
async fn browsers_are_rejected_and_the_version_is_reported() {
    let api = Api::new().await;
    let (status, _) = api.ask_with("GET", "/version", "User-Agent: Mozilla/5.0 (X11)\r\n", "").await;
    assert_eq!(status, 403);
    api.expect("GET", "/version", "", 200, json!({ "version": "2.9.0" })).await;
}

#[tokio::test]
async fn each_response_has_its_own_request_id() {
    let api = Api::new().await;
    let mut ids = Vec::new();
    for (path, header) in [("/version", ""), ("/nothing", ""), ("/version", "User-Agent: Mozilla/5.0\r\n")] {
        let (head, _) = api.exchange("GET", path, header, "").await;
        let id =
            head.lines().find_map(|line| line.strip_prefix("x-toxiproxy-request-id: ").map(str::to_owned));
        ids.push(id.unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}
