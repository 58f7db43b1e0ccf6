//! `GET /events?path=<folder>`: what happens in a folder, as server-sent events. The `id` field is an
//! [`crate::EventId`], the `data` field a [`EventKind`] as JSON, the `event` field absent. A comment comes every 15 s.

use crate::path::{VPath, encode_segment};

pub use crate::event::EventKind;

/// The path and query below [`super::BASE`].
pub fn target(folder: &VPath) -> String {
    format!("/events?path={}", encode_segment(folder.encoded().as_bytes()))
}
