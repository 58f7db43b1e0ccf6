//! A bounded number of buckets.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use super::bucket::Rate;
use super::wait::Wait;

/// The part of the buckets that goes when there is no room: those that are nearest to full, which say least.
const PART: usize = 8;

/// Buckets that are not full, by their key.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    rate: Rate,
    count_max: usize,
    full_at: HashMap<K, Duration>,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// At most `count_max` buckets.
    pub(super) fn new(rate: Rate, count_max: usize) -> Self {
        Self { rate, count_max, full_at: HashMap::new() }
    }

    /// # Errors
    /// [`Wait`] while the bucket is empty.
    pub(super) fn check(&self, key: &K, now: Duration) -> Result<(), Wait> {
        match self.full_at.get(key).and_then(|full_at| self.rate.wait(*full_at, now)) {
            Some(wait) => Err(Wait(wait)),
            None => Ok(()),
        }
    }

    /// Takes an attempt from the bucket.
    pub(super) fn take(&mut self, key: &K, now: Duration) {
        let full_at = self.full_at.get(key).copied();
        if full_at.is_none() && self.full_at.len() >= self.count_max {
            self.make_room(now);
        }
        self.full_at.insert(key.clone(), self.rate.after(full_at.unwrap_or_default(), now));
    }

    /// Gives an attempt back.
    pub(super) fn give_back(&mut self, key: &K) {
        if let Some(full_at) = self.full_at.get_mut(key) {
            *full_at = full_at.saturating_sub(self.rate.interval);
        }
    }

    /// Full buckets say nothing. Without one, those that are nearest to full go, so that a flood of new keys pushes out its
    /// own buckets and not the empty ones.
    fn make_room(&mut self, now: Duration) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < self.count_max {
            return;
        }
        let mut moments: Vec<_> = self.full_at.values().copied().collect();
        let (_, last, _) = moments.select_nth_unstable(self.count_max / PART);
        let last = *last;
        self.full_at.retain(|_, full_at| *full_at > last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 5, interval: Duration::from_secs(10) };

    #[test]
    fn a_flood_of_new_keys_does_not_push_out_an_empty_bucket() {
        let mut buckets = Buckets::new(RATE, 64);
        let now = Duration::from_secs(100);
        while buckets.check(&0, now).is_ok() {
            buckets.take(&0, now);
        }
        for key in 1..10_000 {
            buckets.take(&key, now);
            assert!(buckets.full_at.len() <= 64);
        }
        assert!(buckets.check(&0, now).is_err());
    }

    #[test]
    fn full_buckets_are_forgotten_first() {
        let mut buckets = Buckets::new(RATE, 4);
        for key in 0..4 {
            buckets.take(&key, Duration::from_secs(10 * key));
        }
        buckets.take(&9, Duration::from_secs(31));
        let mut keys: Vec<_> = buckets.full_at.keys().copied().collect();
        keys.sort_unstable();
        assert_eq!(keys, [3, 9]);
    }
}
