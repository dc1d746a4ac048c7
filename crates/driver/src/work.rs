//! Computations that a script leaves to another thread, such as proofs of work.
//!
//! A script creates a [`Work`] and returns its job as [`Move::Compute`](crate::moves::Move::Compute). The driver runs the job
//! on another thread and asks the script for its next move when the job has ended. A script that is dropped cancels its work.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A computation and its result.
#[derive(Debug)]
pub struct Work<T> {
    job: Job,
    result: Arc<OnceLock<T>>,
    is_cancelled: Arc<AtomicBool>,
}

impl<T: Send + Sync + 'static> Work<T> {
    /// Returns a computation that has not begun. The function receives a flag that becomes true when nobody waits for the
    /// result any more. It must look at the flag at least once per millisecond.
    pub fn new(compute: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Self {
        let (result, is_cancelled) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
        let job = {
            let (result, is_cancelled) = (Arc::clone(&result), Arc::clone(&is_cancelled));
            Job::new(move || {
                if !is_cancelled.load(Ordering::Relaxed) {
                    let _ = result.set(compute(&is_cancelled));
                }
            })
        };
        Self { job, result, is_cancelled }
    }
}

impl<T> Work<T> {
    /// Returns the job, for the driver.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Returns the result, once the job has ended.
    #[must_use]
    pub fn result(&self) -> Option<&T> {
        self.result.get()
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

/// A computation that runs once. Its result is in its [`Work`].
pub struct Job(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Job {
    fn new(compute: impl FnOnce() + Send + 'static) -> Self {
        Self(Mutex::new(Some(Box::new(compute))))
    }

    /// Takes the computation, if it has not begun.
    pub(crate) fn take(&self) -> Option<Box<dyn FnOnce() + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Runs the computation on this thread, if it has not begun.
    pub fn run(&self) {
        if let Some(compute) = self.take() {
            compute();
        }
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Job {}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_runs_once_and_leaves_its_result() {
        let work = Work::new(|_| 7);
        assert_eq!(work.result(), None);
        work.job().run();
        work.job().run();
        assert_eq!(work.result(), Some(&7));
    }

    #[test]
    fn work_that_is_dropped_is_cancelled() {
        let work = Work::new(|_| panic!("it was dropped"));
        let compute = work.job().take().unwrap();
        drop::<Work<()>>(work);
        compute();
    }
}
