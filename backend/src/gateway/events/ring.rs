//! The recent events of a folder, for clients that reconnect. Pure.

use std::collections::VecDeque;

use shared::limits::EVENTS_KEPT_MAX;
use shared::{Event, EventId, EventKind};

/// The last events, without gaps.
pub(crate) struct Ring {
    /// A client at this position has seen every event before the first one kept.
    base: EventId,
    kept: VecDeque<Event>,
}

impl Ring {
    /// An empty ring, from a position on.
    pub(crate) fn new(base: EventId) -> Self {
        Self { base, kept: VecDeque::new() }
    }

    /// Adds the latest event.
    pub(crate) fn push(&mut self, event: Event) {
        self.kept.push_back(event);
        if self.kept.len() > EVENTS_KEPT_MAX
            && let Some(oldest) = self.kept.pop_front()
        {
            self.base = oldest.id;
        }
    }

    /// The first events for a client that has received `after` last: `ready`, and the events that it missed, or
    /// `resync` if they are unknown.
    pub(crate) fn replay(&self, after: Option<Position>) -> Vec<Event> {
        let ready = |id| Event { id, kind: EventKind::Ready };
        let last = self.kept.back().map_or(self.base, |event| event.id);
        let from = match after {
            None => return vec![ready(last)],
            Some(Position::At(id)) if id == self.base => Some(0),
            Some(Position::At(id)) => self.kept.iter().position(|event| event.id == id).map(|index| index + 1),
            Some(Position::Unknown) => None,
        };
        match (from, after) {
            (Some(from), Some(Position::At(id))) => {
                // Replayed events keep their ids, so that a client which disconnects in between resumes at the right
                // place.
                std::iter::once(ready(id)).chain(self.kept.iter().skip(from).cloned()).collect()
            }
            _ => vec![ready(last), Event { id: last, kind: EventKind::Resync }],
        }
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

    fn replayed(ring: &Ring, after: Option<Position>) -> Vec<u64> {
        ring.replay(after).iter().map(|event| event.id.sequence).collect()
    }

    fn is_unknown(ring: &Ring, after: Position) -> bool {
        matches!(&ring.replay(Some(after))[..], [_, Event { kind: EventKind::Resync, .. }])
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
        assert!(ring.replay(None).iter().all(|event| event.kind == EventKind::Ready));
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
}
