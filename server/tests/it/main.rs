//! The server from outside: its index against the model, its bytes on a socket, its limits, its command line.

mod admin;
mod against_model;
mod binary;
mod command_line;
mod deadlines;
mod limits;
mod log;
mod raw_bytes;
mod scripted;
mod settings;
mod support;
mod wisdom;
mod wisdom_client;
