//! A client of the admin endpoint that asks for the health of a server.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use smol::{Async, Timer, future};
use smol_hyper::rt::FuturesIo;

/// Longest body of a response.
const BODY_BYTES_MAX: usize = 4096;

/// Asks for `/healthz`.
///
/// # Errors
/// Returns a message if the server is not ready or does not answer in time.
pub(crate) fn ask_health(addr: SocketAddr, timeout: Duration) -> Result<(), String> {
    let asking = async {
        let (status, body) = get(addr, "/healthz").await.map_err(|error| error.to_string())?;
        if status == StatusCode::OK { Ok(()) } else { Err(format!("{status}: {}", body.trim_end())) }
    };
    let timed_out = async {
        Timer::after(timeout).await;
        Err(format!("no answer within {} s", timeout.as_secs_f64()))
    };
    smol::block_on(future::or(asking, timed_out))
}

async fn get(
    addr: SocketAddr,
    path: &str,
) -> Result<(StatusCode, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = Async::<TcpStream>::connect(addr).await?;
    let (mut sender, connection) = http1::handshake(FuturesIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, addr.to_string()).body(Empty::<Bytes>::new())?;
    let answered = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    // The connection makes progress only while it is polled. If it ends first, the pending request returns the error.
    let driven = async {
        let _ = connection.await;
        future::pending().await
    };
    future::or(answered, driven).await
}
