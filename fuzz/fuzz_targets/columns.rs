//! Any bytes as a block of a listing: refused, or rows that are the same when they are written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::columns::{Builder, Columns, block_bytes, peek};

fuzz_target!(|bytes: &[u8]| {
    let (length, head) = (block_bytes(bytes), peek(bytes));
    let Ok(columns) = Columns::parse(bytes) else { return };
    assert_eq!(length, Ok(Some(bytes.len())));
    assert_eq!(head.map(|head| head.total), Ok(columns.head().total));
    let mut builder = Builder::new();
    for row in columns.rows() {
        // One row may take the room of the longest cursor, which a builder keeps.
        if !builder.push(&row) {
            return;
        }
    }
    let again = Columns::parse(builder.finish(&columns.head())).expect("what was written is read");
    assert!(columns.rows().eq(again.rows()));
    assert_eq!(columns.head(), again.head());
});
