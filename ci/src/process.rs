//! Running other programs: to their end, or as long as they are needed.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// Runs a command with the terminal of this program.
///
/// # Errors
/// The command does not start, or ends with a status other than 0.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = status(command)?;
    check(command, status, String::new())
}

/// Runs a command with the terminal of this program and returns its status.
///
/// # Errors
/// The command does not start.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, Failure> {
    command.status().map_err(|source| Failure::Start { command: shown(command), source })
}

/// Runs a command and returns its standard output. A failure contains everything that the command printed.
///
/// # Errors
/// The command does not start, ends with a status other than 0, or prints bytes that are not UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|source| Failure::Start { command: shown(command), source })?;
    let printed = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    check(command, output.status, if printed.is_empty() { printed } else { format!(":\n{printed}") })?;
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::other(format!("`{}` printed bytes that are not UTF-8", shown(command))))
}

fn check(command: &Command, status: ExitStatus, output: String) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::Status { command: shown(command), status: status.to_string(), output })
}

/// Returns the command as a line for a shell.
pub(crate) fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.into() } else { format!("'{word}'") }
}

/// Returns the path of an installed program.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Returns those of the programs that are not installed.
pub(crate) fn missing_programs(names: &[&'static str]) -> Vec<&'static str> {
    names.iter().copied().filter(|name| find_program(name).is_none()).collect()
}

/// A program that runs until this value is dropped. Dropping it ends the program and waits for that.
pub(crate) struct Running {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts a program; its standard output is read with [`Running::line`].
    ///
    /// # Errors
    /// The program does not start.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|source| Failure::Start { command: shown(command), source })?;
        let lines = child.stdout.take().map(BufReader::new);
        Ok(Self { child, lines })
    }

    /// Returns the id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next line of the program's output without its line end, or `None` at the end of the output.
    ///
    /// # Errors
    /// The output cannot be read.
    pub(crate) fn line(&mut self) -> Result<Option<String>, Failure> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        let mut line = String::new();
        let count = lines.read_line(&mut line).map_err(Failure::during("reading a program's output"))?;
        Ok((count > 0).then(|| line.trim_end().to_owned()))
    }

    /// Sends a signal; a process that has ended does not get it.
    pub(crate) fn signal(&self, signal: Signal) {
        // The process was not waited for, so its id still belongs to it.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Waits until the program ends.
    ///
    /// # Errors
    /// The system does not return its status.
    pub(crate) fn wait(mut self) -> Result<ExitStatus, Failure> {
        drop(self.child.stdin.take());
        self.child.wait().map_err(Failure::during("waiting for a program"))
    }

    /// Returns whether the program has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal(Signal::TERM);
        }
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_contains_its_output() {
        let failure = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap_err();
        let text = failure.to_string();
        assert!(
            text.starts_with("`sh -c 'echo out; echo err >&2; exit 3'` ended with exit status: 3"),
            "{text}"
        );
        assert!(text.contains("out\nerr"), "{text}");
    }

    #[test]
    fn a_missing_program_is_reported() {
        assert_eq!(missing_programs(&["sh", "no-such-program"]), ["no-such-program"]);
        assert!(matches!(run(&mut Command::new("no-such-program")), Err(Failure::Start { .. })));
    }

    #[test]
    fn a_running_program_is_read_line_by_line_and_ends_when_dropped() {
        let mut running =
            Running::start(Command::new("sh").args(["-c", "echo one; exec sleep 600"])).unwrap();
        assert_eq!(running.line().unwrap().as_deref(), Some("one"));
        assert!(!running.has_ended());
        drop(running);
    }
}
