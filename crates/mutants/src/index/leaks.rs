//! Resources that a leaking server never releases.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use super::catalogue::{Defect, Defects};

#[derive(Debug)]
pub(super) struct Leaks {
    defects: Defects,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    streams: Vec<Arc<TcpStream>>,
    memory: Vec<Vec<u8>>,
    /// Memory that is not in use and is freed later.
    garbage: Vec<Vec<u8>>,
}

impl Kept {
    /// Leaks a little memory and leaves more as garbage, which is freed once it is much.
    fn leak_beside_garbage(&mut self) {
        self.memory.push(vec![1; LEAKED_BESIDE_GARBAGE]);
        self.garbage.push(vec![1; GARBAGE_PER_CONNECTION]);
        if self.garbage.len() == COLLECTED_AT {
            self.garbage.clear();
        }
    }
}

/// The size of a leak in bytes. The memory is filled with ones: pages of zeros that are never written take no memory.
const LEAKED_PER_CONNECTION: usize = 64 * 1024;
const LEAKED_BESIDE_GARBAGE: usize = 3 * 1024;

/// The size in bytes of what a connection leaves as garbage, and the number of connections after which garbage is freed.
const GARBAGE_PER_CONNECTION: usize = 16 * 1024;
const COLLECTED_AT: usize = 500;

impl Leaks {
    pub(super) fn new(defects: Defects) -> Self {
        Self { defects, kept: Mutex::default() }
    }

    /// Records a line.
    pub(super) fn note_line(&self, line: &[u8]) {
        if self.defects.has(Defect::LeaksMemoryPerRequest) {
            self.keep(|kept| kept.memory.push(line.to_vec()));
        }
    }

    /// Never closes a connection.
    pub(super) fn keep_open(&self, stream: &Arc<TcpStream>) {
        self.keep(|kept| kept.streams.push(Arc::clone(stream)));
    }

    /// Records that a write has failed.
    pub(super) fn note_failed_write(&self, stream: &Arc<TcpStream>) {
        if self.defects.has(Defect::LeaksDescriptorsOfStalledReaders) {
            self.keep_open(stream);
        }
    }

    /// Records the end of a connection. `is_abnormal` states that it ended within a line or by a reset, `is_silent`
    /// that its client has sent no request.
    pub(super) fn note_end(&self, stream: &Arc<TcpStream>, is_abnormal: bool, is_silent: bool) {
        match self.defects.get() {
            Some(Defect::LeaksDescriptors) => self.keep_open(stream),
            Some(Defect::LeaksDescriptorsOfLostClients) if is_abnormal => {
                self.keep_open(stream);
            }
            Some(Defect::LeaksDescriptorsOfSilentClients) if is_silent => {
                self.keep_open(stream);
            }
            Some(Defect::LeaksMemory) => self.keep(|kept| kept.memory.push(vec![1; LEAKED_PER_CONNECTION])),
            Some(Defect::LeaksBesideGarbage) => self.keep(Kept::leak_beside_garbage),
            _ => {}
        }
    }

    fn keep(&self, add: impl FnOnce(&mut Kept)) {
        add(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::index::find;

    #[test]
    fn a_failed_write_leaks_a_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let references_after = |mutant: Option<&str>| {
            let leaks = Leaks::new(Defects::of(mutant.map(|name| find(name).unwrap())));
            leaks.note_end(&stream, true, false);
            leaks.note_failed_write(&stream);
            Arc::strong_count(&stream)
        };
        assert_eq!(references_after(None), 1);
        assert_eq!(references_after(Some("leaks-descriptors-of-stalled-readers")), 2);
    }

    #[test]
    fn a_collection_frees_the_garbage_but_not_the_leak() {
        let mut kept = Kept::default();
        (0..=COLLECTED_AT).for_each(|_| kept.leak_beside_garbage());
        assert_eq!((kept.memory.len(), kept.garbage.len()), (COLLECTED_AT + 1, 1));
    }
}
