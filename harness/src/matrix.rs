//! `harness matrix`: judges a list of targets with the harness and with chaos, and writes their results as one site.

mod runs;
mod targets;

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use driver::run_limits::RunLimits;
use report::site;
use tokio::sync::{mpsc, watch};
use verdict::Verdict;

use crate::error::Error;
use crate::matrix::runs::{Program, Run, Runner};
use crate::matrix::targets::MatrixTarget;

pub use targets::TargetsError;

/// The flags of the command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MatrixFlags {
    /// List of targets (TOML): tables [[target]] with name, and exec, addr or image
    pub file: PathBuf,

    /// Directory of the site: index.html, matrix.json, and a directory with the reports of each target
    #[arg(long, value_name = "DIR", default_value = "gauntlet-matrix")]
    pub out: PathBuf,

    /// Run only these targets
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Keep the results in the directory, and run only what is missing
    #[arg(long)]
    pub resume: bool,

    /// Take the results of targets from these directories, which other runs or other machines have written
    #[arg(long, value_name = "DIR[,DIR]", value_delimiter = ',')]
    pub merge: Vec<PathBuf>,

    /// Run only the K-th of N parts of the list, for several machines
    #[arg(long, value_name = "K/N")]
    pub part: Option<Part>,

    /// The number of targets at once. Figures of speed can be compared only if it is 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: u8,
}

/// A part of a list: number `index` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    index: usize,
    count: usize,
}

impl std::str::FromStr for Part {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers =
            text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("it must be K/N, with K from 1 to N"),
        }
    }
}

impl Part {
    fn contains(self, number: usize) -> bool {
        number % self.count == self.index - 1
    }
}

/// Judges the targets and writes the site. The verdict is `Pass` if every target of the list has been judged, whatever the result,
/// and otherwise `Unknown`.
///
/// # Errors
/// The list is invalid, the directory has results of another run, or a file cannot be written.
pub(crate) async fn run(flags: &MatrixFlags, out: &mut impl Write) -> Result<Verdict, Error> {
    let list = targets::read(&flags.file)?;
    if let Some(unknown) =
        flags.only.iter().find(|name| list.targets.iter().all(|target| target.name != **name))
    {
        return Err(Error::NoTarget { name: unknown.clone(), path: flags.file.clone() });
    }
    let programs = Program::all(list.has_chaos)?;
    let has_results = list.targets.iter().any(|target| flags.out.join(&target.name).exists());
    if has_results && !flags.resume && flags.merge.is_empty() {
        return Err(Error::HasResults(flags.out.clone()));
    }
    create(&flags.out)?;
    for directory in &flags.merge {
        take_results(directory, &flags.out, &list.targets)?;
    }
    let is_selected = |(number, target): &(usize, MatrixTarget)| {
        flags.part.is_none_or(|part| part.contains(*number))
            && (flags.only.is_empty() || flags.only.contains(&target.name))
    };
    let selected: Vec<MatrixTarget> =
        list.targets.iter().cloned().enumerate().filter(is_selected).map(|(_, target)| target).collect();
    // A directory whose results come from elsewhere only needs its site.
    let todo = if flags.merge.is_empty() || flags.resume { selected } else { Vec::new() };
    let runner = Runner {
        list: list.clone(),
        programs,
        sources: directory_of(&flags.file),
        directory: fs::canonicalize(&flags.out).map_err(|error| write_error(&flags.out, error))?,
    };
    run_all(runner, todo, usize::from(flags.jobs), out).await?;
    let names: Vec<&str> = list.targets.iter().map(|target| target.name.as_str()).collect();
    let site = site::Site::read(&flags.out, &names, list.has_chaos);
    site.write(&flags.out)?;
    // The reader of standard output may have gone.
    let _ = site.write_text(out);
    let _ = writeln!(out, "\nthe site is {}", flags.out.join("index.html").display());
    Ok(if site.is_complete() { Verdict::Pass } else { Verdict::Unknown })
}

/// Runs the targets, several at once, until all have been judged or the user interrupts.
async fn run_all(
    runner: Runner,
    targets: Vec<MatrixTarget>,
    jobs: usize,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut limits = RunLimits::new()?;
    let count = targets.len();
    let queue = Arc::new(Mutex::new(targets.into_iter().collect::<VecDeque<MatrixTarget>>()));
    let (runner, (stop, stopped)) = (Arc::new(runner), watch::channel(false));
    let (sender, mut results) = mpsc::unbounded_channel::<Result<Run, Error>>();
    for _ in 0..jobs.min(count) {
        let (runner, queue, sender, stopped) =
            (Arc::clone(&runner), Arc::clone(&queue), sender.clone(), stopped.clone());
        tokio::spawn(async move {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some(target) = next() {
                // The receiver lives as long as the command.
                if let Some(failed) = runner.build(&target, stopped.clone()).await.transpose() {
                    let _ = sender.send(failed);
                    continue;
                }
                for program in &runner.programs {
                    let _ = sender.send(runner.judge(program, &target, stopped.clone()).await);
                }
            }
        });
    }
    drop(sender);
    let mut is_interrupted = false;
    loop {
        tokio::select! {
            result = results.recv() => match result {
                Some(run) => {
                    let _ = writeln!(out, "{}", run?);
                    let _ = out.flush();
                }
                None => return Ok(()),
            },
            _ = limits.reached(), if !is_interrupted => {
                is_interrupted = true;
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                let _ = stop.send(true);
            }
        }
    }
}

/// Returns the directory of a file, in which the commands of its list are executed.
fn directory_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// Copies the results of targets that have none yet.
fn take_results(from: &Path, to: &Path, targets: &[MatrixTarget]) -> Result<(), Error> {
    if !from.is_dir() {
        let source = std::io::ErrorKind::NotFound.into();
        return Err(Error::Read { path: from.to_owned(), source });
    }
    for MatrixTarget { name, .. } in targets {
        let (source, copy) = (from.join(name), to.join(name));
        let Ok(files) = fs::read_dir(&source) else { continue };
        create(&copy)?;
        for file in files.flatten() {
            let path = copy.join(file.file_name());
            if !path.exists() {
                fs::copy(file.path(), &path).map_err(|error| write_error(&path, error))?;
            }
        }
    }
    Ok(())
}

fn create(directory: &Path) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(|error| write_error(directory, error))
}

fn write_error(path: &Path, source: std::io::Error) -> Error {
    report::WriteError { path: path.to_owned(), source }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_list_are_disjoint_and_complete() {
        let parts: Vec<Part> = ["1/3", "2/3", "3/3"].into_iter().map(|text| text.parse().unwrap()).collect();
        for number in 0..20 {
            assert_eq!(parts.iter().filter(|part| part.contains(number)).count(), 1);
        }
        for text in ["", "1", "0/3", "4/3", "1/0", "a/b"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }
}
