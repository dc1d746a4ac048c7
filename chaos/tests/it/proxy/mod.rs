//! Tests of `chaos proxy`, the command.

mod clients;
mod command_line;
mod support;
