//! Reproductions: a command with `nc` is reported only if the same bytes, sent in the same way, receive the same replies.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use driver::run_limits::RunLimits;
use protocol::text::printable;
use report::reproduction::{ByHand, PAUSE, WAIT};
use target::Target;

use crate::gate::state::Gate;

/// The number of commands that are tried.
const TRIED_MAX: usize = 24;

/// The time for all of them, which run at the same time.
const TIME_MAX: Duration = Duration::from_secs(3);

impl Gate<'_> {
    /// Tries the commands for the most severe violations and adds those that reproduce them.
    pub(super) async fn verify_reproductions(&mut self, target: &Target, limits: &RunLimits) {
        if self.is_lost || limits.reached_limit().is_some() {
            return;
        }
        let mut tries = JoinSet::new();
        for (id, by_hand) in std::mem::take(&mut self.by_hand).into_iter().take(TRIED_MAX) {
            let addr = target.addr();
            tries.spawn(async move {
                let is_same = timeout(TIME_MAX, receives_same(addr, &by_hand)).await;
                (id, by_hand.line, matches!(is_same, Ok(Ok(true))))
            });
        }
        while let Some(tried) = tries.join_next().await {
            let Ok((id, line, true)) = tried else { continue };
            if let Some(item) = self.report.items.iter_mut().find(|item| item.id == id) {
                item.reproduction.insert(0, line);
            }
        }
    }
}

/// Sends the bytes as the command does, and returns whether the replies are those that the case received.
async fn receives_same(addr: SocketAddr, by_hand: &ByHand) -> io::Result<bool> {
    let mut stream = TcpStream::connect(addr).await?;
    let (mut reader, mut writer) = stream.split();
    let send = async {
        for bytes in &by_hand.sent {
            writer.write_all(bytes).await?;
            sleep(PAUSE).await;
        }
        Ok::<_, io::Error>(())
    };
    let receive = async {
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        // The reply to the last request is waited for as long as the command waits.
        let last = PAUSE * u32::try_from(by_hand.sent.len()).unwrap_or(u32::MAX) + WAIT;
        let read_all = async {
            loop {
                match reader.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => received.extend_from_slice(&buffer[..count]),
                }
            }
        };
        let _ = timeout(last, read_all).await;
        received
    };
    // A target that closes early makes sending fail; its replies count nevertheless.
    let (_, received) = tokio::join!(send, receive);
    Ok(printable(&received) == by_hand.received)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn serve_once(listener: TcpListener, reply: &'static [u8]) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut line = [0; 64];
        let _ = stream.read(&mut line).await.unwrap();
        stream.write_all(reply).await.unwrap();
        let _ = stream.read(&mut line).await;
    }

    #[tokio::test]
    async fn only_the_same_replies_reproduce_a_violation() {
        for (reply, is_same) in [(&b"FAIL\n"[..], true), (b"OK\n", false), (b"FAIL\nFAIL\n", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            let by_hand = ByHand {
                line: String::new(),
                sent: vec![b"QUERY|a|\n".to_vec()],
                received: printable(b"FAIL\n"),
            };
            let (tried, ()) = tokio::join!(receives_same(addr, &by_hand), serve_once(listener, reply));
            assert_eq!(tried.unwrap(), is_same);
        }
    }
}
