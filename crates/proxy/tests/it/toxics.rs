//! Each toxic in both directions: its effect, and its removal while a connection is open.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use proxy::{Effect, Kind, Stream, Timing, Toxic};

use crate::support::{End, Ends, STREAMS, Scene, assert_took, pattern, within};

#[tokio::test]
async fn latency_delays_without_limiting_the_rate() {
    let latency = Duration::from_millis(100);
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Latency { latency_ms: 100, jitter_ms: 0 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        let begun = Instant::now();
        sender.send(b"first").await;
        receiver.receive(5).await;
        assert_took(begun, latency);
        // At least 64 chunks: delays in sequence would take 6.4 s.
        let bytes = pattern(1 << 20);
        let begun = Instant::now();
        let (sent, arrived) = (bytes.clone(), async { receiver.receive(1 << 20).await });
        let ((), arrived) = tokio::join!(sender.send(&sent), arrived);
        assert_took(begun, latency);
        assert!(begun.elapsed() < latency * 32, "took {:?}", begun.elapsed());
        assert!(arrived == bytes);
    }
}

#[tokio::test]
async fn jitter_stays_within_its_bounds() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Latency { latency_ms: 20, jitter_ms: 10 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        for _ in 0..10 {
            sender.send(b"x").await;
            receiver.receive(1).await;
        }
        let delays: Vec<Duration> = scene.faults.effects().iter().filter_map(delay_of).collect();
        let (shortest, longest) = (*delays.iter().min().unwrap(), *delays.iter().max().unwrap());
        assert!(Duration::from_millis(10) <= shortest && longest <= Duration::from_millis(30), "{delays:?}");
        assert!(shortest < longest);
        // The faults were recorded when they occurred, one delay apart.
        let at: Vec<Duration> = scene.faults.all().iter().map(|fault| fault.at).collect();
        let waited = at.windows(2).all(|pair| pair[0] + Duration::from_millis(9) <= pair[1]);
        assert!(waited, "{at:?}");
    }
}

fn delay_of(effect: &Effect) -> Option<Duration> {
    match effect {
        Effect::Delayed { delay, .. } => Some(*delay),
        _ => None,
    }
}

#[tokio::test]
async fn removing_or_changing_latency_releases_waiting_data() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        let hour = Kind::Latency { latency_ms: 3_600_000, jitter_ms: 0 };
        scene.add(stream, hour.clone());
        sender.send(b"one ").await;
        scene.faults.until("the first to wait", |effects| effects.len() == 1).await;
        let name = format!("latency_{}", stream.name());
        scene.proxy.update_toxic(&name, Kind::Latency { latency_ms: 1, jitter_ms: 0 }, 1.0).unwrap();
        assert_eq!(receiver.receive(4).await, b"one ");
        scene.proxy.update_toxic(&name, hour, 1.0).unwrap();
        sender.send(b"two").await;
        scene.faults.until("the second to wait", |effects| effects.len() == 3).await;
        scene.proxy.remove_toxic(&name).unwrap();
        assert_eq!(receiver.receive(3).await, b"two");
    }
}

#[tokio::test]
async fn bandwidth_limits_the_rate() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Bandwidth { rate_kb_per_second: 200 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        let begun = Instant::now();
        sender.send(&pattern(100_000)).await;
        assert_eq!(receiver.receive(100_000).await, pattern(100_000));
        assert_took(begun, Duration::from_millis(500));
    }
}

#[tokio::test]
async fn bandwidth_of_zero_holds_back_data_until_it_is_removed() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Bandwidth { rate_kb_per_second: 0 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        sender.send(b"kept").await;
        scene
            .faults
            .until("the data to be held back", |effects| effects == [Effect::HeldBack { bytes: 4 }])
            .await;
        scene.proxy.remove_all_toxics();
        assert_eq!(receiver.receive(4).await, b"kept");
    }
}

#[tokio::test]
async fn slow_close_delays_only_the_end() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        scene.add(stream, Kind::SlowClose { delay_ms: 150 });
        let begun = Instant::now();
        sender.send(b"last").await;
        sender.end().await;
        assert_eq!(receiver.receive(4).await, b"last");
        assert_eq!(receiver.rest().await, b"");
        assert_took(begun, Duration::from_millis(150));
        assert_eq!(scene.faults.effects(), [Effect::EndDelayed { delay: Duration::from_millis(150) }]);
    }
}

#[tokio::test]
async fn a_timeout_of_zero_discards_data_until_it_is_removed() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        scene.add(stream, Kind::Timeout { timeout_ms: 0 });
        sender.send(b"lost").await;
        let discarded = [Effect::Discarded { bytes: 4 }];
        scene.faults.until("the data to be discarded", |effects| effects == discarded).await;
        scene.proxy.remove_all_toxics();
        sender.send(b"found").await;
        sender.end().await;
        assert_eq!(receiver.rest().await, b"found");
    }
}

#[tokio::test]
async fn a_timeout_closes_the_connection_at_both_ends() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        let begun = Instant::now();
        scene.add(stream, Kind::Timeout { timeout_ms: 150 });
        sender.send(b"lost").await;
        assert_eq!(receiver.rest().await, b"");
        assert_took(begun, Duration::from_millis(150));
        assert_eq!(sender.rest().await, b"");
    }
}

#[tokio::test]
async fn a_reset_is_a_reset_at_both_ends() {
    for stream in STREAMS {
        for timeout_ms in [0, 100] {
            let scene = Scene::new(1).await;
            let (mut sender, mut receiver) = scene.connect().await.split(stream);
            let begun = Instant::now();
            scene.add(stream, Kind::ResetPeer { timeout_ms });
            assert_eq!(receiver.next().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert_took(begun, Duration::from_millis(timeout_ms));
            assert_eq!(sender.next().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert_eq!(scene.faults.effects(), [Effect::Reset]);
        }
    }
}

#[tokio::test]
async fn a_slicer_cuts_into_pieces_of_its_size_with_pauses() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let slicer = Kind::Slicer { average_size_bytes: 10, size_variation_bytes: 3, delay_us: 10_000 };
        scene.add(stream, slicer);
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        let begun = Instant::now();
        sender.send(&pattern(100)).await;
        sender.end().await;
        let mut reads = Vec::new();
        while let Some(piece) = Some(receiver.next().await.unwrap()).filter(|piece| !piece.is_empty()) {
            reads.push(piece);
        }
        assert_eq!(reads.concat(), pattern(100));
        assert!(reads.len() > 1);
        let cuts: Vec<u64> = scene.faults.effects().iter().filter_map(cut_of).collect();
        let pieces: Vec<u64> =
            [0].iter().chain(&cuts).zip(&cuts).map(|(before, after)| after - before).collect();
        assert!(pieces.iter().all(|piece| (7..=13).contains(piece)), "{pieces:?}");
        assert!(pieces.iter().any(|piece| *piece != pieces[0]), "{pieces:?}");
        assert_took(begun, Duration::from_millis(10) * u32::try_from(cuts.len()).unwrap());
    }
}

fn cut_of(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::Cut { offset } => Some(*offset),
        _ => None,
    }
}

#[tokio::test]
async fn limit_data_closes_after_exactly_its_bytes() {
    for stream in STREAMS {
        for more in [1, 50_000] {
            let scene = Scene::new(1).await;
            scene.add(stream, Kind::LimitData { bytes_max: 1_000 });
            // After the limit, so that the close must wait for delayed bytes.
            scene.add(stream, Kind::Latency { latency_ms: 20, jitter_ms: 0 });
            let (mut sender, mut receiver) = scene.connect().await.split(stream);
            sender.send(&pattern(999)).await;
            assert_eq!(receiver.receive(999).await, pattern(999));
            sender.send(&pattern(more)).await;
            assert_eq!(receiver.rest().await, [0]);
            assert!(scene.faults.effects().contains(&Effect::Limited { bytes: 1_000 }));
        }
    }
}

#[tokio::test]
async fn bytes_before_the_limit_arrive_before_the_close() {
    for (stream, other) in [(STREAMS[0], STREAMS[1]), (STREAMS[1], STREAMS[0])] {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::LimitData { bytes_max: 5 });
        scene.add(other, Kind::Bandwidth { rate_kb_per_second: 0 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        // More than the proxy buffers, so that closing at once would be a reset.
        receiver.send(&pattern(100_000)).await;
        scene.faults.until("the path to be full", |effects| held_back_bytes(effects) >= 64 << 10).await;
        sender.send(b"hello, and what is cut").await;
        assert_eq!(receiver.rest().await, b"hello");
    }
}

fn held_back_bytes(effects: &[Effect]) -> usize {
    effects.iter().map(|effect| if let Effect::HeldBack { bytes } = effect { *bytes } else { 0 }).sum()
}

#[tokio::test]
async fn joining_sends_collected_data_at_once() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        scene.add(stream, Kind::Joining { delay_ms: 200 });
        let begun = Instant::now();
        for part in [b"a", b"b", b"c"] {
            sender.send(part).await;
        }
        assert_eq!(receiver.next().await.unwrap(), b"abc");
        assert_took(begun, Duration::from_millis(200));
        scene.proxy.remove_all_toxics();
        sender.send(b"d").await;
        assert_eq!(receiver.next().await.unwrap(), b"d");
    }
}

#[tokio::test]
async fn corruption_flips_the_bits_that_it_reports() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Corruption { probability: 0.05 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        sender.send(&pattern(2_000)).await;
        let arrived = receiver.receive(2_000).await;
        let mut expected = pattern(2_000);
        for effect in scene.faults.effects() {
            let Effect::Flipped { offset, mask } = effect else { panic!("{effect:?}") };
            assert_eq!(mask.count_ones(), 1);
            expected[usize::try_from(offset).unwrap()] ^= mask;
        }
        assert_eq!(arrived, expected);
        // A hundred are expected; the number depends only on the seed.
        assert!((50..200).contains(&scene.faults.all().len()));
        scene.proxy.remove_all_toxics();
        sender.send(b"clean").await;
        assert_eq!(receiver.receive(5).await, b"clean");
    }
}

/// Sends single bytes and returns those that arrived. Each is a chunk of its own, because the next one follows only after it has
/// arrived or was discarded.
async fn send_bytes_one_by_one(scene: &Scene, stream: Stream, count: u8) -> Vec<u8> {
    let (mut sender, mut receiver) = scene.connect().await.split(stream);
    let mut arrived = Vec::new();
    for byte in 0..count {
        let lost = scene.faults.all().len();
        sender.send(&[byte]).await;
        tokio::select! {
            bytes = receiver.receive(1) => arrived.extend(bytes),
            () = scene.faults.until("a loss", |effects| effects.len() > lost) => {}
        }
    }
    arrived
}

#[tokio::test]
async fn lost_chunks_are_reported_and_the_others_arrive_in_order() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::PacketLoss { loss_rate: 0.3, correlation: 0.0 });
        let arrived = send_bytes_one_by_one(&scene, stream, 100).await;
        let lost = scene.faults.effects();
        assert!(lost.iter().all(|effect| *effect == Effect::Discarded { bytes: 1 }));
        assert_eq!(arrived.len() + lost.len(), 100);
        assert!(arrived.is_sorted() && (15..50).contains(&lost.len()), "{} lost", lost.len());
    }
}

#[tokio::test]
async fn correlated_losses_come_in_bursts() {
    let scene = Scene::new(2).await;
    scene.add(Stream::Upstream, Kind::PacketLoss { loss_rate: 0.1, correlation: 0.9 });
    let arrived = send_bytes_one_by_one(&scene, Stream::Upstream, 100).await;
    // After the first loss, the probability is 1.
    let count = u8::try_from(arrived.len()).unwrap();
    assert_eq!(arrived, (0..count).collect::<Vec<u8>>());
    assert!((1..100).contains(&count), "{count}");
}

#[tokio::test]
async fn a_toxic_without_effect_changes_nothing() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Noop {});
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        sender.send(&pattern(10_000)).await;
        sender.end().await;
        assert_eq!(receiver.rest().await, pattern(10_000));
        assert_eq!(scene.faults.all(), []);
    }
}

#[tokio::test]
async fn a_black_hole_holds_back_the_end_until_it_is_removed() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        scene.add(stream, Kind::BlackHole {});
        sender.send(b"lost").await;
        sender.end().await;
        scene.faults.until("the end to be held back", |effects| effects.contains(&Effect::EndHeldBack)).await;
        receiver.send(b"the other direction").await;
        assert_eq!(sender.receive(19).await, b"the other direction");
        let ended = tokio::time::timeout(Duration::from_millis(50), receiver.next()).await;
        assert!(ended.is_err(), "{ended:?}");
        scene.proxy.remove_all_toxics();
        assert_eq!(receiver.rest().await, b"");
    }
}

#[tokio::test]
async fn down_closes_open_and_new_connections() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        scene.add(stream, Kind::Down {});
        assert_eq!((sender.rest().await, receiver.rest().await), (vec![], vec![]));
        assert_eq!(End(scene.client().await).rest().await, b"");
        scene.proxy.remove_all_toxics();
        // The closed connection did not reach the service: the next one to arrive is this one.
        let client = scene.client().await;
        let (server, from) = within("a connection at the service", scene.service.accept()).await.unwrap();
        let (mut client, mut server) = (End(client), End(server));
        client.send(b"back").await;
        assert_eq!(server.receive(4).await, b"back", "{from}");
    }
}

#[tokio::test]
async fn a_toxic_affects_only_its_direction() {
    for stream in STREAMS {
        let scene = Scene::new(1).await;
        scene.add(stream, Kind::Timeout { timeout_ms: 0 });
        let (mut sender, mut receiver) = scene.connect().await.split(stream);
        receiver.send(b"unharmed").await;
        assert_eq!(sender.receive(8).await, b"unharmed");
        assert_eq!(scene.faults.effects(), vec![]);
    }
}

#[tokio::test]
async fn a_toxic_can_begin_after_a_number_of_round_trips() {
    let scene = Scene::new(1).await;
    let timing = Timing { round_trips: 2, ..Timing::default() };
    let toxic = Toxic { timing, ..Toxic::new(Stream::Downstream, Kind::Down {}) };
    scene.proxy.add_toxic(toxic).unwrap();
    let Ends { client, server } = scene.connect().await;
    let (mut client, mut server) = (End(client), End(server));
    for _ in 0..2 {
        client.send(b"request").await;
        server.receive(7).await;
        server.send(b"reply").await;
        assert_eq!(client.receive(5).await, b"reply");
    }
    assert_eq!(client.rest().await, b"");
    assert_eq!(scene.faults.effects(), [Effect::Closed]);
}
