//! The client as a command: its flags, what it prints, its exit status.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use protocol::wisdom::messages::{Quotation, Source};
use protocol::wisdom::proof::DIFFICULTY_MAX;
use protocol::wisdom::token::TOKEN_BYTES;
use serde::Serialize;

use super::{Bought, Buyer, Failure, GaveUp, Plain, solver};

/// The most threads that can be asked for.
const THREADS_MAX: u16 = 1024;

/// The longest time that can be given.
const SECONDS_MAX: f64 = 86_400.0;

const EXIT_STATUS: &str = "Exit status: 0 all quotations came, 1 the server refused or something failed, \
                           2 a flag is wrong, 4 nobody takes a connection at the address.";

/// Gets quotations for a proof of work, from a server that speaks WOW/1.
#[derive(Debug, Parser)]
#[command(
    name = "wisdom",
    version,
    max_term_width = 100,
    after_help = EXIT_STATUS
)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Ask for challenges, solve them, and print the quotations that they bring
    #[command(after_help = EXIT_STATUS)]
    Get(Get),
    /// Measure how many hashes this machine computes in a second, on one core and on all
    Bench(Bench),
}

#[derive(Debug, Args)]
struct Get {
    /// The server's address
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    addr: String,

    /// How many quotations to get, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    #[arg(long, help = "Print one JSON object a line: quote, author, source, difficulty, hashes, solve_ms")]
    json: bool,

    /// How long one quotation may take, all tries together
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,

    /// How many threads solve; as many as there are cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(THREADS_MAX)))]
    threads: Option<u16>,

    /// Refuse to work for more zero bits than this
    #[arg(
        long,
        value_name = "BITS",
        default_value_t = DIFFICULTY_MAX,
        value_parser = clap::value_parser!(u8).range(0..=i64::from(DIFFICULTY_MAX))
    )]
    max_difficulty: u8,
}

#[derive(Debug, Args)]
struct Bench {
    /// How long each of the two is measured
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    seconds: Duration,

    #[arg(long, help = "Print one JSON object: cores, one_core_hashes_per_s, all_cores_hashes_per_s")]
    json: bool,
}

/// Why the command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    GaveUp(#[from] GaveUp),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Does what the command line asks for. What went wrong is one line of `complaints`. Brings the exit status.
pub fn carry_out(
    arguments: impl Iterator<Item = OsString>,
    out: &mut impl Write,
    complaints: &mut impl Write,
) -> u8 {
    let outcome = match CommandLine::try_parse_from(arguments) {
        Ok(CommandLine { task: Task::Get(flags) }) => get(&flags, out),
        Ok(CommandLine { task: Task::Bench(flags) }) => bench(&flags, out),
        // Where nobody reads what is said, the exit status says it still.
        Err(error) if error.use_stderr() => {
            let _ = write!(complaints, "{error}");
            return 2;
        }
        Err(asked) => {
            let _ = write!(out, "{asked}");
            return 0;
        }
    };
    let Err(error) = outcome else { return 0 };
    // A reader that has seen enough is no error.
    if matches!(&error, Error::Print(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        return 0;
    }
    let _ = writeln!(complaints, "wisdom: {error}");
    if matches!(error, Error::GaveUp(GaveUp { failure: Failure::Unreachable { .. }, .. })) { 4 } else { 1 }
}

/// A quotation as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    quote: &'a str,
    author: &'a str,
    source: Source,
    difficulty: u8,
    hashes: u64,
    solve_ms: u64,
}

fn get(flags: &Get, out: &mut impl Write) -> Result<(), Error> {
    let buyer = Buyer {
        addr: flags.addr.clone(),
        difficulty_max: flags.max_difficulty,
        threads: flags
            .threads
            .and_then(|threads| NonZeroUsize::new(threads.into()))
            .unwrap_or(solver::cores()),
        timeout: flags.timeout,
    };
    for _ in 0..flags.count {
        let bar = solving_bar();
        let bought = buyer.buy(&|difficulty, hashes| {
            if hashes == 0 {
                bar.reset();
                bar.set_length(1 << difficulty.min(DIFFICULTY_MAX));
            }
            bar.set_position(hashes);
        });
        bar.finish_and_clear();
        let Bought { quotation: Quotation { quote, author, source }, difficulty, hashes, solve_time } =
            bought?;
        if flags.json {
            let solve_ms = u64::try_from(solve_time.as_millis()).unwrap_or(u64::MAX);
            let line = Line { quote: &quote, author: &author, source, difficulty, hashes, solve_ms };
            serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{}\n  — {} ({})", Plain(&quote), Plain(&author), source.name())?;
        }
        out.flush()?;
    }
    Ok(())
}

/// A bar as long as the hashes that are to be expected; it stays full where it takes more. Drawn on a terminal only.
fn solving_bar() -> ProgressBar {
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
        // Where it cannot be written there is nothing to see either.
        let _ = write!(text, "{:.1} MH/s", state.per_sec() / 1e6);
    };
    let template = "solving [{bar:20}] {human_pos} hashes of about {human_len}, {rate}";
    let style = ProgressStyle::with_template(template)
        .expect("the template is a valid one")
        .with_key("rate", rate)
        .progress_chars("=> ");
    ProgressBar::with_draw_target(Some(1), target).with_style(style)
}

/// How quick this machine is.
#[derive(Serialize)]
struct Rates {
    cores: NonZeroUsize,
    one_core_hashes_per_s: u64,
    all_cores_hashes_per_s: u64,
}

fn bench(flags: &Bench, out: &mut impl Write) -> Result<(), Error> {
    let rate = |threads| {
        let deadline = Instant::now() + flags.seconds;
        // Nobody finds a hash of 255 zero bits.
        solver::solve(&[0; TOKEN_BYTES], u8::MAX, threads, deadline, &|_| ()).hashes_per_s()
    };
    let cores = solver::cores();
    let one_core_hashes_per_s = rate(NonZeroUsize::MIN);
    let all_cores_hashes_per_s = rate(cores);
    if flags.json {
        let rates = Rates { cores, one_core_hashes_per_s, all_cores_hashes_per_s };
        serde_json::to_writer(&mut *out, &rates).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{one_core_hashes_per_s:>12} hashes/s on one core")?;
        writeln!(out, "{all_cores_hashes_per_s:>12} hashes/s on all {cores}")?;
    }
    Ok(out.flush()?)
}

fn address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err("a host and a port are needed, such as 127.0.0.1:8080".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= SECONDS_MAX => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("a number of seconds is needed, more than 0 and at most {SECONDS_MAX}")),
    }
}
