//! `chaos proxy`: one proxy, the API for Toxiproxy's clients, or both.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::sync::Arc;

use clap::{ArgGroup, Args};
use proxy::{Observer, Proxies, ProxiesError, ProxyRequest, Toxic, ToxicError, api, parse_toxic};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

/// The name of the proxy that the command line describes.
const NAME: &str = "proxy";

/// Proxy that injects network faults between clients and a TCP service
///
/// Each fault is logged in one line on standard error.
#[derive(Clone, Debug, Args)]
#[command(after_help = TOXICS)]
#[command(group = ArgGroup::new("where").args(["listen", "api"]).required(true).multiple(true))]
pub(crate) struct ProxyFlags {
    /// Address on which clients connect; with port 0 a free port, which the first line of output names
    #[arg(long, value_name = "HOST:PORT", requires = "upstream")]
    pub(crate) listen: Option<String>,

    /// Address of the service
    #[arg(long, value_name = "HOST:PORT", requires = "listen")]
    pub(crate) upstream: Option<String>,

    /// Fault to inject, [STREAM.]TYPE[:KEY=VALUE[,KEY=VALUE…]]; several are applied in order
    #[arg(long = "toxic", value_name = "TOXIC", value_parser = parse_toxic, requires = "listen")]
    pub(crate) toxics: Vec<Toxic>,

    /// Seed for all random draws; printed; default: random
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Address on which to serve Toxiproxy's HTTP API
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) api: Option<String>,
}

const TOXICS: &str = "\
Toxics (STREAM is downstream, to the client, or upstream; default: downstream):
  latency:latency=MS,jitter=MS    delays all data
  bandwidth:rate=KB_PER_SECOND    limits the rate
  slow_close:delay=MS             delays the end of the stream
  timeout:timeout=MS              discards data; closes after that time, or never if 0
  reset_peer:timeout=MS           resets after that time
  slicer:average_size=BYTES,size_variation=BYTES,delay=µS
                                  cuts data into pieces, with pauses
  limit_data:bytes=N              closes after N bytes
  packet_loss:loss_rate=P,correlation=P
                                  discards a chunk with this probability, which grows
                                  by the correlation after a loss
  noop                            changes nothing
  joining:delay=MS                collects data and sends it at once
  corruption:probability=P        flips one bit of a byte with this probability
  black_hole                      discards data and holds back the end of the stream
  down                            closes open and new connections
All toxics also accept toxicity=P (the fraction of connections, 0 to 1), name=NAME and stream=STREAM.";

/// The reason why the proxy cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The proxy cannot listen.
    #[error(transparent)]
    Proxy(#[from] ProxiesError),
    /// Two toxics have the same name.
    #[error("--toxic {name}: {source}; set another name with name=…")]
    Toxic {
        /// The name.
        name: String,
        /// The reason.
        source: ToxicError,
    },
    /// The API cannot listen.
    #[error("cannot listen on {addr}: {source}")]
    Api {
        /// The address as given.
        addr: String,
        /// The system's error.
        source: io::Error,
    },
    /// The output cannot be written, or signals cannot be handled.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs until SIGINT or SIGTERM. Prints the addresses and the seed to `out`.
///
/// # Errors
/// An address is unavailable, or two toxics have the same name.
pub(crate) async fn run(
    flags: ProxyFlags,
    observer: Arc<dyn Observer>,
    mut out: impl Write,
) -> Result<(), Error> {
    let stopped = stop_signal()?;
    let seed = flags.seed.unwrap_or_else(random_seed);
    let mut proxies = Proxies::new(seed, observer);
    if flags.listen.is_some() {
        let request = ProxyRequest {
            name: Some(NAME.to_owned()),
            listen: flags.listen,
            upstream: flags.upstream,
            enabled: Some(false),
        };
        let proxy = proxies.create(request).await?;
        for toxic in flags.toxics {
            let name = toxic.name.clone();
            proxy.add_toxic(toxic).map_err(|source| Error::Toxic { name, source })?;
        }
        // Enabled last, so that the toxics apply to the first client.
        let proxy =
            proxies.update(NAME, ProxyRequest { enabled: Some(true), ..ProxyRequest::default() }).await?;
        writeln!(out, "proxy    {} to {}", proxy.listen(), proxy.upstream())?;
    }
    let api = match flags.api {
        Some(addr) => Some(TcpListener::bind(&addr).await.map_err(|source| Error::Api { addr, source })?),
        None => None,
    };
    if let Some(api) = &api {
        writeln!(out, "api      {}", api.local_addr()?)?;
    }
    writeln!(out, "options  --seed {seed}")?;
    out.flush()?;
    let proxies = Arc::new(Mutex::new(proxies));
    let serving = async {
        match api {
            Some(listener) => api::serve(listener, Arc::clone(&proxies)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = serving => {}
        () = stopped => {}
    }
    Ok(())
}

/// Returns a random seed that is short enough to type.
fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}

fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
