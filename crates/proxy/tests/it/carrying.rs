//! The proxy without toxics: data, ends and resets pass, buffers are bounded, and the handle owns everything.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proxy::{Kind, Log, Proxy, ProxyOptions, Stream};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{End, STREAMS, Scene, pattern, within};

#[tokio::test]
async fn bytes_pass_in_both_directions_and_a_half_close_ends_only_one() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut first, mut second) = scene.connect().await.split(stream);
        first.send(b"question").await;
        first.end().await;
        assert_eq!(second.rest().await, b"question");
        second.send(b"answer").await;
        second.end().await;
        assert_eq!(first.rest().await, b"answer");
        assert_eq!(scene.faults.effects(), vec![]);
    }
}

#[tokio::test]
async fn a_long_stream_arrives_completely() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        let bytes = pattern(3_000_001);
        let sent = bytes.clone();
        let sending = tokio::spawn(async move {
            sender.send(&sent).await;
            sender.end().await;
            sender
        });
        assert!(receiver.rest().await == bytes);
        drop(sending);
    }
}

#[tokio::test]
async fn a_reset_passes_as_a_reset() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut first, mut second) = scene.connect().await.split(stream);
        first.send(b"x").await;
        second.receive(1).await;
        first.0.set_zero_linger().unwrap();
        drop(first);
        assert_eq!(second.next().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_read_blocks_the_sender() {
    const BYTES: usize = 128 << 20;
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Latency { latency_ms: 1, jitter_ms: 0 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let sending = tokio::spawn(async move {
            let chunk = pattern(1 << 16);
            while count.load(Ordering::Relaxed) < BYTES {
                sender.0.write_all(&chunk).await.unwrap();
                count.fetch_add(chunk.len(), Ordering::Relaxed);
            }
            sender.end().await;
            sender
        });
        within("the sender to be blocked", stands_still(&sent)).await;
        assert!(
            sent.load(Ordering::Relaxed) < BYTES / 2,
            "{} bytes were taken",
            sent.load(Ordering::Relaxed)
        );
        assert_eq!(receiver.rest().await.len(), BYTES);
        drop(sending);
    }
}

async fn stands_still(count: &AtomicUsize) {
    let mut before = None;
    while before != Some(count.load(Ordering::Relaxed)) {
        before = Some(count.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn a_disabled_proxy_refuses_connections_and_keeps_its_address() {
    let mut scene = Scene::new(1).await;
    let listen = scene.proxy.listen().to_owned();
    let mut ends = scene.connect().await;
    scene.proxy.disable().await;
    let (mut client, mut server) = (End(ends.client), End(ends.server));
    assert_eq!((client.rest().await, server.rest().await), (vec![], vec![]));
    assert_eq!(TcpStream::connect(&listen).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    scene.proxy.enable().await.unwrap();
    assert_eq!(scene.proxy.listen(), listen);
    ends = scene.connect().await;
    let (mut client, mut server) = ends.split(Stream::Upstream);
    client.send(b"again").await;
    assert_eq!(server.receive(5).await, b"again");
}

#[tokio::test]
async fn dropping_the_handle_closes_everything() {
    let scene = Scene::new(1).await;
    let listen = scene.proxy.listen().to_owned();
    let (mut client, mut server) = scene.connect().await.split(Stream::Upstream);
    drop(scene.proxy);
    assert_eq!((client.rest().await, server.rest().await), (vec![], vec![]));
    within("the port to be free", async { while TcpStream::connect(&listen).await.is_ok() {} }).await;
}

#[tokio::test]
async fn a_client_is_disconnected_if_the_service_is_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = gone.local_addr().unwrap().to_string();
    drop(gone);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ProxyOptions { name: "gone".to_owned(), upstream, seed: 1 };
    let proxy = Proxy::start(listener, options, Arc::new(Log)).unwrap();
    let mut client = End(TcpStream::connect(proxy.listen()).await.unwrap());
    assert_eq!(client.rest().await, b"");
}
