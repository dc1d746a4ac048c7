//! An outside source of quotations: a URL that is fetched over HTTP or HTTPS.

use std::fmt;
use std::time::Duration;

use protocol::wisdom::messages::Quotation;

use super::answer;
use super::failure::Failure;
use super::fetch::Agent;

/// A text that is not the URL of a source. The error does not contain it, because it may contain a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URL of a source needs http:// or https:// and a host")]
pub struct InvalidUrl;

/// Checks a URL, and returns its public part: scheme, host and port. The rest may contain a key.
///
/// # Errors
/// Returns [`InvalidUrl`] unless the URL has the scheme HTTP or HTTPS and a host.
pub fn label(url: &str) -> Result<String, InvalidUrl> {
    let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // An IPv6 address is in brackets and contains colons.
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[]:%".contains(&byte);
    let is_valid = ["http", "https"].contains(&scheme)
        && !host.is_empty()
        && host.bytes().all(is_host_byte)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_valid { Ok(format!("{scheme}://{host_and_port}")) } else { Err(InvalidUrl) }
}

/// Returns the public part of any text.
pub(super) fn shown(url: &str) -> String {
    label(url).unwrap_or_else(|InvalidUrl| "invalid".to_owned())
}

/// A source with its HTTP client.
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
    /// Creates a source. Its answers, including redirects, may take `fetch_timeout`.
    pub(super) fn new(url: String, fetch_timeout: Duration) -> Self {
        Self::with_agent(url, |is_local, https_only| Agent::new(fetch_timeout, is_local, https_only))
    }

    /// Creates a source whose client is created from two properties of the URL: whether it is on this host, and
    /// whether it has the scheme HTTPS.
    pub(super) fn with_agent(url: String, agent: impl FnOnce(bool, bool) -> Agent) -> Self {
        let label = shown(&url);
        // A request over HTTPS must not be redirected to HTTP.
        let agent = agent(is_local(&label), label.starts_with("https:"));
        Self { url, label, agent }
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Fetches at least one quotation.
    pub(super) fn fetch(&self) -> Result<Vec<Quotation>, Failure> {
        Ok(answer::read(&self.agent.get(&self.url)?)?)
    }
}

/// Reports whether the source is on this host, where no proxy applies.
fn is_local(label: &str) -> bool {
    let host = label.split_once("://").map_or("", |(_, host)| host);
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|port| port.is_empty() || port.starts_with(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_contains_no_secret() {
        for (url, expected) in [
            ("https://quotes.example/random?key=secret#x", "https://quotes.example"),
            ("http://user:secret@quotes.example:8080/random/secret", "http://quotes.example:8080"),
            ("http://[::1]:7/", "http://[::1]:7"),
            ("http://[::1]?key=secret", "http://[::1]"),
        ] {
            assert_eq!(label(url).as_deref(), Ok(expected), "{url}");
        }
        for url in [
            "",
            "quotes.example",
            "/secret",
            "ftp://quotes.example/",
            "file:///etc/passwd",
            "http://",
            "http://:80/",
            "http://quotes.example:port/",
            "http://two words/",
            "http://quotes.example/two words",
        ] {
            assert_eq!(label(url), Err(InvalidUrl), "{url}");
        }
    }

    #[test]
    fn proxies_do_not_apply_to_this_host() {
        for (label, expected) in [
            ("http://localhost", true),
            ("https://127.0.0.1:80", true),
            ("http://[::1]:80", true),
            ("http://127.0.0.10", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_local(label), expected, "{label}");
        }
    }

    #[test]
    fn an_invalid_url_fails_and_is_not_shown() {
        let source = Source::new("secret".into(), Duration::from_secs(1));
        assert_eq!(source.label(), "invalid");
        assert!(!source.fetch().unwrap_err().to_string().contains("secret"));
        assert!(!format!("{source:?}").contains("secret"));
    }
}
