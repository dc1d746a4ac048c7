//! Flags over environment over file, and what is said of those that are wrong.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::Write;
use std::process::Output;

use tempfile::NamedTempFile;

use crate::binary::command;

/// Runs the command with a file of this content, whose name stands for `FILE` among the arguments.
fn run(arguments: &[&str], environment: &[(&str, &str)], file: &str) -> Output {
    let mut config = NamedTempFile::with_suffix(".yaml").unwrap();
    config.write_all(file.as_bytes()).unwrap();
    let path = config.path().to_str().unwrap();
    let arguments = arguments.iter().map(|argument| if *argument == "FILE" { path } else { argument });
    command().args(arguments).envs(environment.iter().copied()).output().unwrap()
}

/// The lines of `server config` for these settings, in the order of the flags.
fn in_force(arguments: &[&str], environment: &[(&str, &str)], file: &str, names: &[&str]) -> Vec<String> {
    let output = run(&[&["config"], arguments].concat(), environment, file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines = said.lines().map(words).filter(|words| names.contains(&&*words[0]));
    // The file's name differs from run to run.
    lines.map(|words| words[..words.len().min(4)].join(" ").split(" /").next().unwrap().to_owned()).collect()
}

#[test]
fn flags_override_the_environment_and_that_overrides_the_file() {
    let file = "addr: 127.0.0.1:1\nthreads: 2\nquiet: true\nmax-line: 70000\nread-timeout: 0.5\n";
    let environment = [("PACKAGE_INDEXER_ADDR", "127.0.0.1:2"), ("PACKAGE_INDEXER_THREADS", "3")];
    let names = ["addr", "threads", "quiet", "max-line", "read-timeout", "lifetime"];
    assert_eq!(
        in_force(&["--config", "FILE", "--addr", "127.0.0.1:3"], &environment, file, &names),
        [
            "addr 127.0.0.1:3 flag",
            "quiet true file",
            "threads 3 environment PACKAGE_INDEXER_THREADS",
            "max-line 70000 file",
            "read-timeout 0.5 file",
            "lifetime 86400 default",
        ]
    );
}

#[test]
fn switches_can_be_set_and_not_set_everywhere() {
    let quiet = |value: &str| in_force(&[], &[("PACKAGE_INDEXER_QUIET", value)], "", &["quiet"]).remove(0);
    assert_eq!(quiet("true"), "quiet true environment PACKAGE_INDEXER_QUIET");
    assert_eq!(quiet("0"), "quiet false environment PACKAGE_INDEXER_QUIET");
    // A file that the environment names, with one setting that needs another one from elsewhere.
    let names = ["pprof", "admin"];
    assert_eq!(
        in_force(&["--config", "FILE", "--admin", "127.0.0.1:4"], &[], "pprof: true\n", &names),
        ["admin 127.0.0.1:4 flag", "pprof true file"]
    );
}

#[test]
fn what_kubernetes_sets_beside_a_service_is_no_setting() {
    let environment = [
        ("PACKAGE_INDEXER_PORT", "tcp://10.0.0.1:8080"),
        ("PACKAGE_INDEXER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("PACKAGE_INDEXER_SERVICE_HOST", "10.0.0.1"),
    ];
    assert_eq!(in_force(&[], &environment, "", &["threads"]), ["threads 1 default"]);
}

#[test]
fn a_service_has_defaults_of_its_own_below_all_that_is_set() {
    let names = ["service", "max-connections", "read-timeout", "lifetime", "shutdown-timeout", "threads"];
    let environment = [("PACKAGE_INDEXER_SERVICE", "wisdom"), ("PACKAGE_INDEXER_READ_TIMEOUT", "7")];
    assert_eq!(
        in_force(&["--config", "FILE", "--max-connections", "9"], &environment, "lifetime: 8\n", &names),
        [
            "service wisdom environment PACKAGE_INDEXER_SERVICE",
            "threads 1 default",
            "max-connections 9 flag",
            "read-timeout 7 environment PACKAGE_INDEXER_READ_TIMEOUT",
            "lifetime 8 file",
            "shutdown-timeout 10 service wisdom",
        ]
    );
}

/// Arguments, environment, file, and what the one line has to say.
type Bad = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str, &'static str);

const FILE: &[&str] = &["--config", "FILE"];

const BAD: [Bad; 31] = [
    (&["--no-such-flag"], &[], "", "--no-such-flag"),
    (&["stray"], &[], "", "stray"),
    (&["--addr"], &[], "", "--addr"),
    (&["--threads", "0"], &[], "", "--threads"),
    (&["--threads", "many"], &[], "", "--threads"),
    (&["--max-line", "1000"], &[], "", "65536"),
    (&["--max-connections", "0"], &[], "", "above 0"),
    (&["--max-connections-per-address", "0"], &[], "", "--max-connections-per-address"),
    (&["--max-packages", "-1"], &[], "", "-1"),
    (&["--read-timeout", "0"], &[], "", "more than 0"),
    (&["--write-timeout", "soon"], &[], "", "number of seconds"),
    (&["--lifetime", "1e12"], &[], "", "at most"),
    (&["--log-level", "loud"], &[], "", "loud"),
    (&["--pprof"], &[], "", "--pprof needs --admin"),
    (&["--service", "other"], &[], "", "wisdom"),
    (&["--service", "wisdom", "--difficulty", "12"], &[], "", "lower that too"),
    (&["--service", "wisdom", "--difficulty-max", "18"], &[], "", "raise that too"),
    (&["--service", "wisdom", "--difficulty-max", "27"], &[], "", "--difficulty-max"),
    (&["--service", "wisdom", "--quote-url", "ftp://somewhere"], &[], "", "http://"),
    (&[], &[("PACKAGE_INDEXER_THREADS", "0")], "", "PACKAGE_INDEXER_THREADS"),
    (&[], &[("PACKAGE_INDEXER_THRAEDS", "2")], "", "'PACKAGE_INDEXER_THREADS' is nearest"),
    (&[], &[("PACKAGE_INDEXER_QUIET", "perhaps")], "", "neither true nor false"),
    (&[], &[("PACKAGE_INDEXER_CONFIG", "/no/such/file")], "", "/no/such/file"),
    (&["--config", "/"], &[], "", "cannot read /"),
    (FILE, &[], "threads: many\n", "--threads"),
    (FILE, &[], "thraeds: 2\n", "'threads' is nearest"),
    (FILE, &[], "threads: [1, 2]\n", "threads needs a single value"),
    (FILE, &[], "threads: 1\nthreads: 2\n", "threads"),
    (FILE, &[], "threads: 1\n  quiet: [\n", "line"),
    (FILE, &[], "just words\n", ".yaml"),
    (FILE, &[], "quiet: loud\n", "neither true nor false"),
];

#[test]
fn each_bad_setting_is_one_clear_line_and_exit_status_2() {
    for (arguments, environment, file, needed) in BAD {
        let output = run(arguments, environment, file);
        let said = String::from_utf8(output.stderr).unwrap();
        let what = format!("{arguments:?} {environment:?} {file:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert_eq!(said.lines().count(), 1, "{what}");
        assert!(said.starts_with("server: ") && said.contains(needed), "{what}");
        assert!(output.stdout.is_empty(), "{what}");
    }
}

#[test]
fn help_names_every_flag_with_its_default() {
    let output = run(&["--help"], &[], "");
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
