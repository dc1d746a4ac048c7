//! The layers of a small program: which value applies, where it came from, and messages for wrong values.
use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction, Command, value_parser};
use settings::{Environment, Error, File, Format, Layered};

fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name);
    let flags = [
        flag("addr"),
        flag("port").value_parser(value_parser!(u16)),
        flag("threads").value_parser(value_parser!(u8).range(1..)).default_value("1"),
        flag("only").value_delimiter(',').action(ArgAction::Append),
        flag("quiet").action(ArgAction::SetTrue),
        flag("seed").conflicts_with("seeds"),
        flag("seeds"),
        flag("config"),
    ];
    let serve = Command::new("serve").args(flags.clone()).args_override_self(true);
    Command::new("program").args(flags).args_override_self(true).subcommand(serve)
}

/// Applies all layers to the command line.
fn layered(arguments: &[&str], variables: &[(&str, &str)], file: (&str, Format)) -> Result<Layered, Error> {
    let arguments: Vec<OsString> = ["program"].iter().chain(arguments).map(OsString::from).collect();
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let mut layered = Layered::parse(command(), &arguments)?.with_alternatives(&[&["addr", "port"]]);
    layered.apply_environment(Environment::new("PROGRAM_", variables).without(&["PROGRAM_SERVICE_"]))?;
    layered.apply_file(&File::parse(Path::new("program.conf"), file.0, file.1)?)?;
    Ok(layered)
}

const EMPTY: (&str, Format) = ("", Format::Toml);

/// The value of each flag with its origin.
fn shown(layered: &Layered, flags: &[&str]) -> Vec<String> {
    let shown = |flag: &&str| {
        let values: Vec<String> = layered.values(flag).map(|value| value.to_string_lossy().into()).collect();
        format!("{flag} {} {}", values.join(","), layered.origin(flag))
    };
    flags.iter().map(shown).collect()
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let variables =
        [("PROGRAM_THREADS", "3"), ("PROGRAM_ADDR", "a"), ("OTHER", "x"), ("PROGRAM_SERVICE_HOST", "x")];
    for (text, format) in [
        ("quiet = true\nthreads = 2\n\nonly = [\"a\", \"b\"]\n", Format::Toml),
        ("quiet: true\nthreads: 2\n\nonly: [a, b]\n", Format::Yaml),
    ] {
        for subcommand in [&[][..], &["serve"]] {
            let arguments = [subcommand, &["--addr", "b"]].concat();
            let layered = layered(&arguments, &variables, (text, format)).unwrap();
            assert_eq!(
                shown(&layered, &["addr", "threads", "quiet", "only", "seed"]),
                [
                    "addr b flag",
                    "threads 3 environment PROGRAM_THREADS",
                    "quiet true file program.conf:1",
                    "only a,b file program.conf:4",
                    "seed  default",
                ]
            );
            let selected = layered.matches().subcommand().map_or(layered.matches(), |(_, matches)| matches);
            assert_eq!(selected.get_one("threads"), Some(&3_u8));
        }
    }
}

#[test]
fn a_flag_replaces_its_alternatives_in_the_file() {
    let file = ("addr = \"a\"\nthreads = 2\n", Format::Toml);
    let with_port = layered(&["--port", "1"], &[], file).unwrap();
    assert_eq!(shown(&with_port, &["addr", "port"]), ["addr  default", "port 1 flag"]);
    let without = layered(&[], &[], file).unwrap();
    assert_eq!(shown(&without, &["addr", "port"]), ["addr a file program.conf:1", "port  default"]);
}

#[test]
fn an_inactive_switch_has_an_origin_and_stays_inactive() {
    let layered = layered(&[], &[("PROGRAM_QUIET", "0")], ("quiet = true\n", Format::Toml)).unwrap();
    assert_eq!(shown(&layered, &["quiet"]), ["quiet false environment PROGRAM_QUIET"]);
}

/// Arguments, environment, file, and a part of the expected message.
type Case =
    (&'static [&'static str], &'static [(&'static str, &'static str)], (&'static str, Format), &'static str);

#[test]
fn each_error_names_the_layer_at_fault() {
    let toml = |text| (text, Format::Toml);
    let cases: [Case; 17] = [
        (&["--thread", "1"], &[], EMPTY, "unexpected argument '--thread' found; --help lists all flags"),
        (&[], &[("PROGRAM_THREADS", "0")], EMPTY, "environment variable PROGRAM_THREADS: invalid value '0'"),
        (&[], &[("PROGRAM_QUIET", "yes")], EMPTY, "PROGRAM_QUIET: 'yes' is neither true nor false"),
        (
            &[],
            &[("PROGRAM_THRAEDS", "1")],
            EMPTY,
            "unknown variable 'PROGRAM_THRAEDS'; did you mean 'PROGRAM_THREADS'?",
        ),
        (&[], &[], toml("\nthreads = 0\n"), "program.conf:2: invalid value '0' for '--threads"),
        (&[], &[], toml("thraeds = 1\n"), "program.conf:1: unknown key 'thraeds'; did you mean 'threads'?"),
        (&[], &[], toml("zzz = 1\n"), "program.conf:1: unknown key 'zzz'"),
        (&[], &[], toml("config = \"x\"\n"), "unknown key 'config'"),
        (&[], &[], toml("quiet = 1\n"), "'quiet' must be true or false"),
        (&[], &[], toml("threads = [1]\n"), "'threads' takes a single value"),
        (&[], &[], toml("only = {}\n"), "'only' takes a text, a number, or a list of them"),
        (&[], &[], toml("only = 3\n"), "program.conf:1: 'only' takes text; write \"3\" in quotes"),
        (&[], &[], toml("seed = \"1\"\nseeds = \"2\"\n"), "program.conf: the argument '--seed"),
        (&[], &[], toml("threads = 1\nthreads = = 2\n"), "program.conf:2: "),
        (&[], &[], ("threads: 1\nthreads: 2\n", Format::Yaml), "program.conf: "),
        (&[], &[], ("threads:\n  - 1\n", Format::Yaml), "program.conf:2: 'threads' takes a single value"),
        (&[], &[], ("just words\n", Format::Yaml), "program.conf: "),
    ];
    for (arguments, variables, file, expected) in cases {
        let message = layered(arguments, variables, file).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_value_that_a_higher_layer_overrides_is_not_checked() {
    let layered = layered(&["--threads", "4"], &[("PROGRAM_THREADS", "0")], ("threads = 0\n", Format::Toml));
    assert_eq!(shown(&layered.unwrap(), &["threads"]), ["threads 4 flag"]);
}

#[test]
fn a_secret_can_be_taken_and_is_never_printed() {
    let variables = [("PROGRAM_SECRET".into(), "hidden".into()), ("PROGRAM_ADDR".into(), "a".into())];
    let mut environment = Environment::new("PROGRAM_", variables);
    assert!(!format!("{environment:?}").contains("hidden"));
    assert_eq!(environment.take("PROGRAM_SECRET"), Some("hidden".into()));
    let mut layered = Layered::parse(command(), &["program".into()]).unwrap();
    layered.apply_environment(environment).unwrap();
}

#[test]
fn a_request_for_help_is_not_a_wrong_flag() {
    for flag in ["--help", "-h"] {
        let error = Layered::parse(command(), &["program".into(), flag.into()]).unwrap_err();
        assert!(matches!(error, Error::HelpRequested(_)), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = File::read(Path::new("/no/such/file"), Format::Toml).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /no/such/file: "), "{error}");
}
