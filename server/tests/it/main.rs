//! The server from outside: its index against the model, its bytes on a socket, its command line.

mod against_model;
mod command_line;
mod deadlines;
mod raw_bytes;
mod support;
