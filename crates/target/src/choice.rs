//! The choice of a target: built-in server, address, command or image.

use std::net::SocketAddr;

use crate::settings::Settings;

/// Where the target of a run comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The reference server, in a process of its own, on a free port.
    BuiltIn,
    /// Any server at `HOST:PORT`.
    Addr(String),
    /// A shell command; `{port}` and `{addr}` in it stand for a free port on this machine.
    Exec {
        /// The command.
        command: String,
        /// Where it will listen, if the command does not say so by a placeholder.
        addr: Option<String>,
    },
    /// A container of an image.
    Image {
        /// The image, as Docker names it.
        name: String,
        /// The container's port, if it is not the one that the image exposes.
        port: Option<u16>,
    },
}

impl Choice {
    /// Why a target has not these settings, if it has not all of them.
    #[must_use]
    pub fn missing_setting(&self, names: &[&str]) -> Option<String> {
        let missing = match self {
            Self::BuiltIn => return None,
            Self::Exec { command, .. } => names.iter().find(|name| !Settings::is_in(command, name))?,
            Self::Addr(_) | Self::Image { .. } => names.first()?,
        };
        Some(format!(
            "it takes a setting of the target: {{{missing}}} in the command of --exec stands for it"
        ))
    }

    /// Whether the target is sure to see which address a client comes from. One that is only known by its address may be
    /// behind a relay, as a container is whose port is published on loopback.
    #[must_use]
    pub fn sees_addresses(&self) -> bool {
        match self {
            Self::BuiltIn | Self::Exec { addr: None, .. } => true,
            Self::Exec { addr: Some(addr), .. } => {
                addr.parse::<SocketAddr>().is_ok_and(|addr| addr.ip().is_loopback())
            }
            Self::Addr(_) | Self::Image { .. } => false,
        }
    }

    /// The flags that choose it, with a blank behind them.
    #[must_use]
    pub fn flags(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        match self {
            Self::BuiltIn => String::new(),
            Self::Addr(addr) => format!("--addr {addr} "),
            Self::Exec { command, addr: None } => format!("--exec {} ", quoted(command)),
            Self::Exec { command, addr: Some(addr) } => format!("--exec {} --addr {addr} ", quoted(command)),
            Self::Image { name, port: None } => format!("--image {name} "),
            Self::Image { name, port: Some(port) } => format!("--image {name} --port {port} "),
        }
    }

    /// What is judged, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::BuiltIn => {
                "the built-in reference server (--addr, --exec or --image choose another)".to_owned()
            }
            Self::Addr(addr) => addr.clone(),
            Self::Exec { command, .. } => format!("the command '{command}'"),
            Self::Image { name, .. } => format!("the image {name}"),
        }
    }
}
