//! The harness from outside: its output, its exit codes, and servers that are wrong on purpose.

mod command_line;
mod contention;
mod exec;
mod guide;
mod image;
mod judging;
mod plan;
mod replay;
mod reports;
mod right_servers;
mod selection;
mod support;
mod wisdom;
mod wrong_servers;
mod zoo;
