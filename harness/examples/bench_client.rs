//! The load client of `cargo ci bench`. It measures the package index and Redis in the same way.
//!
//! Every connection sends a batch of requests in one write, reads the replies, and repeats. The last line of the output is
//! `requests seconds`.
#![expect(clippy::print_stdout, reason = "its output is read by a script")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[derive(Clone, Copy, ValueEnum)]
enum Dialect {
    /// The package index: INDEX once, then QUERY.
    Index,
    /// Redis: SET once, then GET.
    Redis,
}

impl Dialect {
    fn first_request(self) -> &'static [u8] {
        match self {
            Self::Index => b"INDEX|bench-package|\n",
            Self::Redis => b"*3\r\n$3\r\nSET\r\n$13\r\nbench-package\r\n$2\r\nOK\r\n",
        }
    }

    fn request(self) -> &'static [u8] {
        match self {
            Self::Index => b"QUERY|bench-package|\n",
            Self::Redis => b"*2\r\n$3\r\nGET\r\n$13\r\nbench-package\r\n",
        }
    }

    fn reply_bytes(self) -> usize {
        match self {
            Self::Index => b"OK\n".len(),
            Self::Redis => b"$2\r\nOK\r\n".len(),
        }
    }
}

/// Sends requests for a fixed time and counts the replies.
#[derive(Parser)]
struct Flags {
    #[arg(long)]
    addr: SocketAddr,
    #[arg(long, value_enum)]
    speech: Dialect,
    #[arg(long, default_value_t = 100)]
    connections: usize,
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let flags = Flags::parse();
    let mut setup = TcpStream::connect(flags.addr).await?;
    setup.write_all(flags.speech.first_request()).await?;
    setup.read_u8().await?;

    let mut streams = Vec::new();
    for _ in 0..flags.connections {
        let stream = TcpStream::connect(flags.addr).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(flags.seconds);
    let mut clients = JoinSet::new();
    for stream in streams {
        clients.spawn(client(stream, flags.speech, flags.in_flight, end));
    }
    let mut requests = 0;
    while let Some(outcome) = clients.join_next().await {
        requests += outcome??;
    }
    println!("{requests} {}", start.elapsed().as_secs_f64());
    Ok(())
}

async fn client(
    mut stream: TcpStream,
    speech: Dialect,
    in_flight: usize,
    end: Instant,
) -> std::io::Result<usize> {
    let batch = speech.request().repeat(in_flight);
    let mut replies = vec![0; 16 * 1024];
    let mut requests = 0;
    while Instant::now() < end {
        stream.write_all(&batch).await?;
        let mut missing = in_flight * speech.reply_bytes();
        while missing > 0 {
            match stream.read(&mut replies).await? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => missing -= count,
            }
        }
        requests += in_flight;
    }
    Ok(requests)
}
