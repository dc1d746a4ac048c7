//! The choice of a target: built-in server, address, command or image.

use std::net::SocketAddr;

use crate::settings::Settings;

/// The source of the target of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The built-in server, in a child process on a free port.
    BuiltIn,
    /// A running server at `HOST:PORT`.
    Addr(String),
    /// A shell command. `{port}` and `{addr}` in it represent a free port on this machine.
    Exec {
        /// The command.
        command: String,
        /// The address at which the command will listen, if it contains no placeholder.
        addr: Option<String>,
    },
    /// A container of an image.
    Image {
        /// The name of the image.
        name: String,
        /// The port of the container; by default the port that the image exposes.
        port: Option<u16>,
    },
}

impl Choice {
    /// Returns the reason for which the target cannot receive all of these settings, if there is one.
    #[must_use]
    pub fn missing_setting(&self, names: &[&str]) -> Option<String> {
        let missing = match self {
            Self::BuiltIn => return None,
            Self::Exec { command, .. } => names.iter().find(|name| !Settings::is_in(command, name))?,
            Self::Addr(_) | Self::Image { .. } => names.first()?,
        };
        Some(format!("requires a setting of the target: {{{missing}}} in the --exec command represents it"))
    }

    /// Returns whether the target is certain to see the source addresses of clients. A target given by address may be
    /// behind a proxy, as is a container whose port is published on loopback.
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

    /// Returns the flags that select this target, with a trailing space.
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

    /// Describes the target for users.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::BuiltIn => {
                "the built-in reference server (select another with --addr, --exec or --image)".to_owned()
            }
            Self::Addr(addr) => addr.clone(),
            Self::Exec { command, .. } => format!("the command '{command}'"),
            Self::Image { name, .. } => format!("the image {name}"),
        }
    }
}
