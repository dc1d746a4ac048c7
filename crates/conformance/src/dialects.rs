//! The wires of the protocols, as cases have to know them.

pub mod index;
pub mod wisdom;
