//! A Bloom filter of names with counters, so that names can be removed. Only a defect needs it.

const COUNTER_COUNT: usize = 4096;

#[derive(Debug)]
pub(super) struct Filter {
    counters: Vec<u32>,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self { counters: vec![0; COUNTER_COUNT] }
    }

    /// Adds a name that the filter does not contain.
    pub(super) fn insert(&mut self, name: &[u8]) {
        for position in positions(name) {
            self.counters[position] += 1;
        }
    }

    /// Removes a name that was added.
    pub(super) fn remove(&mut self, name: &[u8]) {
        for position in positions(name) {
            self.counters[position] -= 1;
        }
    }

    /// Returns true for all names that were added, and for a few others.
    pub(super) fn may_contain(&self, name: &[u8]) -> bool {
        positions(name).iter().all(|&position| self.counters[position] > 0)
    }
}

/// Returns two positions, from the 64-bit FNV-1a hash of a name.
fn positions(name: &[u8]) -> [usize; 2] {
    let hash = name.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [.., third, second, first, last] = hash.to_be_bytes();
    [[third, second], [first, last]].map(|bytes| usize::from(u16::from_be_bytes(bytes)) % COUNTER_COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_names_are_found_until_they_are_removed() {
        let mut filter = Filter::new();
        filter.insert(b"a");
        filter.insert(b"b");
        filter.remove(b"a");
        assert!(filter.may_contain(b"b") && !filter.may_contain(b"a"));
    }
}
