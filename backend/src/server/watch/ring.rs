//! A ring of the latest events of a folder, numbered. A subscriber has a position in it and no queue of its own; one
//! that falls behind by more than the ring holds gets [`EventKind::Resync`]. Pure.

use std::collections::VecDeque;

use shared::limits::{EVENTS_KEPT_BYTES_MAX, EVENTS_KEPT_MAX};
use shared::{Event, EventId, EventKind};

/// The latest events.
pub(super) struct Ring {
    epoch: u64,
    /// The number of the last event; 0 before the first.
    last: u64,
    /// The events up to `last`, without a gap.
    events: VecDeque<EventKind>,
    /// The memory of the events.
    bytes: usize,
}

impl Ring {
    /// An empty ring. `epoch` tells its numbers from those of other rings.
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, last: 0, events: VecDeque::new(), bytes: 0 }
    }

    /// Adds an event, in the place of the oldest if the ring is full.
    pub(super) fn push(&mut self, kind: EventKind) {
        self.bytes += kind.memory_bytes();
        self.events.push_back(kind);
        self.last += 1;
        while self.events.len() > EVENTS_KEPT_MAX || self.bytes > EVENTS_KEPT_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.memory_bytes();
        }
    }

    /// The number of the last event; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The id of event number `sequence`.
    pub(super) fn id(&self, sequence: u64) -> EventId {
        EventId { epoch: self.epoch, sequence }
    }

    /// The position of a subscriber whose last event was `after`. `None` if the ring does not have all events since.
    pub(super) fn place_after(&self, after: EventId) -> Option<u64> {
        let known = after.epoch == self.epoch && after.sequence <= self.last && after.sequence >= self.before_first();
        known.then_some(after.sequence)
    }

    /// The events after position `place`; [`EventKind::Resync`] if the ring does not have all of them.
    pub(super) fn after(&self, place: u64) -> Vec<Event> {
        if place < self.before_first() {
            return vec![self.resync()];
        }
        let skipped = usize::try_from(place - self.before_first()).unwrap_or(usize::MAX);
        let numbered = (place + 1..).zip(self.events.iter().skip(skipped));
        numbered.map(|(sequence, kind)| Event { id: self.id(sequence), kind: kind.clone() }).collect()
    }

    /// An event that asks to list the folder again, at the present position.
    pub(super) fn resync(&self) -> Event {
        Event { id: self.id(self.last), kind: EventKind::Resync }
    }

    fn before_first(&self) -> u64 {
        self.last - self.events.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use shared::VPath;

    use super::*;

    fn absent(number: u64) -> EventKind {
        EventKind::Absent { path: VPath::parse(&number.to_string()).unwrap() }
    }

    #[test]
    fn a_returning_subscriber_gets_the_events_since_or_a_resync() {
        let mut ring = Ring::new(7);
        assert!(ring.after(0).is_empty());
        (1..=3).for_each(|number| ring.push(absent(number)));
        let events: Vec<_> = ring.after(1).into_iter().map(|event| (event.id.sequence, event.kind)).collect();
        assert_eq!(events, [(2, absent(2)), (3, absent(3))]);
        assert_eq!(ring.place_after(EventId { epoch: 7, sequence: 2 }), Some(2));
        assert_eq!(ring.place_after(EventId { epoch: 7, sequence: 4 }), None);
        assert_eq!(ring.place_after(EventId { epoch: 8, sequence: 2 }), None);
        (4..=EVENTS_KEPT_MAX as u64 + 2).for_each(|number| ring.push(absent(number)));
        assert_eq!(ring.place_after(EventId { epoch: 7, sequence: 1 }), None);
        assert_eq!(ring.place_after(EventId { epoch: 7, sequence: 2 }), Some(2));
        assert_eq!(ring.after(2).len(), EVENTS_KEPT_MAX);
        assert_eq!(ring.after(1), [ring.resync()]);
    }

    #[test]
    fn events_of_long_paths_are_fewer() {
        let mut ring = Ring::new(7);
        let path = VPath::from_bytes([&[b'a'; 200][..]; 20].join(&b'/')).unwrap();
        (0..EVENTS_KEPT_MAX).for_each(|_| ring.push(EventKind::Absent { path: path.clone() }));
        let kept = ring.last() - ring.before_first();
        assert!((EVENTS_KEPT_BYTES_MAX / 8192..=EVENTS_KEPT_BYTES_MAX / 4000).contains(&(kept as usize)), "{kept}");
        assert_eq!(ring.after(ring.last() - kept).len() as u64, kept);
        assert_eq!(ring.after(ring.last() - kept - 1), [ring.resync()]);
    }
}
