//! The layout of a block: its magic, the sizes of its parts, and its flags.

/// Bytes of a block before its columns. They contain its length.
pub const HEAD_BYTES: usize = 56;
pub(super) const MAGIC: &[u8; 4] = b"PLST";
pub(super) const VERSION: u16 = 1;
/// Bytes of a row besides its name.
pub(super) const ROW_BYTES: usize = 8 + 8 + 16 + 4 + 1;
/// Bytes of a link inside the root besides its target.
pub(super) const LINK_BYTES: usize = 4 + 4;

pub(super) const LAST: u16 = 1;
pub(super) const HAS_LISTING_ETAG: u16 = 2;

pub(super) const LINK_INSIDE: u8 = 1 << 2;
pub(super) const LINK_ESCAPES: u8 = 2 << 2;
pub(super) const LINK_BROKEN: u8 = 3 << 2;
pub(super) const LINK_BITS: u8 = 3 << 2;
pub(super) const EXECUTABLE: u8 = 1 << 4;
pub(super) const HAS_ETAG: u8 = 1 << 5;
