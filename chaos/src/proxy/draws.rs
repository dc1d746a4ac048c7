//! Where chance comes from: a stream of draws for each toxic on each direction of each connection.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::fault::Witness;
use super::toxic::Stream;

/// The draws of a toxic on one direction of a connection. They follow from the seed, the names of proxy and toxic, the
/// connection's number and the direction, so that neither a connection nor a toxic more disturbs any other.
pub(super) fn draws_of(seed: u64, witness: &Witness, toxic: &str) -> ChaCha8Rng {
    let mut key = Sha256::new();
    key.update(seed.to_le_bytes());
    // The length keeps names apart that would read the same one after the other.
    key.update((witness.proxy.len() as u64).to_le_bytes());
    key.update(witness.proxy.as_bytes());
    key.update(toxic.as_bytes());
    let mut random = ChaCha8Rng::from_seed(key.finalize().into());
    random.set_stream(witness.connection << 1 | u64::from(witness.stream == Stream::Downstream));
    random
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::Rng;
    use tokio::time::Instant;

    use super::super::fault::Fault;
    use super::*;

    fn first_draw(seed: u64, proxy: &str, toxic: &str, connection: u64, stream: Stream) -> u64 {
        let observer = Arc::new(|_: &Fault| ());
        let witness = Witness { observer, begun: Instant::now(), proxy: proxy.into(), connection, stream };
        draws_of(seed, &witness, toxic).next_u64()
    }

    #[test]
    fn each_part_of_the_key_counts_and_nothing_else_does() {
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
    fn what_a_seed_means_does_not_change_from_version_to_version() {
        assert_eq!(
            first_draw(7, "proxy", "latency_downstream", 1, Stream::Downstream),
            17_764_644_319_441_558_116
        );
    }
}
