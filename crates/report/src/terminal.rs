//! The report as text for a terminal.

mod items;
mod run;

pub use items::{write_finding, write_items};
pub(crate) use items::{write_ids, write_line};
pub use run::{
    EXPLAIN_COMMAND, write_clauses, write_fixture, write_head, write_options, write_outcome, write_pace,
    write_plan,
};
