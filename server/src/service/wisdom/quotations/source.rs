//! An outside source of quotations: a URL that is asked over HTTP or HTTPS, within bounds.

use std::fmt;
use std::time::Duration;

use protocol::wisdom::messages::Quotation;
use ureq::http::Uri;
use ureq::{Agent, Timeout};

use super::answer::{self, NoQuotation};

/// The longest body of an answer, in bytes.
const BODY_BYTES_MAX: u64 = 64 * 1024;

/// The longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How often an answer may send us elsewhere.
const REDIRECTS_MAX: u32 = 3;

/// A URL that is none to fetch quotations from. It does not show the URL, which may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a source of quotations is a URL with http:// or https:// and a host")]
pub struct NoUrl;

/// Checks a URL, and brings what may be shown of it: scheme, host and port, for the rest may hold a key.
///
/// # Errors
/// It is none to fetch from.
pub fn label(url: &str) -> Result<String, NoUrl> {
    let uri: Uri = url.parse().map_err(|_| NoUrl)?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or(NoUrl)?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(NoUrl)?;
    Ok(uri
        .port_u16()
        .map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}

/// The same for any text: of one that is no URL nothing is shown.
pub(super) fn shown(url: &str) -> String {
    label(url).unwrap_or_else(|NoUrl| "invalid".to_owned())
}

/// Why a source brought nothing. Nothing of its URL is shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it took too long ({0})")]
    Timeout(Timeout),
    #[error("its answer has more than {BODY_BYTES_MAX} bytes")]
    TooLong,
    #[error("it sends us elsewhere more than {REDIRECTS_MAX} times, or to nowhere")]
    Redirects,
    #[error("it cannot be reached: {0}")]
    Io(std::io::Error),
    #[error("its host is not known")]
    Host,
    #[error("it does not speak HTTP, or its certificate does not hold")]
    Protocol,
    #[error(transparent)]
    Answer(#[from] NoQuotation),
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::StatusCode(status) => Self::Status(status),
            ureq::Error::Timeout(which) => Self::Timeout(which),
            ureq::Error::BodyExceedsLimit(_) => Self::TooLong,
            ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => Self::Redirects,
            ureq::Error::Io(error) => Self::Io(error),
            ureq::Error::HostNotFound | ureq::Error::BadUri(_) => Self::Host,
            _ => Self::Protocol,
        }
    }
}

/// One URL, and the connections that are kept to it.
pub(super) struct Source {
    url: String,
    label: String,
    agent: Agent,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.label).finish()
    }
}

impl Source {
    /// A source whose answers may take this long in all, redirects included.
    pub(super) fn new(url: String, fetch_timeout: Duration) -> Self {
        let label = shown(&url);
        let mut config = Agent::config_builder()
            .timeout_global(Some(fetch_timeout))
            .max_redirects(REDIRECTS_MAX)
            .max_response_header_size(HEAD_BYTES_MAX)
            .max_idle_connections(1)
            .user_agent("gauntlet")
            .accept("application/json")
            // What was asked for in secret is not asked for in the open.
            .https_only(label.starts_with("https:"));
        if is_on_this_machine(&url) {
            config = config.proxy(None);
        }
        Self { url, label, agent: config.build().into() }
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Asks once. Brings at least one quotation.
    pub(super) fn fetch(&self) -> Result<Vec<Quotation>, Failure> {
        let mut answer = self.agent.get(&self.url).call()?;
        let body = answer.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?;
        Ok(answer::read(&body)?)
    }
}

/// Whether the way there passes no proxy, whatever the environment says.
fn is_on_this_machine(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    uri.host().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_shows_no_secret() {
        for (url, expected) in [
            ("https://quotes.example/random?key=secret#x", "https://quotes.example"),
            ("http://user:secret@quotes.example:8080/random/secret", "http://quotes.example:8080"),
            ("http://[::1]:7/", "http://[::1]:7"),
        ] {
            assert_eq!(label(url).as_deref(), Ok(expected), "{url}");
        }
        for url in ["", "quotes.example", "/secret", "ftp://quotes.example/", "file:///etc/passwd", "http://"]
        {
            assert_eq!(label(url), Err(NoUrl), "{url}");
        }
    }

    #[test]
    fn a_url_that_is_none_fails_and_is_not_shown() {
        let source = Source::new("secret".into(), Duration::from_secs(1));
        assert_eq!(source.label(), "invalid");
        assert!(!source.fetch().unwrap_err().to_string().contains("secret"));
        assert!(!format!("{source:?}").contains("secret"));
    }
}
