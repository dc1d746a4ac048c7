//! The command-line flags that select a target.

use std::net::Ipv6Addr;

use crate::choice::Choice;

/// The flags that select a target, common to all commands.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TargetFlags {
    /// Test the server at this address
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["host", "port"])]
    pub addr: Option<String>,

    /// Host of the server; 127.0.0.1 if only --port is given
    #[arg(long)]
    pub host: Option<String>,

    /// Port of the server; 8080 if only --host is given. With --image, the port of the container
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// Start this shell command, test the server, and end the command with all its children. {port} and {addr}
    /// represent a free port on 127.0.0.1; without them, --addr states where the command will listen
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,

    /// Start a container of this image, test it once it answers, and remove it. The port is the only one that the
    /// image exposes, else 8080; --port overrides it
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["addr", "host", "exec"])]
    pub image: Option<String>,
}

/// The error of target flags that contradict each other or are incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FlagsError(&'static str);

/// Returns the target that the flags select.
///
/// # Errors
/// The flags contradict each other or are incomplete.
pub fn choose_target(flags: &TargetFlags) -> Result<Choice, FlagsError> {
    if let Some(name) = &flags.image {
        return Ok(Choice::Image { name: name.clone(), port: flags.port });
    }
    let addr = match (&flags.addr, &flags.host, flags.port) {
        (Some(addr), ..) => Some(addr.clone()),
        (None, None, None) => None,
        (None, host, port) => {
            let host = host.as_deref().unwrap_or("127.0.0.1");
            let is_ipv6 = host.parse::<Ipv6Addr>().is_ok();
            let host = if is_ipv6 { format!("[{host}]") } else { host.to_owned() };
            Some(format!("{host}:{}", port.unwrap_or(8080)))
        }
    };
    if addr.as_deref().is_some_and(|addr| !is_host_and_port(addr)) {
        return Err(FlagsError(
            "both a host and a port are required, as in --addr 127.0.0.1:8080 or --host ::1 --port 8080",
        ));
    }
    match (&flags.exec, addr) {
        (None, None) => Ok(Choice::BuiltIn),
        (None, Some(addr)) => Ok(Choice::Addr(addr)),
        (Some(command), addr) => {
            if addr.is_none() && !["{port}", "{addr}"].iter().any(|place| command.contains(place)) {
                return Err(FlagsError(
                    "--exec requires {port} or {addr} in its command, or --addr to state where the command will listen",
                ));
            }
            Ok(Choice::Exec { command: command.clone(), addr })
        }
    }
}

fn is_host_and_port(addr: &str) -> bool {
    let Some((host, port)) = addr.rsplit_once(':') else { return false };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_plain = !host.is_empty() && !host.contains(|letter: char| letter == ':' || letter.is_whitespace());
    (is_plain || is_bracketed) && port.parse::<u16>().is_ok_and(|port| port > 0)
}
