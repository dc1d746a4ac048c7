//! The layers of settings, and the messages for wrong ones.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::Write;
use std::process::Output;

use tempfile::NamedTempFile;

use crate::command;

/// Runs the command with a configuration file of this content. The argument `FILE` is replaced by its path.
fn run(arguments: &[&str], environment: &[(&str, &str)], file: &str) -> Output {
    let mut config = NamedTempFile::with_suffix(".yaml").unwrap();
    config.write_all(file.as_bytes()).unwrap();
    let path = config.path().to_str().unwrap();
    let arguments = arguments.iter().map(|argument| if *argument == "FILE" { path } else { argument });
    command().args(arguments).envs(environment.iter().copied()).output().unwrap()
}

/// The lines of `server config` for these flags, in the order of the help text.
fn in_force(arguments: &[&str], environment: &[(&str, &str)], file: &str, names: &[&str]) -> Vec<String> {
    let output = run(&[&["config"], arguments].concat(), environment, file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines = text.lines().map(words).filter(|words| names.contains(&&*words[0]));
    // The path of the file differs between runs.
    lines.map(|words| words[..words.len().min(4)].join(" ").split(" /").next().unwrap().to_owned()).collect()
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let file = "addr: 127.0.0.1:1\nthreads: 2\nquiet: true\nmax-line: 70000\nread-timeout: 0.5\n";
    let environment = [("PACKAGE_INDEXER_ADDR", "127.0.0.1:2"), ("PACKAGE_INDEXER_THREADS", "3")];
    let names = ["addr", "threads", "quiet", "max-line", "read-timeout", "lifetime"];
    assert_eq!(
        in_force(&["--config", "FILE", "--addr", "127.0.0.1:3"], &environment, file, &names),
        [
            "addr 127.0.0.1:3 flag",
            "quiet true file",
            "threads 3 environment PACKAGE_INDEXER_THREADS",
            "read-timeout 0.5 file",
            "lifetime 86400 default",
            "max-line 70000 file",
        ]
    );
}

#[test]
fn switches_can_be_on_and_off_in_every_layer() {
    let quiet = |value: &str| in_force(&[], &[("PACKAGE_INDEXER_QUIET", value)], "", &["quiet"]).remove(0);
    assert_eq!(quiet("true"), "quiet true environment PACKAGE_INDEXER_QUIET");
    assert_eq!(quiet("0"), "quiet false environment PACKAGE_INDEXER_QUIET");
    // A setting of the file that depends on one of another layer.
    let names = ["pprof", "admin"];
    assert_eq!(
        in_force(&["--config", "FILE", "--admin", "127.0.0.1:4"], &[], "pprof: true\n", &names),
        ["admin 127.0.0.1:4 flag", "pprof true file"]
    );
}

/// The forms that the original server of the challenge takes.
#[test]
fn flags_with_one_dash_durations_with_units_and_addresses_without_a_host() {
    let names = ["addr", "quiet", "read-timeout", "idle-timeout", "shutdown-timeout"];
    let flags =
        ["-addr", ":8080", "-quiet", "-read-timeout=30s", "-shutdown-timeout", "1m30s", "--config", "FILE"];
    assert_eq!(
        in_force(&flags, &[], "idle-timeout: 500ms\n", &names),
        [
            "addr :8080 flag",
            "quiet true flag",
            "read-timeout 30s flag",
            "idle-timeout 500ms file",
            "shutdown-timeout 1m30s flag",
        ]
    );
    let server = crate::start_with_admin(&["-addr", ":0", "-admin=:0", "-idle-timeout", "10m"]);
    let port = server.addr.rsplit_once(':').unwrap().1;
    crate::binary::connect(&format!("127.0.0.1:{port}")).ask(b"QUERY|a|\n", b"FAIL\n");
    let [addr, admin] =
        [&server.addr, &server.admin].map(|address| format!(":{}", address.rsplit_once(':').unwrap().1));
    for flags in [&["-addr", &addr][..], &["-addr", &addr, "-admin", &admin]] {
        let output = run(&[&["health"], flags].concat(), &[], "");
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn variables_of_kubernetes_are_ignored() {
    let environment = [
        ("PACKAGE_INDEXER_PORT", "tcp://10.0.0.1:8080"),
        ("PACKAGE_INDEXER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("PACKAGE_INDEXER_SERVICE_HOST", "10.0.0.1"),
    ];
    assert_eq!(in_force(&[], &environment, "", &["threads"]), ["threads 1 default"]);
}

/// Arguments, environment, file, and a part of the expected message.
type Bad = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str, &'static str);

const FILE: &[&str] = &["--config", "FILE"];

const BAD: [Bad; 30] = [
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
    (&["--max-buffered", "300000"], &[], "", "twice the sum of --max-line and --max-unread"),
    (&["--service", "index"], &[], "", "--service"),
    (&[], &[("PACKAGE_INDEXER_THREADS", "0")], "", "PACKAGE_INDEXER_THREADS"),
    (&[], &[("PACKAGE_INDEXER_THRAEDS", "2")], "", "did you mean 'PACKAGE_INDEXER_THREADS'?"),
    (&[], &[("PACKAGE_INDEXER_QUIET", "perhaps")], "", "neither true nor false"),
    (&[], &[("PACKAGE_INDEXER_CONFIG", "/no/such/file")], "", "/no/such/file"),
    (&["--config", "/"], &[], "", "cannot read /"),
    (FILE, &[], "\nthreads: many\n", "yaml:2: invalid value 'many' for '--threads"),
    (FILE, &[], "thraeds: 2\n", "did you mean 'threads'?"),
    (FILE, &[], "threads: [1, 2]\n", "yaml:1: 'threads' takes a single value"),
    (FILE, &[], "threads: 1\nthreads: 2\n", "threads"),
    (FILE, &[], "threads: 1\n  quiet: [\n", "line"),
    (FILE, &[], "just words\n", ".yaml"),
    (FILE, &[], "quiet: loud\n", "must be true or false"),
    (FILE, &[], "config: other\n", "unknown key 'config'"),
    (FILE, &[], "addr: 8080\n", "'addr' takes text"),
];

#[test]
fn each_wrong_setting_is_one_line_and_exit_status_2() {
    for (arguments, environment, file, needed) in BAD {
        let output = run(arguments, environment, file);
        let message = String::from_utf8(output.stderr).unwrap();
        let what = format!("{arguments:?} {environment:?} {file:?}: {message}");
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert_eq!(message.lines().count(), 1, "{what}");
        assert!(message.starts_with("server: ") && message.contains(needed), "{what}");
        assert!(output.stdout.is_empty(), "{what}");
    }
}

#[test]
fn help_texts() {
    let texts = [&["--help"][..], &["-h"], &["health", "--help"], &["config", "--help"]].map(|arguments| {
        let output = run(arguments, &[], "");
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    });
    insta::assert_snapshot!(texts.join("\n----\n\n"));
}

#[test]
fn the_settings_in_effect_are_printed() {
    let output = run(&["config"], &[], "");
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
