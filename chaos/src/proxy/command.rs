//! `chaos proxy`: a proxy for a terminal, and the API for Toxiproxy's clients.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::sync::Arc;

use clap::{ArgGroup, Args};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use super::fault::Observer;
use super::proxies::{Proxies, ProxiesError, Wanted};
use super::toxic::{Toxic, ToxicError};
use super::{api, parse_toxic};

/// The name of the proxy that the command line describes.
const NAME: &str = "proxy";

/// Stand between clients and a service, and make the network worse on purpose
///
/// Each fault is a line on standard error.
#[derive(Clone, Debug, Args)]
#[command(after_help = TOXICS)]
#[command(group = ArgGroup::new("where").args(["listen", "api"]).required(true).multiple(true))]
pub struct ProxyFlags {
    /// Where clients connect; with port 0 a free one, which the first line of the output names
    #[arg(long, value_name = "HOST:PORT", requires = "upstream")]
    pub listen: Option<String>,

    /// The service
    #[arg(long, value_name = "HOST:PORT", requires = "listen")]
    pub upstream: Option<String>,

    /// What is done to the bytes, [STREAM.]TYPE[:KEY=VALUE[,KEY=VALUE…]]; several go one behind the other
    #[arg(long = "toxic", value_name = "TOXIC", value_parser = parse_toxic, requires = "listen")]
    pub toxics: Vec<Toxic>,

    /// Decides every draw; random, and printed, if not given
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Also answer Toxiproxy's HTTP API there
    #[arg(long, value_name = "HOST:PORT")]
    pub api: Option<String>,
}

const TOXICS: &str = "\
Toxics (STREAM is downstream, to the client, or upstream; downstream if not given):
  latency:latency=MS,jitter=MS    everything arrives later
  bandwidth:rate=KB_PER_SECOND    bytes come at a rate
  slow_close:delay=MS             the end arrives later
  timeout:timeout=MS              bytes are lost; closes after that time, or with 0 never
  reset_peer:timeout=MS           resets after that time
  slicer:average_size=BYTES,size_variation=BYTES,delay=µS
                                  cuts into pieces, with pauses
  limit_data:bytes=N              closes after N bytes
  joining:delay=MS                collects bytes, and sends them at once
  corruption:probability=P        flips a bit in each byte with this chance
  black_hole                      nothing gets through, not even the end
  down                            closes connections as soon as they are open
Each also takes toxicity=0.5 (for half of all connections), name=NAME and stream=STREAM.";

/// Why the proxy cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The proxy cannot listen.
    #[error(transparent)]
    Proxy(#[from] ProxiesError),
    /// Two toxics have one name.
    #[error("--toxic {name}: {source}; name=… gives another name")]
    Toxic {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: ToxicError,
    },
    /// The API cannot listen.
    #[error("cannot listen on {addr}: {source}")]
    Api {
        /// As it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody reads what is said, or no signals can be had.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Works until SIGINT or SIGTERM. Says on `out` where, with the seed.
///
/// # Errors
/// An address cannot be had, or two toxics have one name.
pub async fn run(flags: ProxyFlags, observer: Arc<dyn Observer>, mut out: impl Write) -> Result<(), Error> {
    let stopped = stop_signal()?;
    let seed = flags.seed.unwrap_or_else(random_seed);
    let mut proxies = Proxies::new(seed, observer);
    if flags.listen.is_some() {
        let wanted = Wanted {
            name: Some(NAME.to_owned()),
            listen: flags.listen,
            upstream: flags.upstream,
            enabled: Some(false),
        };
        let proxy = proxies.create(wanted).await?;
        for toxic in flags.toxics {
            let name = toxic.name.clone();
            proxy.add_toxic(toxic).map_err(|source| Error::Toxic { name, source })?;
        }
        // Only now, so that no client is served before its toxics are there.
        let proxy = proxies.update(NAME, Wanted { enabled: Some(true), ..Wanted::default() }).await?;
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

/// A seed that is short enough to be typed again. The one draw that no seed decides.
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
