//! ZIP archives whose exact length is known before their first byte is sent.

mod checksums;
pub(super) mod choice;
mod locate;
pub(super) mod memory;
mod names;
pub(super) mod plan;
pub(super) mod stream;
mod zip;
