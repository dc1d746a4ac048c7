//! Tests of the harness from outside: its output, its exit codes, and defective servers.

mod attribution;
mod catalogues;
mod command_line;
mod contention;
mod correct_servers;
mod defective_servers;
mod exec;
mod guide;
mod image;
mod interruption;
mod judging;
mod matrix;
mod plan;
mod repetition;
mod replay;
mod reports;
mod reproductions;
mod selection;
mod support;
mod wisdom;
mod zoo;
