//! Everything that crosses a boundary of Passerelle: paths, entries, errors, limits, rights, requests.
//!
//! This crate knows no IO and no clock, and compiles for the browser as well as for the server. A type that two rooms
//! must agree on lives here; a rule that both sides of a connection apply is one function here, called by both.

pub mod path;

pub mod entry;

pub mod characters;

pub mod columns;

pub mod range;

pub mod order;

pub mod error;

pub mod scope;

pub mod id;

pub mod digest;

pub mod hex;

pub mod change;

pub mod event;

pub mod limits;

pub mod size;

pub mod api;

#[cfg(feature = "wire")]
pub mod wire;

pub use change::{Change, Conflict, Job, JobState, Outcome, Trashed};
pub use digest::{Algorithm, Checksum, Digests};
pub use entry::{ETag, Entry, Kind, Link, Timestamp};
pub use error::{ErrorClass, ErrorCode};
pub use event::{Event, EventId, EventKind};
pub use id::{JobId, TrashId, UploadId};
pub use order::{Direction, Order, SortKey};
pub use path::{PathError, VPath};
pub use range::{ByteRange, Span};
pub use scope::{Rights, Root, Scope};
