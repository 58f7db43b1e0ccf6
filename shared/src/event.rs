//! Events of a watched folder.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::path::VPath;

/// The position of an event in the event stream of a folder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct EventId {
    /// Random, new each time the watch of the folder starts: events of two epochs cannot be ordered.
    #[cfg_attr(feature = "wire", n(0))]
    pub epoch: u64,
    /// Increases by one with each event.
    #[cfg_attr(feature = "wire", n(1))]
    pub sequence: u64,
}

/// One event of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Event {
    /// The position in the stream.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: EventId,
    /// What happened.
    #[cfg_attr(feature = "wire", n(1))]
    pub kind: EventKind,
}

/// What happened in a folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum EventKind {
    /// The watch has started. Always the first event.
    #[cfg_attr(feature = "wire", n(0))]
    Ready,
    /// Events were lost: the client must list the folder again.
    #[cfg_attr(feature = "wire", n(1))]
    Resync,
    /// An entry is new or has changed.
    #[cfg_attr(feature = "wire", n(2))]
    Present {
        /// Its current state.
        #[cfg_attr(feature = "wire", n(0))]
        entry: Entry,
    },
    /// An entry was deleted, or moved away.
    #[cfg_attr(feature = "wire", n(3))]
    Absent {
        /// Its path.
        #[cfg_attr(feature = "wire", n(0))]
        path: VPath,
    },
    /// The folder itself is gone. Always the last event.
    #[cfg_attr(feature = "wire", n(4))]
    Gone,
}

impl EventKind {
    /// How many bytes of memory it takes, with its path.
    pub fn memory_bytes(&self) -> usize {
        let path = match self {
            Self::Present { entry } => entry.path.as_bytes().len(),
            Self::Absent { path } => path.as_bytes().len(),
            Self::Ready | Self::Resync | Self::Gone => 0,
        };
        size_of::<Self>() + path
    }
}

impl EventId {
    /// Parses `epoch.sequence`, both in hexadecimal digits, as in the `id` field of a server-sent event.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, sequence) = text.split_once('.')?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        Some(Self { epoch: number(epoch)?, sequence: number(sequence)? })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}.{:x}", self.epoch, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id = EventId { epoch: u64::MAX, sequence: 10 };
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
        for text in ["", ".", "1.", "+1.2", "1.2.3", "10000000000000000.1"] {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }
}
