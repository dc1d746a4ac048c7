//! The handle of a proxy: its owner starts it, changes its toxics, and disables or drops it.

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

use crate::connection::{self, Shared};
use crate::injected_fault::Observer;
use crate::toxic::{Kind, Toxic, ToxicError};
use crate::toxics::Toxics;

/// The number of clients that are served at the same time; others wait.
const CONNECTIONS_MAX: usize = 10_000;

/// The pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The properties of a proxy other than its toxics.
#[derive(Clone, Debug)]
pub struct ProxyOptions {
    /// The name.
    pub name: String,
    /// The service, as `HOST:PORT`.
    pub upstream: String,
    /// The seed of all random draws, together with the names, the connection and the direction.
    pub seed: u64,
}

/// A proxy. It runs on tasks of the runtime in which it was started. Dropping it closes the listener and all connections.
pub struct Proxy {
    options: ProxyOptions,
    /// The address of the listener, also while it is disabled.
    listen: String,
    observer: Arc<dyn Observer>,
    begun: Instant,
    /// The number of connections so far.
    connections: Arc<AtomicU64>,
    toxics: watch::Sender<Toxics>,
    running: Option<Running>,
}

/// A running listener. Dropping `stop` ends it.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy on a listener.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(
        listener: TcpListener,
        options: ProxyOptions,
        observer: Arc<dyn Observer>,
    ) -> io::Result<Self> {
        let mut proxy = Self::disabled(String::new(), options, observer);
        proxy.run(listener)?;
        Ok(proxy)
    }

    /// Returns a proxy that does not listen yet. `listen` is `HOST:PORT`. Without a host it is any address of this
    /// machine; an empty string is a free port on 127.0.0.1.
    #[must_use]
    pub fn disabled(listen: String, options: ProxyOptions, observer: Arc<dyn Observer>) -> Self {
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

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Returns the address of the listener, also while it is disabled.
    #[must_use]
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// Returns the address of the service.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.options.upstream
    }

    /// Returns whether the proxy listens.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.running.is_some()
    }

    /// Starts listening, unless it already does.
    ///
    /// # Errors
    /// The system rejects the address.
    pub async fn enable(&mut self) -> io::Result<()> {
        if self.running.is_none() {
            self.run(bind(&self.listen).await?)?;
        }
        Ok(())
    }

    /// Stops listening and closes all connections. On return the address is free. The toxics stay.
    pub async fn disable(&mut self) {
        if let Some(Running { stop, task }) = self.running.take() {
            drop(stop);
            // An error means that the task panicked, which also ends it.
            let _ = task.await;
        }
    }

    /// Disables the proxy and changes its addresses.
    pub async fn relocate(&mut self, listen: String, upstream: String) {
        self.disable().await;
        (self.listen, self.options.upstream) = (listen, upstream);
    }

    /// Returns the current toxics.
    #[must_use]
    pub fn toxics(&self) -> Toxics {
        self.toxics.borrow().clone()
    }

    /// Adds a toxic after all others. It applies to all data that is read from now on.
    ///
    /// # Errors
    /// See [`Toxics::add`].
    pub fn add_toxic(&self, toxic: Toxic) -> Result<(), ToxicError> {
        self.change(|toxics| toxics.add(toxic, Instant::now()))
    }

    /// Changes a toxic. Items that wait in it start their wait again.
    ///
    /// # Errors
    /// See [`Toxics::update`].
    pub fn update_toxic(&self, name: &str, kind: Kind, toxicity: f64) -> Result<(), ToxicError> {
        self.change(|toxics| toxics.update(name, kind, toxicity))
    }

    /// Removes a toxic. Items that wait in it continue immediately.
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
                    warn!(proxy = %shared.name, %error, "cannot accept a connection");
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

/// Sorts IPv4 addresses first: if a name such as `localhost` has addresses of both kinds, most clients use IPv4.
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
