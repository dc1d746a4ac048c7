//! Tests of both checks against literal, random and simulated histories.

mod agreement;
mod defects;
mod frontiers;
mod interval_check;
mod large;
mod naive;
mod races;
mod search;
mod simulated;
mod text;
