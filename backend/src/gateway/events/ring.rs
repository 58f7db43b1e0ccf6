//! The recent events of a folder. An event stream has a place among them and no queue of its own, so that a client which
//! reads nothing holds no memory. Pure.

use std::collections::VecDeque;

use shared::limits::{EVENTS_KEPT_BYTES_MAX, EVENTS_KEPT_MAX};
use shared::{Event, EventId, EventKind};

/// The last events, without gaps.
pub(crate) struct Ring {
    /// A client at this position has seen every event before the first one kept.
    base: EventId,
    kept: VecDeque<Event>,
    /// The memory of the events that are kept.
    bytes: usize,
    /// How many events came before those that are kept.
    removed: u64,
}

/// Where an event stream begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// `ready`, and `resync` if it is unknown which events the client has missed.
    pub(crate) first: Vec<Event>,
    /// The place of the next event.
    pub(crate) place: u64,
}

impl Ring {
    /// An empty ring, from a position on.
    pub(crate) fn new(base: EventId) -> Self {
        Self { base, kept: VecDeque::new(), bytes: 0, removed: 0 }
    }

    /// Adds the latest event.
    pub(crate) fn push(&mut self, event: Event) {
        self.bytes += event.kind.memory_bytes();
        self.kept.push_back(event);
        while self.kept.len() > EVENTS_KEPT_MAX || self.bytes > EVENTS_KEPT_BYTES_MAX {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.kind.memory_bytes();
            self.base = oldest.id;
            self.removed += 1;
        }
    }

    /// The beginning for a client that has received the event `after` last. Events that it missed keep their ids, so that
    /// a client which disconnects in between resumes at the right place.
    pub(crate) fn begin(&self, after: Option<Position>) -> Beginning {
        let ready = |id| Event { id, kind: EventKind::Ready };
        let seen = match after {
            Some(Position::At(id)) if id == self.base => Some((id, 0)),
            Some(Position::At(id)) => {
                self.kept.iter().position(|event| event.id == id).map(|index| (id, index as u64 + 1))
            }
            Some(Position::Unknown) | None => None,
        };
        match seen {
            Some((id, seen)) => Beginning { first: vec![ready(id)], place: self.removed + seen },
            None if after.is_none() => Beginning { first: vec![ready(self.last())], place: self.end() },
            None => Beginning { first: vec![ready(self.last()), self.resync()], place: self.end() },
        }
    }

    /// The event at a place, and the next place; `None` before it has come. A client that was too slow gets `resync` in
    /// the place of the events that are no longer kept.
    pub(crate) fn at(&self, place: u64) -> Option<(Event, u64)> {
        match place.checked_sub(self.removed) {
            None => Some((self.resync(), self.end())),
            Some(index) => {
                let event = usize::try_from(index).ok().and_then(|index| self.kept.get(index))?;
                Some((event.clone(), place + 1))
            }
        }
    }

    fn last(&self) -> EventId {
        self.kept.back().map_or(self.base, |event| event.id)
    }

    fn end(&self) -> u64 {
        self.removed + self.kept.len() as u64
    }

    fn resync(&self) -> Event {
        Event { id: self.last(), kind: EventKind::Resync }
    }
}

/// The position of a client that reconnects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Position {
    /// After this event.
    At(EventId),
    /// After an unknown event.
    Unknown,
}

#[cfg(test)]
mod tests {
    use shared::VPath;

    use super::*;

    fn id(sequence: u64) -> EventId {
        EventId { epoch: 7, sequence }
    }

    fn event(sequence: u64) -> Event {
        Event { id: id(sequence), kind: EventKind::Absent { path: VPath::root() } }
    }

    /// What a client gets at once.
    fn events(ring: &Ring, after: Option<Position>) -> Vec<Event> {
        let Beginning { first: mut events, mut place } = ring.begin(after);
        while let Some((event, next)) = ring.at(place) {
            events.push(event);
            place = next;
        }
        events
    }

    fn replayed(ring: &Ring, after: Option<Position>) -> Vec<u64> {
        events(ring, after).iter().map(|event| event.id.sequence).collect()
    }

    fn is_unknown(ring: &Ring, after: Position) -> bool {
        matches!(&events(ring, Some(after))[..], [_, Event { kind: EventKind::Resync, .. }])
    }

    #[test]
    fn missed_events_are_replayed() {
        let mut ring = Ring::new(id(10));
        assert_eq!(replayed(&ring, None), [10]);
        assert_eq!(replayed(&ring, Some(Position::At(id(10)))), [10]);
        (11..=13).for_each(|sequence| ring.push(event(sequence)));
        assert_eq!(replayed(&ring, None), [13]);
        assert_eq!(replayed(&ring, Some(Position::At(id(10)))), [10, 11, 12, 13]);
        assert_eq!(replayed(&ring, Some(Position::At(id(12)))), [12, 13]);
        assert_eq!(replayed(&ring, Some(Position::At(id(13)))), [13]);
        assert!(events(&ring, None).iter().all(|event| event.kind == EventKind::Ready));
    }

    #[test]
    fn an_unknown_position_gets_resync() {
        let mut ring = Ring::new(id(10));
        assert!(is_unknown(&ring, Position::At(id(9))) && is_unknown(&ring, Position::Unknown));
        assert!(is_unknown(&ring, Position::At(EventId { epoch: 8, sequence: 10 })));
        (0..EVENTS_KEPT_MAX as u64 + 5).for_each(|count| ring.push(event(11 + count)));
        assert!(is_unknown(&ring, Position::At(id(14))));
        assert_eq!(replayed(&ring, Some(Position::At(id(15)))).len(), EVENTS_KEPT_MAX + 1);
    }

    #[test]
    fn a_slow_client_gets_resync_and_then_the_events_after_it() {
        let mut ring = Ring::new(id(0));
        let place = ring.begin(None).place;
        assert!(ring.at(place).is_none());
        let path = VPath::from_bytes([&[b'a'; 200][..]; 20].join(&b'/')).unwrap();
        let count = EVENTS_KEPT_BYTES_MAX as u64 / 4000;
        (1..=count).for_each(|sequence| {
            ring.push(Event { id: id(sequence), kind: EventKind::Absent { path: path.clone() } });
        });
        let (resync, place) = ring.at(place).unwrap();
        assert_eq!((resync.id, resync.kind), (id(count), EventKind::Resync));
        assert!(ring.at(place).is_none());
        ring.push(event(count + 1));
        assert_eq!(ring.at(place).unwrap().0, event(count + 1));
    }
}
