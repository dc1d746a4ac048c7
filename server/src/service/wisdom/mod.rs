//! Quotations for a proof of work, WOW/1.

pub mod quotations;
