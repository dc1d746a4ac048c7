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
