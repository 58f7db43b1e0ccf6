//! Listings in columns: blocks of bytes that the gateway forwards unchanged from the file server to the page. The
//! reader checks a block once and then reads rows without copying. A listing is a sequence of blocks.
//!
//! Numbers are little-endian. `n` is the number of rows, `k` the number of links with targets inside the root.
//!
//! ```text
//!  0 "PLST" | 4 u16 version, 1 | 6 u16 flags: 1 last block, 2 listing has an entity tag
//!  8 u32 length of the block, a multiple of 8 | 12 u32 n | 16 u32 bytes of names | 20 u32 k | 24 u32 bytes of targets
//! 28 u16 bytes of cursor | 30 u16 zero | 32 u64 entries of the whole folder | 40 16 bytes, entity tag of the listing
//! 56 n × u64 size | n × i64 nanoseconds since 1970 | n × 16 bytes, entity tag
//!    n × u32 end of the name in the names | k × u32 row | k × u32 end of its target in the targets
//!    n × u8: bits 0–1 kind (file, folder, other), 2–3 link (none, inside, escapes, broken), 4 executable, 5 entity tag
//!    names | targets | cursor | zeros up to the length
//! ```

mod block;
mod builder;
mod error;
mod layout;
mod row;
#[cfg(test)]
mod tests;

pub use block::{Columns, block_bytes, peek};
pub use builder::{Builder, set_etag};
pub use error::ColumnsError;
pub use layout::HEAD_BYTES;
pub use row::{Head, Row};

/// The media type of a listing in blocks.
pub const MEDIA_TYPE: &str = "application/vnd.passerelle.columns";
