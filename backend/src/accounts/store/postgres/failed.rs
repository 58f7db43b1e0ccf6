//! What a failed statement means to its caller.

use super::super::error::StoreError;

/// The log has the failure; the caller has its kind. Nothing was written.
pub(super) fn failed(error: &tokio_postgres::Error, statement: &'static str) -> StoreError {
    let words = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
    tracing::error!(error = words, statement, "a statement of the accounts' database failed");
    match error.code() {
        // Without an answer of the server; classes 08, 53, 55, 57 and 58: it cannot at present.
        None => StoreError::Unavailable,
        Some(code) if ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.code().starts_with(class)) => {
            StoreError::Unavailable
        }
        Some(_) => StoreError::Statement,
    }
}
