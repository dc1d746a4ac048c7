//! Errors that prevent the service from starting.

use std::io;
use std::path::PathBuf;

use protocol::wisdom::token::DerivationError;

use super::key_file::InvalidKeyFile;

/// The reason why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret file is invalid.
    #[error("the secret file {} is invalid: {problem}", path.display())]
    SecretFile {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong with it.
        problem: InvalidKeyFile,
    },
    /// No key can be derived from a secret.
    #[error("no key can be derived from the secret: {0}")]
    Derivation(#[from] DerivationError),
    /// The operating system returned no random bytes.
    #[error("the operating system returned no random bytes: {0}")]
    Randomness(String),
    /// The thread that fetches quotations cannot be created.
    #[error("cannot create the thread that fetches quotations: {0}")]
    Thread(#[from] io::Error),
}
