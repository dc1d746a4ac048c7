//! Delta debugging: reduces a failing set of items to a small subset that still fails (Zeller and Hildebrandt,
//! "Simplifying and Isolating Failure-Inducing Input", 2002).

/// Reduces a failing set of items to a subset that still fails, in the same order.
///
/// `fails` returns whether a subset fails, or `None` if no time is left. In that case the smallest failing subset
/// found so far is returned.
pub async fn reduce<T: Clone>(things: Vec<T>, mut fails: impl AsyncFnMut(&[T]) -> Option<bool>) -> Vec<T> {
    let mut best = things;
    let mut parts = 2;
    while best.len() > 1 {
        let size = best.len().div_ceil(parts);
        let mut smaller = None;
        for candidate in candidates(&best, size) {
            match fails(&candidate).await {
                None => return best,
                Some(true) => {
                    smaller = Some(candidate);
                    break;
                }
                Some(false) => {}
            }
        }
        match smaller {
            Some(candidate) => {
                // The remainder is tried again in parts of the same size.
                parts = candidate.len().div_ceil(size).max(2);
                best = candidate;
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(best.len()),
        }
    }
    best
}

/// Returns each part alone, then all items without each part.
fn candidates<T: Clone>(things: &[T], size: usize) -> Vec<Vec<T>> {
    let alone = things.chunks(size).map(<[T]>::to_vec);
    let without = (0..things.len()).step_by(size).map(|from| {
        let mut rest = things.to_vec();
        rest.drain(from..(from + size).min(things.len()));
        rest
    });
    // With two parts, each is the complement of the other.
    let is_more_than_two = things.len().div_ceil(size) > 2;
    alone.chain(without.filter(|_| is_more_than_two)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_each_part_and_all_but_each_part() {
        let of = |size| -> Vec<String> {
            candidates(&["a", "b", "c", "d"], size).into_iter().map(|some| some.concat()).collect()
        };
        assert_eq!(of(2), ["ab", "cd"]);
        assert_eq!(of(1), ["a", "b", "c", "d", "bcd", "acd", "abd", "abc"]);
    }

    /// Polls a future that is never pending.
    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("the future is pending"),
        }
    }

    #[test]
    fn items_that_fail_only_together_are_kept() {
        let all: Vec<u32> = (0..100).collect();
        let left = now(reduce(all, async |some| Some(some.contains(&17) && some.contains(&71))));
        assert_eq!(left, [17, 71]);
    }

    #[test]
    fn the_smallest_failing_subset_is_returned_when_time_runs_out() {
        let mut tries = 3;
        let left = now(reduce((0..100).collect::<Vec<u32>>(), async |some| {
            tries -= 1;
            (tries > 0).then(|| some.contains(&99))
        }));
        assert!(left.contains(&99) && left.len() < 100, "{left:?}");
    }
}
