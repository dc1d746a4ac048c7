//! A queue of tasks that a few threads work through.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Runs `work` on each task, on `threads` threads, and passes each result to `done` on the calling thread, in the order
/// of the tasks.
pub(crate) fn for_each<T: Send, R: Send>(
    threads: usize,
    tasks: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
    mut done: impl FnMut(R),
) {
    let queue: Mutex<VecDeque<(usize, T)>> = Mutex::new(tasks.into_iter().enumerate().collect());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while let Some((index, task)) = next() {
                    // The receiver lives as long as this scope.
                    let _ = sender.send((index, work(task)));
                }
            });
        }
        drop(sender);
        let mut waiting = std::collections::BTreeMap::new();
        let mut expected = 0;
        for (index, result) in results {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&expected) {
                done(result);
                expected += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_arrive_in_the_order_of_the_tasks() {
        let mut results = Vec::new();
        let slow_first = |task: u64| {
            thread::sleep(Duration::from_millis(20 - task));
            task * 2
        };
        for_each(4, 0..20, slow_first, |result| results.push(result));
        assert_eq!(results, (0..20).map(|task| task * 2).collect::<Vec<_>>());
    }

    #[test]
    fn no_tasks_are_no_results() {
        for_each(2, [], |task: u8| task, |_| panic!("there is no task"));
    }
}
