//! The operations of a run, with a limit on their number.

use driver::exchanges::Exchange;
use linearizability::Operation;
use protocol::index::wire::Reply;

/// The number of operations of a run that is checked as a whole; memory is bounded.
const OPERATIONS_MAX: usize = 4_000_000;

/// The operations of a run; none once there are too many. An incomplete set proves nothing, because any omitted
/// operation may have changed the index.
#[derive(Debug)]
pub struct Operations {
    all: Option<Vec<Operation>>,
    count_max: usize,
}

impl Default for Operations {
    fn default() -> Self {
        Self::at_most(OPERATIONS_MAX)
    }
}

impl Operations {
    /// Returns an empty set for at most this number of operations.
    #[must_use]
    pub const fn at_most(count_max: usize) -> Self {
        Self { all: Some(Vec::new()), count_max }
    }

    /// Adds a request with its reply; `None` if the reply is not known.
    pub fn add(&mut self, replied: &Exchange<'_>, reply: Option<Reply>) {
        let Exchange { place, request, sent_ns, replied_ns, .. } = *replied;
        // A fabricated history may contain a reply before its request.
        let replied = reply.map(|reply| (reply, replied_ns.max(sent_ns)));
        self.push(Operation { client: place.client, line: request.to_vec(), sent_ns, replied });
    }

    pub(crate) fn push(&mut self, operation: Operation) {
        if self.all.as_ref().is_some_and(|all| all.len() == self.count_max) {
            self.all = None;
        }
        if let Some(all) = &mut self.all {
            all.push(operation);
        }
    }

    /// Returns all operations, unless there were too many.
    #[must_use]
    pub fn all(&self) -> Option<&[Operation]> {
        self.all.as_deref()
    }

    /// Returns all operations by value, unless there were too many.
    pub(crate) fn into_all(self) -> Option<Vec<Operation>> {
        self.all
    }

    /// Returns the largest number of operations.
    #[must_use]
    pub const fn count_max(&self) -> usize {
        self.count_max
    }
}
