//! Request scripts: requests of several clients, as a file stores them and as a failing run is reduced to.

mod change;
mod file;
mod script;

pub use change::{LeadingRequests, Place};
pub use file::{BYTES_MAX, Error};
pub use script::RequestScript;
