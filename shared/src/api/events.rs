//! `GET /events?path=<folder>`: events of a folder, as server-sent events. The `id` field is a [`crate::EventId`], the
//! `data` field an [`EventKind`] as JSON; there is no `event` field. A comment is sent every 15 s.

use crate::path::{VPath, encode_segment};

pub use crate::event::EventKind;

/// Path and query below [`super::BASE`].
pub fn target(folder: &VPath) -> String {
    format!("/events?path={}", encode_segment(folder.encoded().as_bytes()))
}
