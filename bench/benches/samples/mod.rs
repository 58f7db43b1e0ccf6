//! What the pieces are timed on. The same on every machine, and as a person's folder has it.

use shared::columns::Row;
use shared::{ETag, Kind, Timestamp};

/// Names as cameras give them, in no order.
pub(crate) fn names(count: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| format!("holiday picture {}.jpg", number.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

/// A file of that name.
pub(crate) fn row(name: &[u8]) -> Row<'_> {
    Row {
        name,
        kind: Kind::File,
        size: 3_141_592,
        modified: Timestamp(1_700_000_000_123_456_789),
        executable: false,
        link: None,
        etag: Some(ETag([7; 16])),
    }
}
