//! Types of all interfaces of Passerelle: paths, entries, errors, limits, rights, requests.
//!
//! No IO, no clock, no randomness: the crate compiles for the browser and for the server. A type that both sides of a
//! connection use is defined here, and a rule that both apply is one function here.

pub mod api;
pub mod change;
pub mod characters;
pub mod columns;
pub mod digest;
pub mod entry;
pub mod error;
mod error_text;
pub mod event;
pub mod hex;
pub mod id;
pub mod job;
pub mod limits;
pub mod name_key;
pub mod order;
pub mod path;
pub mod range;
pub mod rights;
pub mod scope;
pub mod size;
pub mod windows_name;
#[cfg(feature = "wire")]
pub mod wire;

pub use change::{Change, Conflict, Trashed};
pub use digest::{Algorithm, Checksum, Digests};
pub use entry::{ETag, Entry, Kind, Link, Timestamp};
pub use error::{ErrorClass, ErrorCode};
pub use event::{Event, EventId, EventKind};
pub use id::{JobId, TrashId, UploadId};
pub use job::{Job, JobState, Outcome, Progress};
pub use order::{Direction, Order, SortKey};
pub use path::{PathError, VPath};
pub use range::{ByteRange, Span};
pub use rights::Rights;
pub use scope::{Grant, Scope, View};
