//! `cargo ci`: everything that continuous integration and developers run on this workspace.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool reports to the terminal")]

mod bench;
mod binaries;
mod built_tests;
mod cargo;
mod chaos;
mod command_line;
mod components;
mod controls;
mod correct_servers;
mod detection;
mod dist;
mod docker;
mod docs;
mod example_servers;
mod failure;
mod files;
mod full;
mod http;
mod images;
mod json_report;
mod module_cycles;
mod mutant_list;
mod mutant_runs;
mod mutant_table;
mod operations;
mod packages;
mod parallel;
mod pictures;
mod process;
mod prometheus;
mod proxy_clients;
mod site;
mod site_links;
mod statistics;
mod steps;
mod sweep;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::command_line::{CommandLine, Task};
use crate::failure::Failure;
use crate::workspace::Workspace;

fn main() -> ExitCode {
    match run(CommandLine::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo ci: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Failure> {
    let workspace = Workspace::find();
    match task {
        Task::Test(flags) => steps::run("test", test::STEPS, &flags, &workspace),
        Task::Full(flags) => steps::run("full", full::STEPS, &flags, &workspace),
        Task::Bench(flags) => bench::run(&workspace, &flags),
        Task::Mutants(flags) => mutant_runs::run(&workspace, &flags),
        Task::Chaos(flags) => chaos::run(&workspace, &flags),
        Task::Controls(flags) => controls::run(&workspace, &flags),
        Task::Correct(flags) => correct_servers::run(&workspace, &flags),
        Task::Examples(flags) => example_servers::run(&workspace, &flags),
        Task::Images { from_source: false } => images::build_shipped(&workspace),
        Task::Images { from_source: true } => images::build_from_source(&workspace),
        Task::Dist { directory } => {
            let directory = directory.unwrap_or_else(|| workspace.target.join("archives"));
            dist::run(&workspace, &directory)
        }
        Task::Sweep => sweep::run(),
        Task::Site { directory } => {
            site::run(&workspace, &directory.unwrap_or_else(|| workspace.target.join("site")))
        }
        Task::Pictures => pictures::run(&workspace),
        Task::Docs { check } => docs::run(&workspace, check),
    }
}
