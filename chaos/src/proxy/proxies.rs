//! Many proxies under names, as Toxiproxy keeps them: created, changed, replaced, reset.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use tokio::net::lookup_host;

use super::fault::Observer;
use super::handle::{Options, Proxy};

/// How many proxies there may be: each has a listener.
pub const PROXIES_MAX: usize = 1000;

/// Proxies by their names. They share a seed; each draws otherwise, since its name counts too.
pub struct Proxies {
    seed: u64,
    observer: Arc<dyn Observer>,
    by_name: BTreeMap<String, Proxy>,
}

/// A proxy as a client of the API wants it. What it does not say stays as it is, or is as Toxiproxy has it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    /// Its name.
    pub name: Option<String>,
    /// Where it listens, see [`Proxy::disabled`].
    pub listen: Option<String>,
    /// The service, as `HOST:PORT`.
    pub upstream: Option<String>,
    /// Whether it listens; it does, if nobody says.
    pub enabled: Option<bool>,
}

/// Why a proxy cannot be had. The words are Toxiproxy's, which clients may look at.
#[derive(Debug, thiserror::Error)]
pub enum ProxiesError {
    /// No proxy has this name.
    #[error("proxy not found")]
    NotFound,
    /// The name is taken.
    #[error("proxy already exists")]
    Exists,
    /// Something has to be said.
    #[error("missing required field: {0}")]
    Missing(String),
    /// There are as many as there may be.
    #[error("there are at most {PROXIES_MAX} proxies")]
    TooMany,
    /// The system refuses the address.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// As it was wanted.
        listen: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Proxies {
    /// None yet. Those that come will tell this observer.
    #[must_use]
    pub fn new(seed: u64, observer: Arc<dyn Observer>) -> Self {
        Self { seed, observer, by_name: BTreeMap::new() }
    }

    /// All, by their names.
    pub fn iter(&self) -> impl Iterator<Item = &Proxy> {
        self.by_name.values()
    }

    /// The proxy of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Proxy, ProxiesError> {
        self.by_name.get(name).ok_or(ProxiesError::NotFound)
    }

    /// Makes a new one.
    ///
    /// # Errors
    /// It needs a name that is free, and an upstream; or the system refuses its address.
    pub async fn create(&mut self, wanted: Wanted) -> Result<&Proxy, ProxiesError> {
        wanted.check("")?;
        if self.by_name.contains_key(wanted.name()) {
            return Err(ProxiesError::Exists);
        }
        self.make(wanted).await
    }

    /// Makes or replaces several, and says which. One that is there with these addresses stays, with its toxics.
    ///
    /// # Errors
    /// One cannot be had. If the reason is not an address, nothing was changed.
    pub async fn populate(&mut self, wanted: Vec<Wanted>) -> Result<Vec<String>, ProxiesError> {
        for (number, wanted) in (1..).zip(&wanted) {
            wanted.check(&format!(" at proxy {number}"))?;
        }
        let names = wanted.iter().map(|wanted| wanted.name().to_owned()).collect();
        for wanted in wanted {
            match self.by_name.get_mut(wanted.name()) {
                Some(proxy) if is_at(proxy, &wanted).await => set_enabled(proxy, wanted.enabled).await?,
                Some(proxy) => {
                    proxy.disable().await;
                    self.make(wanted).await?;
                }
                None => drop(self.make(wanted).await?),
            }
        }
        Ok(names)
    }

    /// Changes one. Another address ends all its connections.
    ///
    /// # Errors
    /// There is none of this name, or the system refuses its address.
    pub async fn update(&mut self, name: &str, wanted: Wanted) -> Result<&Proxy, ProxiesError> {
        let proxy = self.by_name.get_mut(name).ok_or(ProxiesError::NotFound)?;
        let enabled = wanted.enabled.unwrap_or(proxy.is_enabled());
        let listen = wanted.listen.unwrap_or_else(|| proxy.listen().to_owned());
        let upstream = wanted.upstream.unwrap_or_else(|| proxy.upstream().to_owned());
        if upstream != proxy.upstream() || !is_same_address(&listen, proxy.listen()).await {
            proxy.relocate(listen, upstream).await;
        }
        set_enabled(proxy, Some(enabled)).await?;
        Ok(proxy)
    }

    /// Takes one away.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn delete(&mut self, name: &str) -> Result<(), ProxiesError> {
        self.by_name.remove(name).ok_or(ProxiesError::NotFound)?.disable().await;
        Ok(())
    }

    /// Enables all, and removes all their toxics.
    ///
    /// # Errors
    /// The system refuses an address.
    pub async fn reset(&mut self) -> Result<(), ProxiesError> {
        for proxy in self.by_name.values_mut() {
            set_enabled(proxy, Some(true)).await?;
            proxy.remove_all_toxics();
        }
        Ok(())
    }

    async fn make(&mut self, wanted: Wanted) -> Result<&Proxy, ProxiesError> {
        if self.by_name.len() >= PROXIES_MAX {
            return Err(ProxiesError::TooMany);
        }
        let name = wanted.name().to_owned();
        let options =
            Options { name: name.clone(), upstream: wanted.upstream.unwrap_or_default(), seed: self.seed };
        let listen = wanted.listen.unwrap_or_default();
        let mut proxy = Proxy::disabled(listen, options, Arc::clone(&self.observer));
        set_enabled(&mut proxy, wanted.enabled).await?;
        Ok(self.by_name.entry(name).insert_entry(proxy).into_mut())
    }
}

impl Wanted {
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

async fn is_at(proxy: &Proxy, wanted: &Wanted) -> bool {
    Some(proxy.upstream()) == wanted.upstream.as_deref()
        && is_same_address(wanted.listen.as_deref().unwrap_or_default(), proxy.listen()).await
}

/// Whether a proxy that listens at `listen` is where it is wanted: an address may have several names.
async fn is_same_address(wanted: &str, listen: &str) -> bool {
    if wanted == listen {
        return true;
    }
    let Ok(listen) = listen.parse::<SocketAddr>() else { return false };
    lookup_host(wanted).await.is_ok_and(|mut addrs| addrs.any(|addr| addr == listen))
}
