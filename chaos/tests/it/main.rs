//! Tests of the chaos binary: correct servers, which it must not accuse, mutants, which it must, and its command line.

mod command_line;
mod correct_servers;
mod dependency;
mod mutants;
mod proxy;
mod reproductions;
mod support;
mod undoing;
