//! Seeds: the same draws in every run, and different draws for each connection, direction, toxic and seed.

use proxy::{Effect, Kind, Stream};

use crate::support::{STREAMS, Scene, pattern};

/// Returns the faults of lock-step exchanges over several connections, without their times.
async fn faults_of(seed: u64, connections: usize) -> Vec<(u64, Stream, String, Effect)> {
    let scene = Scene::new(seed).await;
    for stream in STREAMS {
        scene.add(stream, Kind::Latency { latency_ms: 3, jitter_ms: 2 });
        scene.add_with(0.5, stream, Kind::Corruption { probability: 0.1 });
    }
    for _ in 0..connections {
        let (mut client, mut server) = scene.connect().await.split(Stream::Upstream);
        for _ in 0..5 {
            client.send(&pattern(50)).await;
            server.receive(50).await;
            server.send(&pattern(20)).await;
            client.receive(20).await;
        }
    }
    let whole = scene.faults.all().into_iter().map(|f| (f.connection, f.stream, f.toxic, f.effect));
    whole.filter(|(.., effect)| !matches!(effect, Effect::EndDelayed { .. })).collect()
}

#[tokio::test]
async fn a_seed_decides_the_faults() {
    let first = faults_of(7, 3).await;
    assert_eq!(first, faults_of(7, 3).await);
    assert_ne!(first, faults_of(8, 3).await);
    assert!(first.iter().any(|(.., effect)| matches!(effect, Effect::Flipped { .. })));
}

#[tokio::test]
async fn an_additional_connection_does_not_change_the_faults_of_others() {
    let (three, four) = (faults_of(7, 3).await, faults_of(7, 4).await);
    assert_eq!(three, four[..three.len()]);
    let of = |number| three.iter().filter(move |fault| fault.0 == number).map(|fault| (fault.1, &fault.3));
    assert!(of(1).ne(of(2)));
}

/// Sends a pattern in chunks of this length and returns the received bytes and the effects.
async fn arriving(seed: u64, stream: Stream, kind: Kind, chunk: usize) -> (Vec<u8>, Vec<Effect>) {
    let scene = Scene::new(seed).await;
    scene.add(stream, kind);
    let (mut sender, mut receiver) = scene.connect().await.split(stream);
    let mut arrived = Vec::new();
    for part in pattern(2_000).chunks(chunk) {
        sender.send(part).await;
        arrived.extend(receiver.receive(part.len()).await);
    }
    (arrived, scene.faults.effects())
}

#[tokio::test]
async fn flips_and_cuts_depend_on_stream_offsets_only() {
    for stream in STREAMS {
        for kind in [
            Kind::Corruption { probability: 0.02 },
            Kind::Slicer { average_size_bytes: 40, size_variation_bytes: 10, delay_us: 0 },
        ] {
            let (whole, faults) = arriving(5, stream, kind.clone(), 2_000).await;
            assert_eq!((whole.clone(), faults.clone()), arriving(5, stream, kind.clone(), 300).await);
            let (_, other_faults) = arriving(6, stream, kind, 2_000).await;
            assert_ne!(faults, other_faults);
        }
    }
}
