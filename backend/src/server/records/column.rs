//! Values of a column: numbers without a sign, and messages.

use shared::wire::{Message, decode};

/// A length for SQLite, whose integers are signed. Lengths in requests are checked to fit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The message in a column.
pub(super) fn message<M: Message>(column: usize, bytes: &[u8]) -> rusqlite::Result<M> {
    decode(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error))
    })
}
