//! Recognizes how the server in a directory is started, from the files that projects have.

use std::fs;
use std::path::{Path, PathBuf};

/// How a server is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// By a command, for `--exec`.
    Command {
        /// The command.
        command: String,
        /// Its address, if it has no placeholder for the port.
        addr: Option<String>,
    },
    /// As a container, for `--image`.
    Image {
        /// The name of the image.
        name: String,
    },
}

/// What was recognized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// How the server is started, if that is known.
    pub(crate) start: Option<Start>,
    /// What was assumed, each with its source.
    pub(crate) assumptions: Vec<String>,
}

/// The address of a server whose port cannot be chosen: the port of the challenge.
const FIXED_ADDR: &str = "127.0.0.1:8080";

/// Files that start a server if nothing else is known, with the program that runs them.
const MAIN_FILES: [(&str, &str); 9] = [
    ("server.py", "python3"),
    ("main.py", "python3"),
    ("app.py", "python3"),
    ("server.js", "node"),
    ("index.js", "node"),
    ("server.rb", "ruby"),
    ("main.rb", "ruby"),
    ("server.pl", "perl"),
    ("server.php", "php"),
];

/// Limits of the search for a port in the sources.
const FILES_MAX: usize = 500;
const BYTES_MAX: u64 = 256 * 1024;
const DEPTH_MAX: usize = 4;

/// Directories that contain no sources of the project.
const IGNORED: [&str; 6] = ["node_modules", "target", "vendor", "build", "dist", "venv"];

/// Recognizes how the server in this directory is started.
pub(crate) fn detect(directory: &Path) -> Found {
    let mut assumptions = Vec::new();
    let has_dockerfile = directory.join("Dockerfile").is_file();
    let Some((command, source)) = command_in(directory) else {
        if !has_dockerfile {
            return Found::default();
        }
        let name = image_name(directory);
        assumptions
            .push(format!("the image {name} is built from the Dockerfile: docker build --tag {name} ."));
        assumptions.push("the server listens on the port that the image exposes".to_owned());
        return Found { start: Some(Start::Image { name }), assumptions };
    };
    assumptions.push(format!("`{command}` starts the server ({source})"));
    let (command, addr) = match port_in(directory) {
        Some((Port::Variable, place)) => {
            assumptions.push(format!("it listens on the port in the variable PORT ({place})"));
            // The shell replaces variables of a command before it sets them.
            let command = command.replace("${PORT}", "{port}").replace("$PORT", "{port}");
            (format!("PORT={{port}} {command}"), None)
        }
        Some((Port::Flag, place)) => {
            assumptions.push(format!("it listens on the port that --port names ({place})"));
            (format!("{command} --port {{port}}"), None)
        }
        None => {
            assumptions.push(format!("it listens on {FIXED_ADDR}, as the port cannot be chosen"));
            (command, Some(FIXED_ADDR.to_owned()))
        }
    };
    if has_dockerfile {
        assumptions.push("the Dockerfile is not used; image in the file would use it".to_owned());
    }
    Found { start: Some(Start::Command { command, addr }), assumptions }
}

/// Returns the command that starts the server, with the file that says so.
fn command_in(directory: &Path) -> Option<(String, &'static str)> {
    let read = |name: &str| fs::read_to_string(directory.join(name)).ok();
    if let Some(command) = read("Procfile").as_deref().and_then(web_process) {
        return Some((command, "Procfile"));
    }
    if let Some(package) = read("package.json")
        && package.contains("\"start\"")
    {
        return Some(("npm start --silent --".to_owned(), "package.json"));
    }
    if directory.join("go.mod").is_file() {
        return Some(("go run .".to_owned(), "go.mod"));
    }
    if read("Cargo.toml").is_some_and(|text| text.contains("[package]")) {
        return Some(("cargo run --release --quiet --".to_owned(), "Cargo.toml"));
    }
    if let Some((file, program)) = MAIN_FILES.iter().find(|(file, _)| directory.join(file).is_file()) {
        return Some((format!("{program} {file}"), file));
    }
    let has_target = |text: String| text.lines().any(|line| line.starts_with("run:"));
    read("Makefile").is_some_and(has_target).then(|| ("make --silent run".to_owned(), "Makefile"))
}

/// Returns the command of the process `web` in a Procfile.
fn web_process(procfile: &str) -> Option<String> {
    let command = procfile.lines().find_map(|line| line.strip_prefix("web:"))?.trim();
    (!command.is_empty()).then(|| command.to_owned())
}

/// How a server is told its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Variable,
    Flag,
}

/// Returns how the sources read the port, with the first place that does.
fn port_in(directory: &Path) -> Option<(Port, String)> {
    let mut flag = None;
    for path in sources(directory) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let name = path.strip_prefix(directory).unwrap_or(&path).display();
        for (line, number) in text.lines().zip(1..) {
            if reads_variable(line) {
                return Some((Port::Variable, format!("{name}:{number}")));
            }
            if flag.is_none() && reads_flag(line) {
                flag = Some((Port::Flag, format!("{name}:{number}")));
            }
        }
    }
    flag
}

/// Whether a line reads the environment variable `PORT`.
fn reads_variable(line: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let has_port = line.split(|character| !is_word(character)).any(|word| word == "PORT");
    has_port
        && (line.to_ascii_lowercase().contains("env") || line.contains("$PORT") || line.contains("${PORT"))
}

/// Whether a line defines a flag `--port`; Go's flags have one name with either dash.
fn reads_flag(line: &str) -> bool {
    line.contains("\"--port\"")
        || line.contains("'--port'")
        || line.contains("flag.") && line.contains("\"port\"")
}

/// Returns the source files of a directory in the order of their names, within bounds.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(directory, 0, &mut found);
    found
}

fn collect(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // A link may lead anywhere.
        let Ok(data) = fs::symlink_metadata(&path) else { continue };
        if data.is_dir() && depth < DEPTH_MAX && !name.starts_with('.') && !IGNORED.contains(&name.as_str()) {
            collect(&path, depth + 1, found);
        } else if data.is_file() && data.len() <= BYTES_MAX && found.len() < FILES_MAX {
            found.push(path);
        }
    }
}

/// Returns the name of the directory as the name of an image.
fn image_name(directory: &Path) -> String {
    let path = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let plain: String =
        name.chars().filter(|character| character.is_ascii_alphanumeric() || *character == '-').collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "server".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Found {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        detect(directory.path())
    }

    fn command(command: &str, addr: Option<&str>) -> Start {
        Start::Command { command: command.to_owned(), addr: addr.map(str::to_owned) }
    }

    #[test]
    fn a_command_is_recognized_with_its_port() {
        let python = ("server.py", "import os\nport = int(os.environ.get('PORT', 8080))\n");
        let in_python = found(&[python]);
        assert_eq!(in_python.start, Some(command("PORT={port} python3 server.py", None)));
        assert!(in_python.assumptions.iter().any(|line| line.contains("server.py:2")), "{in_python:?}");
        let go = [("go.mod", "module a\n"), ("cmd/main.go", "port := flag.Int(\"port\", 8080, \"\")\n")];
        assert_eq!(found(&go).start, Some(command("go run . --port {port}", None)));
        let node =
            [("package.json", "{\"scripts\": {\"start\": \"node a.js\"}}"), ("a.js", "listen(8080)\n")];
        assert_eq!(found(&node).start, Some(command("npm start --silent --", Some(FIXED_ADDR))));
    }

    #[test]
    fn a_command_is_preferred_to_an_image() {
        let files = [("Dockerfile", "FROM scratch\n"), ("Procfile", "worker: b\nweb: ./run $PORT\n")];
        assert_eq!(found(&files).start, Some(command("PORT={port} ./run {port}", None)));
        assert!(matches!(found(&files[..1]).start, Some(Start::Image { .. })));
        assert_eq!(found(&[("README", "PORT\n")]), Found::default());
    }

    #[test]
    fn other_words_are_no_port() {
        assert!(reads_variable("process.env.PORT || 8080"));
        assert!(reads_variable("ENV PORT=8080"));
        assert!(!reads_variable("let SUPPORT = env::args();"));
        assert!(!reads_variable("const PORT = 8080;"));
        assert!(!reads_flag("the port"));
    }
}
