//! Queries of alerts and dashboards, executed by a Prometheus that watches both servers.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::binaries::{Binaries, Binary};
use crate::failure::Failure;
use crate::http;
use crate::process::Running;
use crate::prometheus::{admin_of, start};

const SCRAPE_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

/// Prefixes of the names of metrics.
const PREFIXES: [&str; 3] = ["package_indexer_", "wisdom_", "process_"];

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<serde_json::Value>,
}

/// Executes the queries.
///
/// # Errors
/// Prometheus rejects a query, or one names a metric that no server has.
pub(super) fn check(binaries: &Binaries, queries: &[String]) -> Result<(), Failure> {
    let mut index = Command::new(binaries.path(Binary::Server));
    let mut wisdom = Command::new(binaries.path(Binary::Wisdom));
    index.args(["--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    // A source, so that its metrics exist; nobody asks it.
    wisdom.args([
        "serve",
        "--addr",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--quote-url",
        "http://127.0.0.1:1/",
    ]);
    let mut index = Running::start(index.stderr(Stdio::null()))?;
    let mut wisdom = Running::start(wisdom.stderr(Stdio::null()))?;
    let targets = [("package-index", admin_of(&mut index)?), ("wisdom", admin_of(&mut wisdom)?)];

    let mut known = BTreeSet::new();
    for (_, admin) in &targets {
        known.extend(names_in(&http::get(admin, "/metrics")?.body));
    }
    for query in queries {
        if let Some(unknown) =
            metrics_of(query).into_iter().find(|name| !known.contains(without_suffix(name)))
        {
            return Err(Failure::other(format!("no server has the metric {unknown} of the query: {query}")));
        }
    }

    let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let jobs = targets.map(|(job, admin)| {
        format!("- {{ job_name: {job}, static_configs: [ {{ targets: ['{admin}'] }} ] }}\n")
    });
    let text = format!("global: {{ scrape_interval: 1s }}\nscrape_configs:\n{}", jobs.concat());
    let (mut prometheus, addr) = start(directory.path(), &text)?;
    let deadline = Instant::now() + SCRAPE_WITHIN;
    // Two scrapes, so that rates exist.
    while query(&addr, "count_over_time(up[1m]) >= 2").unwrap_or(0) < 2 {
        if prometheus.has_ended() || Instant::now() > deadline {
            return Err(Failure::other("Prometheus has not scraped both servers"));
        }
        thread::sleep(POLL);
    }
    for text in queries {
        query(&addr, text)?;
    }
    println!("Prometheus executes {} queries of alerts and dashboards", queries.len());
    Ok(())
}

/// Executes a query and returns the number of its results.
fn query(addr: &str, text: &str) -> Result<usize, Failure> {
    let path = format!("/api/v1/query?query={}", http::escaped(text));
    let rejected = || Failure::other(format!("Prometheus rejects the query: {text}"));
    let answer: Answer = serde_json::from_str(&http::get(addr, &path).map_err(|_| rejected())?.body)
        .map_err(|_| rejected())?;
    if answer.status == "success" { Ok(answer.data.result.len()) } else { Err(rejected()) }
}

/// Returns the names of metrics in a query.
fn metrics_of(query: &str) -> Vec<&str> {
    let words = query.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix))).collect()
}

/// Returns the names of metrics that a server describes.
fn names_in(metrics: &str) -> Vec<String> {
    let described = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    described.filter_map(|line| Some(without_suffix(line.split_whitespace().next()?).to_owned())).collect()
}

/// Returns the name without what the kind of a metric adds to it.
fn without_suffix(name: &str) -> &str {
    ["_total", "_bucket", "_count", "_sum"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_of_a_query_are_recognized() {
        let query = "sum by (instance) (rate(wisdom_errors_total{code=~\"A|B\"}[5m])) > process_open_fds";
        assert_eq!(metrics_of(query), ["wisdom_errors_total", "process_open_fds"]);
        assert_eq!(names_in("# HELP a b\n# TYPE wisdom_errors_total counter\n"), ["wisdom_errors"]);
        assert_eq!(without_suffix("wisdom_solve_duration_seconds_bucket"), "wisdom_solve_duration_seconds");
    }
}
