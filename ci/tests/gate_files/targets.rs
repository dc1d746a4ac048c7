//! The servers that the gate files judge.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The image of the server; `cargo ci images` builds it.
pub(crate) const IMAGE: &str = "gauntlet-server:dev";

/// Returns a binary of the workspace: the one that `cargo ci test` names, or the one beside this test's directory.
pub(crate) fn binary(name: &str) -> PathBuf {
    let variable = format!("GAUNTLET_{}", name.to_uppercase());
    if let Some(path) = env::var_os(variable) {
        return path.into();
    }
    let path = env::current_exe().unwrap().parent().unwrap().with_file_name(name);
    assert!(path.exists(), "{} is missing; build it with `cargo build --workspace`", path.display());
    path
}

fn command(name: &str, flags: &str) -> String {
    format!("'{}' {flags} --addr {{addr}}", binary(name).display())
}

/// The command of a correct server.
pub(crate) fn correct() -> String {
    command("server", "--quiet")
}

/// The command of a server that violates a clause.
pub(crate) fn violating() -> String {
    command("zoo", "--mutant update-merges")
}

/// The command of a server that is correct until a client resets its connection.
pub(crate) fn fragile() -> String {
    command("zoo", "--mutant dies-of-a-reset")
}

/// Returns an address that no server listens on.
pub(crate) fn unused_addr() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A correct server that the gate does not start.
pub(crate) struct Listening {
    process: Child,
    pub(crate) addr: String,
}

impl Listening {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(binary("server"));
        let command = command.args(["--addr", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, addr: line.split_whitespace().last().unwrap().to_owned() }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
