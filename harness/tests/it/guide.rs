//! Executes the commands of the user guide, `docs/guide/*.md`; `docs/guide/README.md` documents the conventions.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support;

/// The directory of the guide.
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide");
/// The address of a correct server on every page.
const CORRECT: &str = "127.0.0.1:8080";
/// The address of a defective server on every page.
const DEFECTIVE: &str = "127.0.0.1:8081";
/// An address on which a command of the page itself listens.
const FREE: &str = "127.0.0.1:7000";
/// The time limit of one block.
const BLOCK_TIME_MAX: Duration = Duration::from_secs(90);
/// The exit status of a block in which a line has an unexpected exit status.
const UNEXPECTED: i32 = 99;

/// Declares one test for each page, and the list of the pages that have one.
macro_rules! pages {
    ($($test:ident $file:literal $server:expr;)*) => {
        $(
            #[test]
            fn $test() {
                run_page($file, &$server);
            }
        )*
        /// The pages that have a test.
        const TESTED: &[&str] = &[$($file),*];
    };
}

pages! {
    index "README.md" INDEX;
    judge_a_server "judge-a-server.md" INDEX;
    judge_an_image "judge-an-image.md" INDEX;
    ci_gate "ci-gate.md" INDEX;
    select_cases "select-cases.md" INDEX;
    known_failures "known-failures.md" INDEX;
    configuration_file "configuration-file.md" INDEX;
    read_a_report "read-a-report.md" INDEX;
    compare_implementations "compare-implementations.md" INDEX;
    compare_many "compare-many.md" INDEX;
    find_a_race "find-a-race.md" INDEX;
    record_and_rejudge "record-and-rejudge.md" INDEX;
    many_seeds "many-seeds.md" INDEX;
    own_package_graph "own-package-graph.md" INDEX;
    mutants "mutants.md" INDEX;
    break_a_server "break-a-server.md" INDEX;
    network_proxy "network-proxy.md" INDEX;
    second_protocol "second-protocol.md" WISDOM;
    reference_server "reference-server.md" INDEX;
    images_and_compose "images-and-compose.md" INDEX;
    benchmarks "benchmarks.md" INDEX;
}

/// The sample of README.md is what the harness prints today, except for the shortened reproduction and the address.
#[test]
fn the_sample_of_the_readme_is_current() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let addr = support::zoo("update-keeps-old-list").to_string();
    let output = support::harness(&["--addr", &addr, "--seed", "3", "--only", "index/S2/2"]);
    let lines = output.stdout.lines().skip_while(|line| !line.starts_with("fail "));
    let sample: Vec<&str> = lines.take_while(|line| !line.starts_with("  reproduce")).collect();
    assert!(sample.len() > 5, "{}", output.stdout);
    assert!(readme.contains(&sample.join("\n")), "README.md does not contain:\n{}", sample.join("\n"));
}

/// The server at the address [`CORRECT`]: a program and its arguments.
struct CorrectServer(&'static [&'static str]);

const INDEX: CorrectServer = CorrectServer(&["server", "--addr", "127.0.0.1:0"]);
const WISDOM: CorrectServer =
    CorrectServer(&["wisdom", "serve", "--addr", "127.0.0.1:0", "--difficulty=10", "--difficulty-min=10"]);

#[test]
fn every_page_has_a_test_and_is_in_the_index() {
    let pages: BTreeSet<String> = fs::read_dir(GUIDE)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let tested: BTreeSet<String> = TESTED.iter().copied().map(str::to_owned).collect();
    assert_eq!(pages, tested, "docs/guide and the list of pages in harness/tests/it/guide.rs differ");
    let index = read("README.md");
    for page in pages.iter().filter(|page| *page != "README.md") {
        assert!(index.contains(&format!("({page})")), "docs/guide/README.md has no link to {page}");
    }
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    let link = regex_lite::Regex::new(r"\]\(([^)#:]+)(#[^)]*)?\)").unwrap();
    for page in TESTED {
        for found in link.captures_iter(&read(page)) {
            let path = Path::new(GUIDE).join(&found[1]);
            assert!(path.exists(), "docs/guide/{page} links to {}, which does not exist", &found[1]);
        }
    }
}

#[test]
fn blocks_are_found_with_their_lines() {
    let page = "text\n```sh\na\nb\n```\n```sh no-run\nc\n```\n```text\nd\n```\n```sh\ne\n```\n";
    let blocks: Vec<(usize, String)> = blocks(page).into_iter().map(|b| (b.line, b.text)).collect();
    assert_eq!(blocks, [(2, "a\nb\n".to_owned()), (12, "e\n".to_owned())]);
}

#[test]
fn a_stated_exit_status_is_checked() {
    let run = |text: &str| {
        let script = script(text);
        Command::new("sh").args(["-e", "-c", &script]).stderr(Stdio::null()).status().unwrap().code().unwrap()
    };
    assert_eq!(run("true\nfalse \\\n  more  # exit 1\ntrue\n"), 0);
    assert_eq!(run("true  # exit 1\n"), UNEXPECTED);
    assert_eq!(run("true  # exit 0 or 3\nfalse  # exit 0 or 3\n"), UNEXPECTED);
    assert_eq!(run("(exit 3)  # exit 0 or 3\n"), 0);
    assert_eq!(run("false\ntrue\n"), 1);
    assert_eq!(run("true  # a comment\n"), 0);
}

/// Executes all blocks of a page, one after the other, in one temporary directory.
fn run_page(file: &str, server: &CorrectServer) {
    let page = read(file);
    let blocks = blocks(&page);
    if blocks.is_empty() {
        return;
    }
    let binaries = binaries();
    let mut addresses = Vec::new();
    let mut running = None;
    if page.contains(CORRECT) {
        let (child, addr) = start(&binaries, server);
        running = Some(child);
        addresses.push((CORRECT, addr));
    }
    if page.contains(DEFECTIVE) {
        addresses.push((DEFECTIVE, support::zoo("update-merges").to_string()));
    }
    if page.contains(FREE) {
        addresses.push((FREE, free_address()));
    }
    let directory = tempfile::tempdir().unwrap();
    for block in blocks {
        let text = addresses
            .iter()
            .fold(block.text.clone(), |text, (written, actual)| text.replace(written, actual));
        if let Err(problem) = run_block(&text, &binaries, directory.path()) {
            panic!("docs/guide/{file}, block at line {}: {problem}", block.line);
        }
    }
    drop(running);
}

/// Executes one block and returns the reason if it fails.
fn run_block(text: &str, binaries: &Path, directory: &Path) -> Result<(), String> {
    let mut output = tempfile::tempfile().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &script(text)]).current_dir(directory).env("PATH", path);
    shell.env_remove("GITHUB_STEP_SUMMARY").stdin(Stdio::null());
    shell.stdout(output.try_clone().unwrap()).stderr(output.try_clone().unwrap());
    // A group of its own, so that processes in the background end with the block.
    let mut shell = Group(shell.process_group(0).spawn().unwrap());
    let status = shell.wait(BLOCK_TIME_MAX);
    drop(shell);
    let problem = match status {
        Some(0) => return Ok(()),
        Some(status) => format!("exit status {status}"),
        None => format!("not finished after {} s", BLOCK_TIME_MAX.as_secs()),
    };
    let mut said = String::new();
    std::io::Seek::rewind(&mut output).unwrap();
    output.read_to_string(&mut said).unwrap();
    Err(format!("{problem}\n--- commands\n{text}--- output\n{said}"))
}

/// A process group, which is killed on drop.
struct Group(Child);

impl Group {
    /// Waits for the first process of the group and returns its exit status; `None` if the time is over first.
    fn wait(&mut self, time_max: Duration) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < time_max {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It fails if no process of the group is left.
        let _ = rustix::process::kill_process_group(
            rustix::process::Pid::from_child(&self.0),
            rustix::process::Signal::KILL,
        );
        let _ = self.0.wait();
    }
}

/// Starts a server on a free port and returns its address.
fn start(binaries: &Path, server: &CorrectServer) -> (Group, String) {
    let (program, arguments) = server.0.split_first().unwrap();
    let mut command = Command::new(binaries.join(program));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Group(command.process_group(0).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addr = line.split_whitespace().find(|word| word.starts_with("127.0.0.1:"));
    let addr = addr.unwrap_or_else(|| panic!("`{}` printed no address: {line:?}", server.0.join(" ")));
    (child, addr.to_owned())
}

/// Returns an address on which nothing listens, outside the range of ports that the system assigns by itself.
fn free_address() -> String {
    let first = 20_000 + u16::try_from(std::process::id() % 8_000).unwrap();
    let port = (first..first + 1_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    format!("127.0.0.1:{port}")
}

/// Returns the directory of the binaries of the workspace.
fn binaries() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_harness")).parent().unwrap().to_owned();
    let directory = std::env::var_os("GAUNTLET_BIN_DIR").map_or_else(built, PathBuf::from);
    let directory = directory.canonicalize().unwrap_or(directory);
    let missing: Vec<&str> = ["harness", "chaos", "server", "wisdom", "zoo"]
        .into_iter()
        .filter(|binary| File::open(directory.join(binary)).is_err())
        .collect();
    assert!(
        missing.is_empty(),
        "{} does not contain {}: run `cargo build --workspace` (with the profile of this test), or set GAUNTLET_BIN_DIR",
        directory.display(),
        missing.join(", ")
    );
    directory
}

/// Commands of a page.
struct Block {
    /// The line of the page on which the block begins, from 1.
    line: usize,
    text: String,
}

/// Returns the blocks of a page that are executed: those with the info string `sh`, exactly.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if !line.starts_with("```") {
            continue;
        }
        let content = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
        let text: String = content.flat_map(|line| [line, "\n"]).collect();
        if line == "```sh" {
            blocks.push(Block { line: number + 1, text });
        }
    }
    blocks
}

/// Returns the script of a block: a line that ends in `# exit N` ends the script unless its exit status is N. `# exit N or M`
/// permits two.
fn script(text: &str) -> String {
    let mut script = String::new();
    let joined = text.replace("\\\n", " ");
    for line in joined.lines() {
        let stated = line
            .rsplit_once("# exit ")
            .filter(|(_, statuses)| statuses.split(" or ").all(|status| status.trim().parse::<u8>().is_ok()));
        if let Some((command, statuses)) = stated {
            let pattern = statuses.trim().replace(" or ", "|");
            let check = format!(
                "if {command}\nthen actual=0; else actual=$?; fi\n\
                 case $actual in {pattern}) ;; *) echo \"exit status $actual, expected {statuses}\" >&2; exit {UNEXPECTED} ;; esac\n"
            );
            script.push_str(&check);
        } else {
            script.push_str(line);
            script.push('\n');
        }
    }
    script
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(GUIDE).join(file)).unwrap()
}
