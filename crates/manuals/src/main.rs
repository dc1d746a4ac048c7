//! `manuals DIR` writes the manual pages (`DIR/man`) and the shell completions (`DIR/completions`) of all programs.
//!
//! It is a program of its own, so that those that ship do not contain the generators.
#![expect(clippy::print_stderr, reason = "a command-line tool reports to the terminal")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_complete::{Shell, generate_to};

/// The shells for which completions are written.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("manuals: name the directory: manuals DIR");
        return ExitCode::from(2);
    };
    match write_all(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("manuals: cannot write to {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes the files of all programs. Directories that do not exist are created.
///
/// # Errors
/// A file cannot be written.
fn write_all(directory: &Path) -> io::Result<()> {
    let (pages, completions) = (directory.join("man"), directory.join("completions"));
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    for mut program in programs() {
        let name = program.get_name().to_owned();
        for shell in SHELLS {
            generate_to(shell, &mut program, &name, &completions)?;
        }
        clap_mangen::generate_to(program.disable_help_subcommand(true), &pages)?;
    }
    Ok(())
}

/// Returns the command lines of the programs that ship.
fn programs() -> [Command; 4] {
    [
        harness::command::definition(),
        chaos::command::definition(),
        server::index_command::definition(),
        wisdom::command_line::definition(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        write_all(directory.path()).unwrap();
        directory
    }

    /// Returns the words of a text, without the marks of roff.
    fn words(text: &str) -> Vec<String> {
        let plain = ["\\fB", "\\fI", "\\fR"]
            .iter()
            .fold(text.replace("\\*(Aq", "'"), |plain, font| plain.replace(font, ""));
        let plain = plain.replace('\\', "");
        plain
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Calls `check` with each command and subcommand, and the name of its page.
    fn each_command(command: &Command, name: &str, check: &mut impl FnMut(&Command, &str)) {
        check(command, name);
        for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
            each_command(subcommand, &format!("{name}-{}", subcommand.get_name()), check);
        }
    }

    #[test]
    fn a_page_has_all_that_the_help_says() {
        let directory = written();
        for mut program in programs() {
            program = program.disable_help_subcommand(true);
            program.build();
            let name = program.get_name().to_owned();
            each_command(&program, &name, &mut |command, name| {
                let page = fs::read_to_string(directory.path().join(format!("man/{name}.1"))).unwrap();
                let page = words(&page).join(" ");
                let texts = command
                    .get_arguments()
                    .filter(|argument| !argument.is_hide_set() && argument.get_id() != "help")
                    .filter_map(|argument| argument.get_help())
                    .chain([command.get_about(), command.get_after_help()].into_iter().flatten());
                for text in texts {
                    let text = words(&text.to_string()).join(" ");
                    assert!(page.contains(&text), "{name}.1 lacks: {text}");
                }
                for flag in command.get_arguments().filter_map(|argument| argument.get_long()) {
                    let flag = words(flag).join(" ");
                    assert!(page.contains(&flag), "{name}.1 lacks --{flag}");
                }
            });
        }
    }

    #[test]
    fn completions_exist_for_each_shell() {
        let directory = written();
        for file in ["harness.bash", "_harness", "harness.fish", "chaos.bash", "_server", "wisdom.fish"] {
            let text = fs::read_to_string(directory.path().join("completions").join(file)).unwrap();
            let program = file.trim_start_matches('_').split('.').next().unwrap();
            assert!(text.contains(program), "{file}");
        }
        let bash = fs::read_to_string(directory.path().join("completions/harness.bash")).unwrap();
        assert!(bash.contains("--concurrency") && bash.contains("explain"));
    }
}
