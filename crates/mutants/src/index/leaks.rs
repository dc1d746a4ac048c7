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
}

/// The size of a leak in bytes. The memory is filled with ones: pages of zeros that are never written take no memory.
const LEAKED_PER_CONNECTION: usize = 64 * 1024;

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

    /// Records the end of a connection. `is_abnormal` states that it ended within a line or by a reset, `is_silent`
    /// that its client has sent no request.
    pub(super) fn note_end(&self, stream: &Arc<TcpStream>, is_abnormal: bool, is_silent: bool) {
        match self.defects.get() {
            Some(Defect::LeaksDescriptors) => self.keep(|kept| kept.streams.push(Arc::clone(stream))),
            Some(Defect::LeaksDescriptorsOfLostClients) if is_abnormal => {
                self.keep(|kept| kept.streams.push(Arc::clone(stream)));
            }
            Some(Defect::LeaksDescriptorsOfSilentClients) if is_silent => {
                self.keep(|kept| kept.streams.push(Arc::clone(stream)));
            }
            Some(Defect::LeaksMemory) => self.keep(|kept| kept.memory.push(vec![1; LEAKED_PER_CONNECTION])),
            _ => {}
        }
    }

    fn keep(&self, add: impl FnOnce(&mut Kept)) {
        add(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
