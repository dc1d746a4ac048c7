//! Random draws: one stream for each toxic in each direction of each connection.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::injected_fault::EffectLog;
use crate::toxic::Stream;

/// Returns the draws of a toxic in one direction of a connection. They depend only on the seed, the names of the proxy and
/// the toxic, the number of the connection and the direction, so that connections and toxics do not affect each other.
pub(crate) fn draws_of(seed: u64, log: &EffectLog, toxic: &str) -> ChaCha8Rng {
    let mut key = Sha256::new();
    key.update(seed.to_le_bytes());
    // The length separates the names.
    key.update((log.proxy.len() as u64).to_le_bytes());
    key.update(log.proxy.as_bytes());
    key.update(toxic.as_bytes());
    let mut random = ChaCha8Rng::from_seed(key.finalize().into());
    random.set_stream(log.connection << 1 | u64::from(log.stream == Stream::Downstream));
    random
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::Rng;
    use tokio::time::Instant;

    use super::*;
    use crate::injected_fault::InjectedFault;

    fn first_draw(seed: u64, proxy: &str, toxic: &str, connection: u64, stream: Stream) -> u64 {
        let observer = Arc::new(|_: &InjectedFault| ());
        let log = EffectLog { observer, begun: Instant::now(), proxy: proxy.into(), connection, stream };
        draws_of(seed, &log, toxic).next_u64()
    }

    #[test]
    fn draws_depend_on_every_part_of_the_key() {
        let draw = first_draw(1, "p", "t", 1, Stream::Upstream);
        assert_eq!(draw, first_draw(1, "p", "t", 1, Stream::Upstream));
        for other in [
            first_draw(2, "p", "t", 1, Stream::Upstream),
            first_draw(1, "pt", "", 1, Stream::Upstream),
            first_draw(1, "p", "u", 1, Stream::Upstream),
            first_draw(1, "p", "t", 2, Stream::Upstream),
            first_draw(1, "p", "t", 1, Stream::Downstream),
        ] {
            assert_ne!(draw, other);
        }
    }

    #[test]
    fn a_seed_keeps_its_meaning() {
        assert_eq!(
            first_draw(7, "proxy", "latency_downstream", 1, Stream::Downstream),
            17_764_644_319_441_558_116
        );
    }
}
