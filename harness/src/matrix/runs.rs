//! One run of a matrix: a program in a process of its own, with a time limit.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use report::read;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;
use verdict::Verdict;

use crate::error::Error;
use crate::matrix::targets::{MatrixTarget, TargetList};
use crate::matrix::{create, write_error};

/// The time in which a program that is interrupted writes its reports.
const END_TIME_MAX: Duration = Duration::from_secs(30);

/// A program that judges targets.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// `harness` or `chaos`.
    name: &'static str,
    path: PathBuf,
}

impl Program {
    /// Returns the programs to run: this one, and chaos if it is wanted.
    ///
    /// # Errors
    /// There is no chaos beside this program or in `PATH`.
    pub(super) fn all(has_chaos: bool) -> Result<Vec<Self>, Error> {
        let harness = env::current_exe()?;
        let mut programs = vec![Self { name: "harness", path: harness.clone() }];
        if has_chaos {
            let beside = harness.parent().map(Path::to_owned);
            let in_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>());
            let directories = beside.into_iter().chain(in_path.into_iter().flatten());
            let path = directories.map(|directory| directory.join("chaos")).find(|path| path.is_file());
            programs.push(Self { name: "chaos", path: path.ok_or(Error::NoChaos)? });
        }
        Ok(programs)
    }
}

/// Runs programs against the targets of a list.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) list: TargetList,
    pub(super) programs: Vec<Program>,
    /// The directory of the list, in which commands are executed.
    pub(super) sources: PathBuf,
    /// The directory of the site: an absolute path.
    pub(super) directory: PathBuf,
}

/// A run, for display.
#[derive(Debug)]
pub(super) struct Run {
    target: String,
    program: &'static str,
    end: End,
}

#[derive(Debug)]
enum End {
    /// The target had been judged before.
    Kept,
    /// There is a report with this verdict.
    Judged { verdict: Verdict, duration: Duration, is_cut: bool },
    /// The program has failed, or written no report. The last line of its output says why.
    NoReport { last_line: String },
    /// The user has interrupted.
    Interrupted,
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, program, end } = self;
        write!(formatter, "{target:<30} {program:<8} ")?;
        match end {
            End::Kept => write!(formatter, "kept"),
            End::Judged { verdict, duration, is_cut } => {
                let cut = if *is_cut { ", cut by the time limit" } else { "" };
                write!(formatter, "{:<11} {} s{cut}", verdict.word(), duration.as_secs())
            }
            End::NoReport { last_line } => write!(formatter, "no report: {last_line}"),
            End::Interrupted => write!(formatter, "interrupted"),
        }
    }
}

impl Runner {
    /// Runs a program against a target, unless there is a report already. An interrupted run leaves none.
    ///
    /// # Errors
    /// The program cannot be started, or its files cannot be written.
    pub(super) async fn judge(
        &self,
        program: &Program,
        target: &MatrixTarget,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<Run, Error> {
        let place = Place::new(&self.directory, target, program.name);
        let run = |end| Run { target: target.name.clone(), program: program.name, end };
        if place.is_kept() {
            return Ok(run(End::Kept));
        }
        if *stopped.borrow() {
            return Ok(run(End::Interrupted));
        }
        create(&place.directory)?;
        let begun = Instant::now();
        let mut child = self.start(program, target, &place)?;
        let is_cut = tokio::select! {
            _ = child.wait() => false,
            () = tokio::time::sleep(self.list.time_limit) => true,
            () = stop(&mut stopped) => {
                end(&mut child).await;
                place.remove_parts();
                return Ok(run(End::Interrupted));
            }
        };
        if is_cut {
            end(&mut child).await;
        }
        let Ok(verdict) = read::verdict(&place.part("json")) else {
            place.remove_parts();
            return Ok(run(End::NoReport { last_line: place.last_line() }));
        };
        place.keep()?;
        Ok(run(End::Judged { verdict, duration: begun.elapsed(), is_cut }))
    }

    /// Executes the command that builds a target, if it has one and has not been judged. Returns a run if that failed.
    ///
    /// # Errors
    /// The command cannot be started, or its output cannot be written.
    pub(super) async fn build(
        &self,
        target: &MatrixTarget,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<Option<Run>, Error> {
        let place = Place::new(&self.directory, target, "build");
        let is_judged = |program: &Program| Place::new(&self.directory, target, program.name).is_kept();
        let Some(text) = target.build_command(&place.directory) else { return Ok(None) };
        if *stopped.borrow() || self.programs.iter().all(is_judged) {
            return Ok(None);
        }
        create(&place.directory)?;
        let mut command = Command::new("sh");
        command.args(["-c", &text]);
        let mut child = self.spawn(command, &place)?;
        let is_built = tokio::select! {
            status = child.wait() => status.is_ok_and(|status| status.success()),
            () = tokio::time::sleep(self.list.time_limit) => false,
            () = stop(&mut stopped) => false,
        };
        if is_built {
            return Ok(None);
        }
        end(&mut child).await;
        let end = End::NoReport { last_line: place.last_line() };
        Ok(Some(Run { target: target.name.clone(), program: "build", end }))
    }

    fn start(&self, program: &Program, target: &MatrixTarget, place: &Place) -> Result<Child, Error> {
        let mut command = Command::new(&program.path);
        command.args(target.flags(&place.directory)).arg(format!("--seed={}", self.list.seed));
        if self.list.is_strict {
            command.arg("--strict");
        }
        if program.name == "harness" {
            // The settings of this directory are for another target.
            command.args(["--config", "/dev/null"]).args(&target.harness_flags);
        } else {
            command.args(&target.chaos_flags);
        }
        command.arg("--json").arg(place.part("json")).arg("--html").arg(place.part("html"));
        self.spawn(command, place)
    }

    /// Starts a command in the directory of the list.
    fn spawn(&self, mut command: Command, place: &Place) -> Result<Child, Error> {
        let output = File::create(&place.log).map_err(|error| write_error(&place.log, error))?;
        let errors = output.try_clone().map_err(|error| write_error(&place.log, error))?;
        command
            .current_dir(&self.sources)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .env("NO_COLOR", "1");
        command.env_remove("GITHUB_STEP_SUMMARY").env_remove("GITHUB_ACTIONS");
        // Ctrl-C in a terminal reaches this process only, which then ends the others.
        command.process_group(0).kill_on_drop(true);
        Ok(command.spawn()?)
    }
}

/// Waits until the user interrupts.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    // The sender lives as long as the command.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}

/// Interrupts a program, so that it ends its target and writes its reports; kills it if it does not end.
async fn end(child: &mut Child) {
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // It may have ended in the meantime.
        let _ = kill_process(pid, Signal::INT);
    }
    if timeout(END_TIME_MAX, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// The files of a program's run against a target. A report is kept only when it is complete.
struct Place {
    directory: PathBuf,
    name: &'static str,
    json: PathBuf,
    log: PathBuf,
}

impl Place {
    fn new(site: &Path, target: &MatrixTarget, name: &'static str) -> Self {
        let directory = site.join(&target.name);
        let file = |extension: &str| directory.join(format!("{name}.{extension}"));
        Self { json: file("json"), log: file("txt"), name, directory }
    }

    /// Whether there is a report already. A target that was not reached is tried again.
    fn is_kept(&self) -> bool {
        read::verdict(&self.json).is_ok_and(|verdict| verdict != Verdict::Unreachable)
    }

    fn part(&self, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}.part", self.name))
    }

    fn keep(&self) -> Result<(), Error> {
        for extension in ["html", "json"] {
            let path = self.directory.join(format!("{}.{extension}", self.name));
            fs::rename(self.part(extension), &path).map_err(|error| write_error(&path, error))?;
        }
        Ok(())
    }

    fn remove_parts(&self) {
        for extension in ["html", "json"] {
            // The program may not have created it.
            let _ = fs::remove_file(self.part(extension));
        }
    }

    fn last_line(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").to_owned()
    }
}
