//! Sources over HTTPS, with certificates that are made for each test.
#![cfg(feature = "sources")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::failure::Failure;
use super::fetch::Agent;
use super::source::Source;

/// Time limit of each wait.
const WAIT_MAX: Duration = Duration::from_secs(30);

const BODY: &str = r#"{"quote":"Q","author":"A"}"#;

/// A self-signed certificate and its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// Creates an identity for a host, valid until the end of this year.
fn identity(host: &str, valid_until: i32) -> Identity {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.not_after = date_time_ymd(valid_until, 12, 31);
    let key = KeyPair::generate().unwrap();
    Identity { certificate: params.self_signed(&key).unwrap(), key }
}

/// A server that answers one request with `answer`, unless the client rejects its certificate.
struct Outside {
    url: String,
    thread: JoinHandle<()>,
}

impl Outside {
    fn start(identity: &Identity, answer: String) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![identity.certificate.der().clone()],
                PrivatePkcs8KeyDer::from(identity.key.serialize_der()).into(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/random?key=secret", listener.local_addr().unwrap());
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let lines = BufReader::new(&mut stream).lines().map_while(Result::ok);
            let head_lines = lines.take_while(|line| !line.is_empty()).count();
            if head_lines > 0 {
                stream.write_all(answer.as_bytes()).unwrap();
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
        });
        Self { url, thread }
    }

    /// Fetches once, with this certificate as the only trusted one.
    fn fetch(self, trusted: &Identity) -> Result<String, Failure> {
        let trusted = Certificate::from_der(trusted.certificate.der()).to_owned();
        let roots = RootCerts::new_with_certs(&[trusted]);
        let tls = TlsConfig::builder().root_certs(roots).build();
        let fetched = Source::with_agent(self.url, |is_local, https_only| {
            Agent::with_tls(WAIT_MAX, is_local, https_only, tls)
        })
        .fetch();
        self.thread.join().unwrap();
        fetched.map(|quotations| quotations[0].quote.clone())
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

#[test]
fn a_source_with_a_trusted_certificate_is_used() {
    let identity = identity("127.0.0.1", 2099);
    let outside = Outside::start(&identity, answer("200 OK", "", BODY));
    assert_eq!(outside.fetch(&identity).unwrap(), "Q");
}

#[test]
fn a_source_with_an_invalid_certificate_is_rejected() {
    for (host, valid_until, is_trusted) in [
        ("127.0.0.1", 2099, false),
        ("127.0.0.2", 2099, true),
        ("quotes.example", 2099, true),
        ("127.0.0.1", 2001, true),
    ] {
        let own = identity(host, valid_until);
        let trusted = if is_trusted { &own } else { &identity("127.0.0.1", 2099) };
        let failure = Outside::start(&own, answer("200 OK", "", BODY)).fetch(trusted).unwrap_err();
        assert!(matches!(failure, Failure::Protocol | Failure::Io(_)), "{host} {valid_until}: {failure:?}");
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
}

/// The redirect would reveal the key in the URL, and anybody could change the quotation.
#[test]
fn a_redirect_from_https_to_http_is_not_followed() {
    let identity = identity("127.0.0.1", 2099);
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("location: http://{}/\r\n", plain.local_addr().unwrap());
    let failure = Outside::start(&identity, answer("302 Found", &location, "")).fetch(&identity).unwrap_err();
    assert!(matches!(failure, Failure::Protocol | Failure::Redirects), "{failure:?}");
    plain.set_nonblocking(true).unwrap();
    assert!(plain.accept().is_err(), "the client has followed the redirect");
}
