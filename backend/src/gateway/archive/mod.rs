//! ZIP archives whose exact length is known before their first byte is sent.

mod checksums;
mod locate;
pub(super) mod memory;
mod names;
mod notice;
pub(super) mod plan;
pub(super) mod selection;
pub(super) mod stream;
mod zip;
