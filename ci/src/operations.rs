//! The operations material: alerts, dashboards, units and the balancer, checked with the programs that use them.

mod balancer;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde::Deserialize;

use crate::binaries::Binaries;
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// The programs that the check needs (Debian: prometheus, systemd, haproxy).
pub(crate) const PROGRAMS: &[&str] = &["prometheus", "promtool", "systemd-analyze", "haproxy"];

/// The services, by the names of their files.
const SERVICES: [&str; 2] = ["package-index", "wisdom"];

/// The exposure of a unit that is allowed, of 10 (systemd-analyze(1)).
const EXPOSURE_MAX: f64 = 2.0;

/// Rules of Prometheus.
#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: String,
    expr: String,
    annotations: BTreeMap<String, String>,
}

/// A dashboard of Grafana.
#[derive(Deserialize)]
struct Dashboard {
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
struct Panel {
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    expr: String,
}

/// Checks everything.
///
/// # Errors
/// A program rejects a file, an alert has no page or no test, a query names a metric that no server has, or the balancer loses a client.
pub(crate) fn check(workspace: &Workspace, binaries: &Binaries) -> Result<(), Failure> {
    for service in SERVICES {
        check_unit(workspace, service)?;
        check_rules(workspace, service)?;
    }
    check_pages(workspace)?;
    let mut queries = Vec::new();
    for service in SERVICES {
        queries.extend(rules(workspace, service)?.into_iter().map(|rule| rule.expr));
        queries.extend(queries_of_dashboard(workspace, service)?);
    }
    watching::check(binaries, &queries)?;
    balancer::check(workspace, binaries)
}

/// Checks with `promtool` that the rules are valid and behave as their tests say.
fn check_rules(workspace: &Workspace, service: &str) -> Result<(), Failure> {
    let directory = workspace.path("ci/deploy/prometheus");
    let file = |kind: &str| format!("{service}.{kind}.yml");
    let promtool = |arguments: [&str; 2], file: String| {
        process::output(Command::new("promtool").args(arguments).arg(file).current_dir(&directory))
    };
    promtool(["check", "rules"], file("rules"))?;
    promtool(["test", "rules"], file("tests"))?;
    let tests = read(workspace, &format!("ci/deploy/prometheus/{service}.tests.yml"))?;
    let rules = rules(workspace, service)?;
    let untested = rules.iter().find(|rule| !tests.contains(&format!("- alertname: {}\n", rule.alert)));
    if let Some(rule) = untested {
        return Err(Failure::other(format!("no test of {service} names the alert {}", rule.alert)));
    }
    println!("{service}: {} alerts are valid and tested", rules.len());
    Ok(())
}

/// Checks that each alert has a page, and each page an alert.
fn check_pages(workspace: &Workspace) -> Result<(), Failure> {
    let mut named = BTreeSet::new();
    for service in SERVICES {
        for rule in rules(workspace, service)? {
            let page = format!("docs/operations/{}.md", rule.alert);
            if rule.annotations.get("runbook") != Some(&page) {
                return Err(Failure::other(format!("the alert {} does not name {page}", rule.alert)));
            }
            let text = read(workspace, &page)?;
            let parts = ["## Meaning\n", "## What to check\n", "## What to do\n"];
            if let Some(part) = parts.into_iter().find(|part| !text.contains(part)) {
                return Err(Failure::other(format!("{page} lacks '{}'", part.trim())));
            }
            named.insert(page);
        }
    }
    let directory = workspace.path("docs/operations");
    for entry in fs::read_dir(&directory).map_err(Failure::at(&directory))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_of_alert = name.starts_with("PackageIndex") || name.starts_with("Wisdom");
        if is_of_alert && !named.contains(&format!("docs/operations/{name}")) {
            return Err(Failure::other(format!("docs/operations/{name} belongs to no alert")));
        }
    }
    Ok(())
}

/// Checks that a unit allows little.
fn check_unit(workspace: &Workspace, service: &str) -> Result<(), Failure> {
    let unit = workspace.path(&format!("ci/deploy/systemd/{service}.service"));
    let mut command = Command::new("systemd-analyze");
    command.args(["security", "--offline=true", "--no-pager"]).arg(unit);
    let output = process::output(&mut command)?;
    let exposure = exposure_in(&output)
        .ok_or_else(|| Failure::other(format!("systemd-analyze states no exposure:\n{output}")))?;
    if exposure > EXPOSURE_MAX {
        return Err(Failure::other(format!(
            "{service}.service: exposure {exposure}, at most {EXPOSURE_MAX}"
        )));
    }
    println!("{service}.service: exposure {exposure}");
    Ok(())
}

/// Returns the figure in the line about the overall exposure level.
fn exposure_in(output: &str) -> Option<f64> {
    let line = output.lines().find(|line| line.contains("Overall exposure level"))?;
    line.split_once("service: ")?.1.split_whitespace().next()?.parse().ok()
}

fn rules(workspace: &Workspace, service: &str) -> Result<Vec<Rule>, Failure> {
    let path = format!("ci/deploy/prometheus/{service}.rules.yml");
    let rules: Rules = serde_saphyr::from_str(&read(workspace, &path)?)
        .map_err(|error| Failure::other(format!("{path}: {error}")))?;
    Ok(rules.groups.into_iter().flat_map(|group| group.rules).collect())
}

/// Returns the queries of a dashboard, with its variables replaced as Grafana does.
fn queries_of_dashboard(workspace: &Workspace, service: &str) -> Result<Vec<String>, Failure> {
    let path = format!("ci/deploy/grafana/{service}.json");
    let dashboard: Dashboard = serde_json::from_str(&read(workspace, &path)?)
        .map_err(|error| Failure::other(format!("{path}: {error}")))?;
    let targets = dashboard.panels.into_iter().flat_map(|panel| panel.targets);
    Ok(targets
        .map(|target| target.expr.replace("$instance", ".*").replace("$__rate_interval", "1m"))
        .collect())
}

fn read(workspace: &Workspace, path: &str) -> Result<String, Failure> {
    let path = workspace.path(path);
    fs::read_to_string(&path).map_err(Failure::at(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposure_is_read() {
        let output = "✓ UMask=\n\n→ Overall exposure level for wisdom.service: 1.2 OK 🙂\n";
        assert_eq!(exposure_in(output), Some(1.2));
        assert_eq!(exposure_in("nothing"), None);
    }
}
