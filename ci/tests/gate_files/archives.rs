//! Archives of the programs at a local HTTP server, and a cargo that records that it was asked to build.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::targets::binary;

/// The version of the kit, and so of its archive.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A directory with the archive of this version, its checksum, and programs for the search path.
pub(crate) struct Archives {
    directory: tempfile::TempDir,
    /// The address of the server, which ends with this process.
    pub(crate) url: String,
}

impl Archives {
    /// Packs programs that start those of the workspace, and serves them below `/vVERSION`.
    pub(crate) fn serve() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
        let name = format!("gauntlet-{VERSION}-{target}");
        let served = directory.path().join(format!("v{VERSION}"));
        for path in [served.join(&name), directory.path().join("bin")] {
            fs::create_dir_all(path).unwrap();
        }
        for program in ["harness", "chaos"] {
            write_program(
                &served.join(&name).join(program),
                &format!("exec '{}' \"$@\"", binary(program).display()),
            );
        }
        let pack = format!("tar -czf {name}.tar.gz {name} && sha256sum {name}.tar.gz > {name}.tar.gz.sha256");
        assert!(Command::new("sh").args(["-c", &pack]).current_dir(&served).status().unwrap().success());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v{{version}}", listener.local_addr().unwrap());
        let root = directory.path().to_owned();
        thread::spawn(move || listener.incoming().flatten().for_each(|client| answer(client, &root)));
        Self { directory, url }
    }

    /// Changes the archive after its checksum was written.
    pub(crate) fn damage(&self) {
        let served = self.directory.path().join(format!("v{VERSION}"));
        for entry in fs::read_dir(served).unwrap().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "gz") {
                fs::OpenOptions::new().append(true).open(entry.path()).unwrap().write_all(b"more").unwrap();
            }
        }
    }

    /// Returns a search path with a `cargo` that installs programs by linking those of the workspace, and notes that.
    pub(crate) fn search_path(&self) -> String {
        let directory = self.directory.path().join("bin");
        let built = self.built().display().to_string();
        let of_workspace = binary("harness").with_file_name("");
        // cargo install … --path DIRECTORY/PROGRAM … --root ROOT …
        let script = format!(
            "while [ $# -gt 0 ]; do case $1 in --path) path=$2 ;; --root) root=$2 ;; esac; shift; done\n\
             mkdir -p \"$root/bin\"\n\
             ln -sf '{}'\"$(basename \"$path\")\" \"$root/bin/\"\n\
             basename \"$path\" >> '{built}'",
            of_workspace.display()
        );
        write_program(&directory.join("cargo"), &script);
        format!("{}:{}", directory.display(), env::var("PATH").unwrap())
    }

    /// Returns the programs that were built, in order.
    pub(crate) fn built_programs(&self) -> Vec<String> {
        fs::read_to_string(self.built()).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn built(&self) -> PathBuf {
        self.directory.path().join("built")
    }
}

fn write_program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Answers one request with a file, or with status 404.
fn answer(mut client: TcpStream, root: &Path) {
    let mut lines = BufReader::new(client.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let (status, body) = match fs::read(root.join(path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // The client may have gone.
    let _ = client.write_all(&[head.as_bytes(), &body].concat());
}
