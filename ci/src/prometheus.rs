//! The server's metrics, checked by Prometheus: promtool parses the text form, and a Prometheus scrapes both forms.
//!
//! Prometheus asks for `OpenMetrics`. It scrapes the text form through a relay, which asks for that.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::binaries::{Binaries, Binary};
use crate::failure::Failure;
use crate::http;
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// The programs that the check needs (Debian: prometheus).
pub(crate) const PROGRAMS: &[&str] = &["prometheus", "promtool"];

const SCRAPE_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

/// # Errors
/// Prometheus rejects something, or does not read the values that are expected.
pub(crate) fn check(workspace: &Workspace, binaries: &Binaries) -> Result<(), Failure> {
    let mut command = Command::new(binaries.path(Binary::Server));
    command.args(["--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).stderr(Stdio::null());
    let mut server = Running::start(&mut command)?;
    let addresses = addresses_of(&mut server)?;
    let admin = addresses.get("admin").ok_or_else(no_admin)?;
    send_three_requests(&addresses["listening"])?;
    check_with_promtool(admin)?;
    check_with_prometheus(admin)?;
    process::run(Command::new("promtool").args(["check", "config"]).arg(workspace.path("ci/prometheus.yml")))
}

/// Returns the address of a server's admin endpoint, when the server listens.
///
/// # Errors
/// The server ends before, or has no admin endpoint.
pub(crate) fn admin_of(server: &mut Running) -> Result<String, Failure> {
    addresses_of(server)?.remove("admin").ok_or_else(no_admin)
}

fn no_admin() -> Failure {
    Failure::other("the server names no admin address")
}

/// Reads the addresses that a server prints, by what they are.
fn addresses_of(server: &mut Running) -> Result<BTreeMap<String, String>, Failure> {
    let mut addresses = BTreeMap::new();
    while !addresses.contains_key("listening") {
        let line = server.line()?.ok_or_else(|| Failure::other("the server ended before it listened"))?;
        if let [what, "on", addr] = line.split_whitespace().collect::<Vec<_>>()[..] {
            addresses.insert(what.to_owned(), addr.to_owned());
        }
    }
    Ok(addresses)
}

fn send_three_requests(addr: &str) -> Result<(), Failure> {
    let during = || Failure::during("sending requests to the server");
    let mut client = TcpStream::connect(addr).map_err(during())?;
    client.write_all(b"INDEX|a|\nINDEX|b|c\nnonsense\n").map_err(during())?;
    let mut replies = [0; b"OK\nFAIL\nERROR\n".len()];
    client.read_exact(&mut replies).map_err(during())?;
    if &replies == b"OK\nFAIL\nERROR\n" {
        return Ok(());
    }
    Err(Failure::other(format!("the server replied {:?}", String::from_utf8_lossy(&replies))))
}

fn check_with_promtool(admin: &str) -> Result<(), Failure> {
    let file = tempfile::NamedTempFile::new().map_err(Failure::during("creating a file"))?;
    fs::write(file.path(), http::get(admin, "/metrics")?.body).map_err(Failure::at(file.path()))?;
    let input = fs::File::open(file.path()).map_err(Failure::at(file.path()))?;
    let mut command = Command::new("promtool");
    let output = command.args(["check", "metrics"]).stdin(input).output();
    let output = output.map_err(Failure::during("starting promtool"))?;
    let printed = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    if output.status.success() && printed.is_empty() {
        println!("promtool accepts the metrics");
        return Ok(());
    }
    Err(Failure::other(format!("promtool rejects the metrics:\n{printed}")))
}

fn check_with_prometheus(admin: &str) -> Result<(), Failure> {
    let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let relay = start_relay(admin.to_owned())?;
    let (mut prometheus, addr) = start(directory.path(), &configuration_of(admin, &relay))?;
    let both = |value: f64| BTreeMap::from([("open".to_owned(), value), ("text".to_owned(), value)]);
    let deadline = Instant::now() + SCRAPE_WITHIN;
    loop {
        let scraped = query(&addr, "package_indexer_commands_processed_total");
        if scraped == both(3.0) {
            break;
        }
        if prometheus.has_ended() || Instant::now() > deadline {
            return Err(Failure::other(format!("Prometheus has scraped {scraped:?}, not 3 requests twice")));
        }
        thread::sleep(POLL);
    }
    let up = query(&addr, "up");
    let quantiles = query(&addr, "histogram_quantile(0.99, package_indexer_request_duration_seconds_bucket)");
    let is_plausible =
        quantiles.len() == 2 && quantiles.values().all(|seconds| (0.0..10.0).contains(seconds));
    if up != both(1.0) || !is_plausible {
        return Err(Failure::other(format!("Prometheus reports up {up:?} and quantiles {quantiles:?}")));
    }
    println!("Prometheus scrapes OpenMetrics and the text form");
    Ok(())
}

/// Starts a Prometheus with this configuration, whose files are in a directory, and returns its address.
///
/// # Errors
/// It does not start, or its configuration cannot be written.
pub(crate) fn start(directory: &Path, configuration: &str) -> Result<(Running, String), Failure> {
    let path = directory.join("prometheus.yml");
    fs::write(&path, configuration).map_err(Failure::at(&path))?;
    let addr = free_address()?;
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", path.display()));
    command.arg(format!("--storage.tsdb.path={}", directory.join("data").display()));
    command.arg(format!("--web.listen-address={addr}"));
    Ok((Running::start(command.stderr(Stdio::null()))?, addr))
}

fn configuration_of(admin: &str, relay: &str) -> String {
    format!(
        "global: {{ scrape_interval: 1s }}\n\
         scrape_configs:\n  \
         - {{ job_name: open, static_configs: [ {{ targets: ['{admin}'] }} ] }}\n  \
         - {{ job_name: text, static_configs: [ {{ targets: ['{relay}'] }} ] }}\n"
    )
}

/// Returns an address with a port that was free a moment ago.
pub(crate) fn free_address() -> Result<String, Failure> {
    let during = || Failure::during("finding a free port");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(during())?;
    Ok(listener.local_addr().map_err(during())?.to_string())
}

/// Starts a thread that answers every request with the text form of the metrics, and returns its address. The thread ends
/// with this program.
fn start_relay(admin: String) -> Result<String, Failure> {
    let during = || Failure::during("starting the relay");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(during())?;
    let addr = listener.local_addr().map_err(during())?.to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A failed scrape shows in Prometheus.
            let _ = relay(stream, &admin);
        }
    });
    Ok(addr)
}

fn relay(mut stream: TcpStream, admin: &str) -> Result<(), Failure> {
    let during = || Failure::during("relaying metrics");
    let request = BufReader::new(stream.try_clone().map_err(during())?);
    for line in request.lines() {
        if line.map_err(during())?.is_empty() {
            break;
        }
    }
    let http::Response { content_type, body } = http::get(admin, "/metrics")?;
    if !content_type.starts_with("text/plain; version=0.0.4") {
        return Err(Failure::other(format!("the metrics have the type {content_type:?}")));
    }
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n");
    write!(stream, "{head}Connection: close\r\n\r\n{body}").map_err(during())
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: Metric,
    /// The time and the value.
    value: (f64, String),
}

#[derive(Deserialize)]
struct Metric {
    job: String,
}

/// Returns the values of a query by job; none while Prometheus does not answer.
fn query(addr: &str, query: &str) -> BTreeMap<String, f64> {
    let path = format!("/api/v1/query?query={}", http::escaped(query));
    http::get(addr, &path).ok().and_then(|response| values(&response.body)).unwrap_or_default()
}

fn values(json: &str) -> Option<BTreeMap<String, f64>> {
    let answer: Answer = serde_json::from_str(json).ok()?;
    let series = answer.data.result.into_iter();
    series.map(|series| Some((series.metric.job, series.value.1.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_job() {
        let json = r#"{"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"job": "open", "le": "1"}, "value": [1700000000.5, "3"]}]}}"#;
        assert_eq!(values(json), Some(BTreeMap::from([("open".to_owned(), 3.0)])));
        assert_eq!(values("{}"), None);
    }
}
