//! Watched folders: one WATCH for each folder, shared by all event streams.

pub(super) mod hub;
pub(super) mod ring;
