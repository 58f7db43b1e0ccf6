//! Hashing what a file contains already.

use shared::ErrorCode;
use shared::limits::PIECE_BYTES;
use shared::wire::Failure;

use crate::server::error::RequestError;
use crate::storage::StorageError;

/// Bytes that are read at a time.
const STEP_BYTES: usize = 4 * PIECE_BYTES;

/// Gives the bytes that `read` reads from `at` to `length` to `update`, in order, and returns how far it came. `goes_on`
/// gets the number of bytes so far and that of the step, after each step but the last one, and may stop it.
///
/// # Errors
/// [`ErrorCode::Changed`] if there are fewer bytes; as `read` and `goes_on`.
pub(in crate::server) fn hash_range(
    mut at: u64,
    length: u64,
    read: impl Fn(&mut [u8], u64) -> Result<usize, StorageError>,
    mut update: impl FnMut(&[u8]),
    mut goes_on: impl FnMut(u64, u64) -> Result<bool, RequestError>,
) -> Result<u64, RequestError> {
    let mut buffer = vec![0; usize::try_from(length.saturating_sub(at)).unwrap_or(STEP_BYTES).min(STEP_BYTES)];
    while at < length {
        let wanted = usize::try_from(length - at).unwrap_or(STEP_BYTES).min(STEP_BYTES);
        let bytes = match read(&mut buffer[..wanted], at)? {
            0 => return Err(Failure::new(ErrorCode::Changed, "the file became shorter while it was read").into()),
            bytes => bytes,
        };
        update(&buffer[..bytes]);
        at += bytes as u64;
        if at < length && !goes_on(at, bytes as u64)? {
            break;
        }
    }
    Ok(at)
}
