//! Parses arbitrary bytes as a block of a listing: they are refused, or the rows survive writing and reading.
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
        // A block may be full, but a builder reserves room for the longest cursor.
        if !builder.push(&row) {
            return;
        }
    }
    let again = Columns::parse(builder.finish(&columns.head())).expect("a written block parses");
    assert!(columns.rows().eq(again.rows()));
    assert_eq!(columns.head(), again.head());
});
