//! `harness matrix`: several targets, what is missing, and the parts of a list.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{HarnessOutput, Server, harness, zoo};

/// A list of a correct and a defective server, for a short run of both programs, and its directory.
fn list(more: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let target = |name: &str, addr: String| {
        format!(
            "[[target]]\nname = '{name}'\naddr = '{addr}'\nharness-flags = ['--only', 'S1,R1', '--skip', 'index/S1/8']\n\
             chaos-flags = ['--matrix', '--faults', 'lines/noise,lines/tls']\n"
        )
    };
    let text = format!(
        "{}{}{more}",
        target("defective", zoo("no-dependency-check").to_string()),
        target("correct", Server::correct().start().to_string())
    );
    fs::write(directory.path().join("targets.toml"), text).unwrap();
    directory
}

fn matrix(directory: &Path, site: &str, flags: &[&str]) -> HarnessOutput {
    let (list, site) = (directory.join("targets.toml"), directory.join(site));
    let paths = [list.to_str().unwrap(), "--out", site.to_str().unwrap()];
    harness(&[&["matrix"], &paths[..], flags].concat())
}

/// Redacts times and the directory.
fn redacted(output: &HarnessOutput, directory: &Path) -> String {
    let text = format!("{}exit status {}\n", output.stdout, output.status);
    let text = text.replace(directory.to_str().unwrap(), "[directory]");
    let lines: Vec<&str> = text.lines().collect();
    let times = regex_lite::Regex::new(r"\d+ s").unwrap();
    times.replace_all(&lines.join("\n"), "[time]").into_owned()
}

#[test]
fn two_targets_in_one_site() {
    let list = list("");
    let output = matrix(list.path(), "site", &[]);
    assert_snapshot!(redacted(&output, list.path()));
    let read = |name: &str| fs::read_to_string(list.path().join("site").join(name)).unwrap();
    let data: Value = serde_json::from_str(&read("matrix.json")).unwrap();
    let cell = &data["targets"][0]["clauses"]["S1"];
    assert_eq!((&data["targets"][0]["name"], &cell["verdict"]), (&"defective".into(), &"fail".into()));
    // Each link of the page leads to something.
    let page = read("index.html");
    let links = regex_lite::Regex::new("href=\"([^\"#]+)#?([^\"]*)\"").unwrap();
    let mut count = 0;
    for link in links.captures_iter(&page) {
        let (file, anchor) = (read(&link[1]), &link[2]);
        assert!(anchor.is_empty() || file.contains(&format!("id=\"{anchor}\"")), "{link:?}");
        count += 1;
    }
    assert!(count > 8, "{count}");
    assert!(page.find(">correct<").unwrap() < page.find(">defective<").unwrap(), "the most robust is first");
}

#[test]
fn results_are_kept_only_on_request() {
    let list = list("");
    assert_eq!(matrix(list.path(), "site", &["--only", "correct"]).status, 3, "one target is missing");
    let output = matrix(list.path(), "site", &[]);
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
    let output = matrix(list.path(), "site", &["--resume"]);
    assert_eq!(output.status, 0, "{output:?}");
    let kept = output.stdout.lines().filter(|line| line.starts_with("correct") && line.ends_with("kept"));
    assert_eq!(kept.count(), 2, "{}", output.stdout);
}

#[test]
fn parts_of_a_list_are_merged() {
    let list = list("");
    for (part, site) in [("1/2", "one"), ("2/2", "two")] {
        let output = matrix(list.path(), site, &["--part", part]);
        assert_eq!(output.status, 3, "{output:?}");
    }
    let from = ["one", "two"].map(|site| list.path().join(site).display().to_string()).join(",");
    let output = matrix(list.path(), "all", &["--merge", &from]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(!output.stdout.contains("kept"), "nothing is run: {}", output.stdout);
}

#[test]
fn a_target_without_a_report_is_named_and_the_others_are_judged() {
    let more = "[[target]]\nname = 'broken'\nexec = 'echo no such library {port}; exit 1'\n";
    let list = list(more);
    let output = matrix(list.path(), "site", &["--only", "broken,correct", "--jobs", "2"]);
    assert_eq!(output.status, 3, "{output:?}");
    let line =
        output.stdout.lines().find(|line| line.starts_with("broken") && line.contains("harness")).unwrap();
    assert!(line.contains("no such library") || line.contains("UNREACHABLE"), "{line}");
    assert!(output.stdout.lines().any(|line| line.starts_with("correct") && line.contains("PASS")));
}

#[test]
fn a_target_is_built_in_the_directory_of_the_list() {
    let more = "[[target]]\nname = 'absent'\nbuild = 'cat absent.c'\nexec = 'true'\n\
                [[target]]\nname = 'built'\nbuild = 'cp server.py \"{built}\"'\n\
                exec = 'PORT={port} python3 \"{built}/server.py\"'\nharness-flags = ['--only', 'index/R1/1']\n\
                chaos-flags = ['--faults', 'lines/noise', '--matrix']\n";
    let list = list(more);
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/servers/python/server.py");
    fs::copy(server, list.path().join("server.py")).unwrap();
    let output = matrix(list.path(), "site", &["--only", "absent,built"]);
    assert_eq!(output.status, 3, "{output:?}");
    let lines: Vec<&str> = output.stdout.lines().collect();
    let failed = lines.iter().find(|line| line.starts_with("absent ")).unwrap();
    assert!(failed.contains(" build ") && failed.contains("absent.c"), "{failed}");
    assert!(
        lines.iter().any(|line| line.starts_with("built ") && line.contains("PASS")),
        "{}",
        output.stdout
    );
}

#[test]
fn a_slow_target_is_cut_by_the_time_limit() {
    let list = list("");
    let path = list.path().join("targets.toml");
    let text = fs::read_to_string(&path).unwrap().replace("lines/noise,lines/tls", "resources/*");
    fs::write(&path, format!("time-limit = 2\n{text}")).unwrap();
    let output = matrix(list.path(), "site", &["--only", "correct"]);
    let line = output.stdout.lines().find(|line| line.contains("chaos   ")).unwrap();
    assert!(line.contains("UNKNOWN") && line.ends_with("cut by the time limit"), "{}", output.stdout);
}

#[test]
fn an_invalid_list_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    for text in ["", "[[target]]\nname = 'a/b'\nexec = 'c'\n", "[[target]]\nname = 'a'\n"] {
        fs::write(directory.path().join("targets.toml"), text).unwrap();
        let output = matrix(directory.path(), "site", &[]);
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
    }
}
