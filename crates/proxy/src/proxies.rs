//! Several proxies by name, with the operations of Toxiproxy: create, change, replace, reset.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use tokio::net::lookup_host;

use crate::handle::{Proxy, ProxyOptions};
use crate::injected_fault::Observer;

/// The maximum number of proxies: each has a listener.
pub(crate) const PROXIES_MAX: usize = 1000;

/// Proxies by name. They share a seed, and the draws of each also depend on its name.
pub struct Proxies {
    seed: u64,
    observer: Arc<dyn Observer>,
    by_name: BTreeMap<String, Proxy>,
}

/// A request to create or change a proxy. Missing fields keep their value, or have the default of Toxiproxy.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ProxyRequest {
    /// The name.
    pub name: Option<String>,
    /// The address of the listener, see [`Proxy::disabled`].
    pub listen: Option<String>,
    /// The service, as `HOST:PORT`.
    pub upstream: Option<String>,
    /// Whether it listens; the default is true.
    pub enabled: Option<bool>,
}

/// The reason why a request is rejected. The messages are Toxiproxy's, because clients may compare them.
#[derive(Debug, thiserror::Error)]
pub enum ProxiesError {
    /// No proxy has this name.
    #[error("proxy not found")]
    NotFound,
    /// The name is taken.
    #[error("proxy already exists")]
    Exists,
    /// A required field is missing.
    #[error("missing required field: {0}")]
    Missing(String),
    /// The maximum number of proxies is reached.
    #[error("there are at most {PROXIES_MAX} proxies")]
    TooMany,
    /// The system rejects the address.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address as requested.
        listen: String,
        /// The system's error.
        source: io::Error,
    },
}

impl Proxies {
    /// Returns an empty set. Its proxies will notify this observer.
    #[must_use]
    pub fn new(seed: u64, observer: Arc<dyn Observer>) -> Self {
        Self { seed, observer, by_name: BTreeMap::new() }
    }

    /// Returns all proxies, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Proxy> {
        self.by_name.values()
    }

    /// Returns the proxy with this name.
    ///
    /// # Errors
    /// No proxy has this name.
    pub(crate) fn get(&self, name: &str) -> Result<&Proxy, ProxiesError> {
        self.by_name.get(name).ok_or(ProxiesError::NotFound)
    }

    /// Creates a proxy.
    ///
    /// # Errors
    /// The name or the upstream is missing, the name is taken, or the system rejects the address.
    pub async fn create(&mut self, request: ProxyRequest) -> Result<&Proxy, ProxiesError> {
        request.check("")?;
        if self.by_name.contains_key(request.name()) {
            return Err(ProxiesError::Exists);
        }
        self.make(request).await
    }

    /// Creates or replaces several proxies and returns their names. A proxy with the same addresses stays, with its toxics.
    ///
    /// # Errors
    /// A request is rejected. Unless the reason is an address, nothing was changed.
    pub(crate) async fn populate(&mut self, request: Vec<ProxyRequest>) -> Result<Vec<String>, ProxiesError> {
        for (number, request) in (1..).zip(&request) {
            request.check(&format!(" at proxy {number}"))?;
        }
        let names = request.iter().map(|request| request.name().to_owned()).collect();
        for request in request {
            match self.by_name.get_mut(request.name()) {
                Some(proxy) if is_at(proxy, &request).await => set_enabled(proxy, request.enabled).await?,
                Some(proxy) => {
                    proxy.disable().await;
                    self.make(request).await?;
                }
                None => drop(self.make(request).await?),
            }
        }
        Ok(names)
    }

    /// Changes a proxy. A new address closes all its connections.
    ///
    /// # Errors
    /// No proxy has this name, or the system rejects the address.
    pub async fn update(&mut self, name: &str, request: ProxyRequest) -> Result<&Proxy, ProxiesError> {
        let proxy = self.by_name.get_mut(name).ok_or(ProxiesError::NotFound)?;
        let enabled = request.enabled.unwrap_or(proxy.is_enabled());
        let listen = request.listen.unwrap_or_else(|| proxy.listen().to_owned());
        let upstream = request.upstream.unwrap_or_else(|| proxy.upstream().to_owned());
        if upstream != proxy.upstream() || !is_same_address(&listen, proxy.listen()).await {
            proxy.relocate(listen, upstream).await;
        }
        set_enabled(proxy, Some(enabled)).await?;
        Ok(proxy)
    }

    /// Deletes a proxy.
    ///
    /// # Errors
    /// No proxy has this name.
    pub(crate) async fn delete(&mut self, name: &str) -> Result<(), ProxiesError> {
        self.by_name.remove(name).ok_or(ProxiesError::NotFound)?.disable().await;
        Ok(())
    }

    /// Enables all proxies and removes all their toxics.
    ///
    /// # Errors
    /// The system rejects an address.
    pub(crate) async fn reset(&mut self) -> Result<(), ProxiesError> {
        for proxy in self.by_name.values_mut() {
            set_enabled(proxy, Some(true)).await?;
            proxy.remove_all_toxics();
        }
        Ok(())
    }

    async fn make(&mut self, request: ProxyRequest) -> Result<&Proxy, ProxiesError> {
        if self.by_name.len() >= PROXIES_MAX {
            return Err(ProxiesError::TooMany);
        }
        let name = request.name().to_owned();
        let options = ProxyOptions {
            name: name.clone(),
            upstream: request.upstream.unwrap_or_default(),
            seed: self.seed,
        };
        let listen = request.listen.unwrap_or_default();
        let mut proxy = Proxy::disabled(listen, options, Arc::clone(&self.observer));
        set_enabled(&mut proxy, request.enabled).await?;
        Ok(self.by_name.entry(name).insert_entry(proxy).into_mut())
    }
}

impl ProxyRequest {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn check(&self, place: &str) -> Result<(), ProxiesError> {
        for (field, value) in [("name", &self.name), ("upstream", &self.upstream)] {
            if value.as_deref().unwrap_or_default().is_empty() {
                return Err(ProxiesError::Missing(format!("{field}{place}")));
            }
        }
        Ok(())
    }
}

async fn set_enabled(proxy: &mut Proxy, enabled: Option<bool>) -> Result<(), ProxiesError> {
    if enabled.unwrap_or(true) {
        let enabled = proxy.enable().await;
        return enabled.map_err(|source| ProxiesError::Listen { listen: proxy.listen().to_owned(), source });
    }
    proxy.disable().await;
    Ok(())
}

async fn is_at(proxy: &Proxy, request: &ProxyRequest) -> bool {
    Some(proxy.upstream()) == request.upstream.as_deref()
        && is_same_address(request.listen.as_deref().unwrap_or_default(), proxy.listen()).await
}

/// Returns whether two addresses are the same; an address may have several names.
async fn is_same_address(request: &str, listen: &str) -> bool {
    if request == listen {
        return true;
    }
    let Ok(listen) = listen.parse::<SocketAddr>() else { return false };
    lookup_host(request).await.is_ok_and(|mut addrs| addrs.any(|addr| addr == listen))
}
