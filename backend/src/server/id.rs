//! Random identifiers.

use shared::ErrorCode;

use crate::storage::StorageError;

/// 128 bits that nobody guesses.
pub(super) fn random_id() -> Result<[u8; 16], StorageError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| StorageError {
        code: ErrorCode::Internal,
        context: "there is no randomness",
        source: Some(std::io::Error::other(error)),
    })?;
    Ok(id)
}
