//! Chaos from outside: right servers that it must not accuse, wrong ones that it must, and its command line.

mod command_line;
mod proxy;
mod right_servers;
mod support;
mod undoing;
mod wrong_servers;
