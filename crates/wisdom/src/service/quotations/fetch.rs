//! HTTP requests to outside sources, within limits.

use std::time::Duration;

use ureq::tls::TlsConfig;

use super::failure::{BODY_BYTES_MAX, Failure, REDIRECTS_MAX};

/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// An HTTP client for one source, which keeps a connection to it.
pub(super) struct Agent(ureq::Agent);

impl Agent {
    /// Creates a client. An answer, including redirects, may take `timeout`. `is_local` bypasses the proxies of the
    /// environment, and `https_only` rejects redirects to HTTP.
    pub(super) fn new(timeout: Duration, is_local: bool, https_only: bool) -> Self {
        Self::with_tls(timeout, is_local, https_only, TlsConfig::default())
    }

    /// The same with other settings of TLS, such as the trusted certificates.
    pub(super) fn with_tls(timeout: Duration, is_local: bool, https_only: bool, tls: TlsConfig) -> Self {
        let mut config = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(timeout))
            .max_redirects(REDIRECTS_MAX)
            .max_response_header_size(HEAD_BYTES_MAX)
            .max_idle_connections(1)
            .user_agent("gauntlet")
            .accept("application/json")
            .https_only(https_only);
        if is_local {
            config = config.proxy(None);
        }
        Self(config.build().into())
    }

    /// Fetches the body of a URL.
    pub(super) fn get(&self, url: &str) -> Result<Vec<u8>, Failure> {
        let mut answer = self.0.get(url).call()?;
        Ok(answer.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?)
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::StatusCode(status) => Self::Status(status),
            ureq::Error::Timeout(which) => Self::Timeout(which.to_string()),
            ureq::Error::BodyExceedsLimit(_) => Self::TooLong,
            ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => Self::Redirects,
            ureq::Error::Io(error) => Self::Io(error),
            ureq::Error::HostNotFound | ureq::Error::BadUri(_) => Self::Host,
            _ => Self::Protocol,
        }
    }
}
