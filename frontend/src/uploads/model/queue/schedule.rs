//! Which upload starts next, and when to check again.

use super::super::item::{Id, Item, Stage};
use super::events::Connectivity;
use super::state::Queue;

/// Most files sent at a time. Over HTTP/1.1 a browser opens six connections to a server, of which the event stream and
/// the listings need one each.
pub(super) const CONNECTIONS_MAX: usize = 4;
/// Most large files sent at a time while small ones wait.
const LARGE_CONNECTIONS_MAX: usize = 2;
/// Most small files that are read before a connection is free: as many as are sent at a time.
const READ_AHEAD_MAX: usize = CONNECTIONS_MAX;
/// Most files compared at a time.
pub(super) const COMPARISONS_MAX: usize = 2;

impl Queue {
    /// Starts the next file to send, and returns it with the number of the attempt.
    pub fn start_next(&mut self, now: f64) -> Option<(Id, u32)> {
        self.wake_due(now);
        let connections = match self.connectivity {
            Connectivity::Online => CONNECTIONS_MAX,
            Connectivity::Probing { .. } => 1,
            Connectivity::Lost { .. } => 0,
        };
        if self.totals.small_connections + self.totals.large_connections >= connections {
            return None;
        }
        let id = self.take_next()?;
        Some((id, self.begin_attempt(id, Stage::Sending)))
    }

    /// Starts the next file to compare, and returns it with the number of the attempt.
    pub fn start_comparison(&mut self) -> Option<(Id, u32)> {
        if self.connectivity != Connectivity::Online || self.totals.comparing >= COMPARISONS_MAX {
            return None;
        }
        loop {
            let id = self.to_compare.pop_front()?;
            if self.stage(id) == Some(&Stage::Comparing) && !self.items[id].running {
                return Some((id, self.begin_attempt(id, Stage::Comparing)));
            }
        }
    }

    /// The small files that are probably sent next: reading them early saves time when a connection is free.
    pub fn upcoming(&self) -> impl Iterator<Item = Id> + '_ {
        let waits = |id: &Id| self.stage(*id) == Some(&Stage::Waiting);
        let count = if self.connectivity == Connectivity::Online { READ_AHEAD_MAX } else { 0 };
        self.small.iter().copied().filter(waits).take(count)
    }

    /// When to call [`Queue::start_next`] even without an event, in milliseconds.
    pub fn next_wake(&self) -> Option<f64> {
        let reconnect = match self.connectivity {
            Connectivity::Lost { retry_at, .. } if retry_at.is_finite() => Some(retry_at),
            _ => None,
        };
        let backoffs = self.in_backoff.iter().filter_map(|&id| match self.items[id].stage {
            Stage::Backoff(until) => Some(until),
            _ => None,
        });
        backoffs.chain(reconnect).reduce(f64::min)
    }

    /// Takes the next waiting file. Small files come first, but large files that are earlier in the list keep
    /// `LARGE_CONNECTIONS_MAX` connections.
    fn take_next(&mut self) -> Option<Id> {
        let waits = |items: &[Item], id: Option<&Id>| id.is_none_or(|&id| items[id].stage == Stage::Waiting);
        while !waits(&self.items, self.small.front()) {
            self.small.pop_front();
        }
        while !waits(&self.items, self.large.front()) {
            self.large.pop_front();
        }
        let large_first = match (self.small.front(), self.large.front()) {
            (Some(small), Some(large)) => self.totals.large_connections < LARGE_CONNECTIONS_MAX && large < small,
            (small, _) => small.is_none(),
        };
        if large_first { self.large.pop_front() } else { self.small.pop_front() }
    }
}
