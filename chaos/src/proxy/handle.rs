//! A proxy as its owner sees it: started, given toxics, disabled and enabled, and gone when it is dropped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, lookup_host};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::connection::{self, Shared};
use super::fault::Observer;
use super::toxic::{Kind, Toxic, ToxicError};
use super::toxics::Toxics;

/// How many clients are served at the same time; others wait.
const CONNECTIONS_MAX: usize = 10_000;

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a proxy is, whatever its toxics.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name.
    pub name: String,
    /// The service, as `HOST:PORT`.
    pub upstream: String,
    /// Decides every draw, together with the names of proxy and toxic, connection and direction.
    pub seed: u64,
}

/// A proxy. It works on spawned tasks of the runtime in which it was started, which may have one thread or several; when
/// it is dropped they end, and with them the listener and all connections.
pub struct Proxy {
    options: Options,
    /// Where it listens, or will when it is enabled.
    listen: String,
    observer: Arc<dyn Observer>,
    begun: Instant,
    /// How many connections there were.
    connections: Arc<AtomicU64>,
    toxics: watch::Sender<Toxics>,
    running: Option<Running>,
}

/// A listener at work, until `stop` is dropped.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts one on a listener.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(listener: TcpListener, options: Options, observer: Arc<dyn Observer>) -> io::Result<Self> {
        let mut proxy = Self::disabled(String::new(), options, observer);
        proxy.run(listener)?;
        Ok(proxy)
    }

    /// One that does not listen yet. `listen` is `HOST:PORT`; without a host it is any address of this machine, and
    /// nothing at all is a free port on 127.0.0.1.
    #[must_use]
    pub fn disabled(listen: String, options: Options, observer: Arc<dyn Observer>) -> Self {
        Self {
            options,
            listen,
            observer,
            begun: Instant::now(),
            connections: Arc::default(),
            toxics: watch::Sender::default(),
            running: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Where it listens, or will when it is enabled.
    #[must_use]
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// The service.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.options.upstream
    }

    /// Whether it listens.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.running.is_some()
    }

    /// Listens, where it does not yet.
    ///
    /// # Errors
    /// The system refuses the address.
    pub async fn enable(&mut self) -> io::Result<()> {
        if self.running.is_none() {
            self.run(bind(&self.listen).await?)?;
        }
        Ok(())
    }

    /// Stops listening, and closes all connections. When this returns the address is free. Toxics stay.
    pub async fn disable(&mut self) {
        if let Some(Running { stop, task }) = self.running.take() {
            drop(stop);
            // It fails only if it panicked, which ended it too.
            let _ = task.await;
        }
    }

    /// Goes to another address, or to another service. It is disabled by that.
    pub async fn relocate(&mut self, listen: String, upstream: String) {
        self.disable().await;
        (self.listen, self.options.upstream) = (listen, upstream);
    }

    /// The toxics as they are now.
    #[must_use]
    pub fn toxics(&self) -> Toxics {
        self.toxics.borrow().clone()
    }

    /// Adds a toxic, behind all others. Whatever is read from now on, on open connections and new ones, goes through it.
    ///
    /// # Errors
    /// See [`Toxics::add`].
    pub fn add_toxic(&self, toxic: Toxic) -> Result<(), ToxicError> {
        self.change(|toxics| toxics.add(toxic))
    }

    /// Changes a toxic. What waits in it begins to wait anew.
    ///
    /// # Errors
    /// See [`Toxics::update`].
    pub fn update_toxic(&self, name: &str, kind: Kind, toxicity: f64) -> Result<(), ToxicError> {
        self.change(|toxics| toxics.update(name, kind, toxicity))
    }

    /// Removes a toxic. What waits in it goes on at once.
    ///
    /// # Errors
    /// See [`Toxics::remove`].
    pub fn remove_toxic(&self, name: &str) -> Result<(), ToxicError> {
        self.change(|toxics| toxics.remove(name))
    }

    /// Removes all toxics.
    pub fn remove_all_toxics(&self) {
        self.toxics.send_modify(Toxics::clear);
    }

    fn change(&self, change: impl FnOnce(&mut Toxics) -> Result<(), ToxicError>) -> Result<(), ToxicError> {
        let mut done = Ok(());
        self.toxics.send_if_modified(|toxics| {
            done = change(toxics);
            done.is_ok()
        });
        done
    }

    fn run(&mut self, listener: TcpListener) -> io::Result<()> {
        self.listen = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared {
            name: self.options.name.as_str().into(),
            seed: self.options.seed,
            upstream: self.options.upstream.clone(),
            begun: self.begun,
            observer: Arc::clone(&self.observer),
            toxics: self.toxics.subscribe(),
        });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, shared, Arc::clone(&self.connections), stopped));
        self.running = Some(Running { stop, task });
        Ok(())
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    numbers: Arc<AtomicU64>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((client, _)) => {
                    let number = numbers.fetch_add(1, Ordering::Relaxed) + 1;
                    connections.spawn(connection::serve(client, number, Arc::clone(&shared)));
                }
                Err(error) => {
                    warn!(proxy = %shared.name, %error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn bind(listen: &str) -> io::Result<TcpListener> {
    let listen = match listen {
        "" => "127.0.0.1:0".to_owned(),
        port if port.starts_with(':') => format!("0.0.0.0{port}"),
        listen => listen.to_owned(),
    };
    TcpListener::bind(&in_order(lookup_host(&listen).await?)[..]).await
}

/// Where a name such as `localhost` has addresses of both kinds, most clients find the one of version 4.
fn in_order(addrs: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addrs: Vec<SocketAddr> = addrs.collect();
    addrs.sort_by_key(SocketAddr::is_ipv6);
    addrs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_version_4_are_tried_first() {
        let addrs = ["[::1]:1", "127.0.0.1:1", "[::2]:1"].map(|addr| addr.parse().unwrap());
        let ordered = ["127.0.0.1:1", "[::1]:1", "[::2]:1"].map(|addr| addr.parse().unwrap());
        assert_eq!(in_order(addrs.into_iter()), ordered);
    }
}
