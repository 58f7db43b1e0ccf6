//! What happens in a folder that somebody looks at.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::path::VPath;

/// Where in the stream of a folder's events one stands. After a restart, and where the folder was not watched for a
/// while, the epoch is another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct EventId {
    /// Random, one for each time the folder begins to be watched.
    #[cfg_attr(feature = "wire", n(0))]
    pub epoch: u64,
    /// Counts up by one.
    #[cfg_attr(feature = "wire", n(1))]
    pub sequence: u64,
}

/// Something happened, or nothing did for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Event {
    /// Where in the stream.
    #[cfg_attr(feature = "wire", n(0))]
    pub id: EventId,
    /// What.
    #[cfg_attr(feature = "wire", n(1))]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum EventKind {
    /// The folder is watched from here on. Always first.
    #[cfg_attr(feature = "wire", n(0))]
    Ready,
    /// More happened than is known: list the folder again.
    #[cfg_attr(feature = "wire", n(1))]
    Resync,
    /// An entry of the folder is new, or is not as it was.
    #[cfg_attr(feature = "wire", n(2))]
    Present {
        /// As it is now.
        #[cfg_attr(feature = "wire", n(0))]
        entry: Entry,
    },
    /// An entry of the folder is gone.
    #[cfg_attr(feature = "wire", n(3))]
    Absent {
        /// Which.
        #[cfg_attr(feature = "wire", n(0))]
        path: VPath,
    },
    /// The folder itself is gone; nothing follows.
    #[cfg_attr(feature = "wire", n(4))]
    Gone,
}

impl EventId {
    /// Reads `epoch.sequence`, both in hexadecimal digits: the `id` field of a server-sent event.
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
