//! `wisdom get` and `wisdom bench`: the client, its output and its exit codes.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use protocol::wisdom::messages::{Quotation, Source};
use protocol::wisdom::proof::DIFFICULTY_MAX;
use protocol::wisdom::token::TOKEN_BYTES;
use serde::Serialize;
use settings::values::seconds;

use crate::client::{Client, Failure, GaveUp, Printable, Purchased, solver};

/// Largest number of threads.
const THREADS_MAX: u16 = 1024;

pub(super) const EXIT_STATUS: &str = "\
Exit status:
  0  all quotations were received
  1  the server refused, or another error occurred
  2  a flag is wrong
  4  the server does not accept a connection";

/// The flags of `wisdom get`.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// Address of the server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    addr: String,

    /// Number of quotations, requested one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    #[arg(
        long,
        help = "Print one JSON object per line: quote, author, source, difficulty, hashes, solve_ms"
    )]
    json: bool,

    /// Time limit for one quotation, including all attempts
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,

    /// Threads that solve a challenge; the number of cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(THREADS_MAX)))]
    threads: Option<u16>,

    /// Highest accepted difficulty in zero bits
    #[arg(
        long,
        value_name = "BITS",
        default_value_t = DIFFICULTY_MAX,
        value_parser = clap::value_parser!(u8).range(0..=i64::from(DIFFICULTY_MAX))
    )]
    max_difficulty: u8,
}

/// The flags of `wisdom bench`.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Duration of each of the two measurements
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    seconds: Duration,

    #[arg(long, help = "Print one JSON object: cores, one_core_hashes_per_s, all_cores_hashes_per_s")]
    json: bool,
}

/// The reason why the command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    GaveUp(#[from] GaveUp),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

impl Error {
    /// Reports whether the reader of the output has closed it, which is not an error.
    pub(super) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code, as the help text states it.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::GaveUp(GaveUp { failure: Failure::Unreachable { .. }, .. }) => 4,
            error if error.is_closed_output() => 0,
            _ => 1,
        }
    }
}

/// A quotation as one line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    quote: &'a str,
    author: &'a str,
    source: Source,
    difficulty: u8,
    hashes: u64,
    solve_ms: u64,
}

pub(super) fn get(flags: &Get, out: &mut impl Write) -> Result<(), Error> {
    let client = Client {
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
        let purchased = client.obtain(&|difficulty, hashes| {
            if hashes == 0 {
                bar.reset();
                bar.set_length(1 << difficulty.min(DIFFICULTY_MAX));
            }
            bar.set_position(hashes);
        });
        bar.finish_and_clear();
        let Purchased { quotation: Quotation { quote, author, source }, difficulty, hashes, solve_time } =
            purchased?;
        if flags.json {
            let solve_ms = u64::try_from(solve_time.as_millis()).unwrap_or(u64::MAX);
            let line = Line { quote: &quote, author: &author, source, difficulty, hashes, solve_ms };
            serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{}\n  — {} ({})", Printable(&quote), Printable(&author), source.name())?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Creates a progress bar for the expected number of hashes, which stays full if more are needed. It is drawn on a
/// terminal only.
fn solving_bar() -> ProgressBar {
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
        // A bar that cannot be formatted is not shown.
        let _ = write!(text, "{:.1} MH/s", state.per_sec() / 1e6);
    };
    let template = "solving [{bar:20}] {human_pos} hashes of about {human_len}, {rate}";
    let style = ProgressStyle::with_template(template)
        .expect("the template is valid")
        .with_key("rate", rate)
        .progress_chars("=> ");
    ProgressBar::with_draw_target(Some(1), target).with_style(style)
}

/// The measured rates as one JSON object.
#[derive(Serialize)]
struct Rates {
    cores: NonZeroUsize,
    one_core_hashes_per_s: u64,
    all_cores_hashes_per_s: u64,
}

pub(super) fn bench(flags: &Bench, out: &mut impl Write) -> Result<(), Error> {
    let rate = |threads| {
        let deadline = Instant::now() + flags.seconds;
        // No hash has 255 leading zero bits.
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
        // The address of a listener without a host stands for all interfaces, of which this host is one.
        Some(("", port)) if port.parse::<u16>().is_ok() => Ok(format!("localhost{text}")),
        Some((_, port)) if port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err("expected a host and a port, such as 127.0.0.1:8080".to_owned()),
    }
}
