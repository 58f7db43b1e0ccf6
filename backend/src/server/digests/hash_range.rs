//! Hashing what a file contains already.

use shared::ErrorCode;
use shared::limits::PIECE_BYTES;
use shared::wire::Failure;

use crate::server::error::RequestError;
use crate::storage::StorageError;

/// Bytes that are read at a time.
const STEP_BYTES: usize = 4 * PIECE_BYTES;

/// Gives the first `length` bytes that `read` reads to `update`, in order. `progress` is called before each step with
/// the number of bytes so far, and may stop it.
///
/// # Errors
/// [`ErrorCode::Changed`] if there are fewer bytes; as `read` and `progress`.
pub(in crate::server) fn hash_range(
    length: u64,
    read: impl Fn(&mut [u8], u64) -> Result<usize, StorageError>,
    mut update: impl FnMut(&[u8]),
    mut progress: impl FnMut(u64) -> Result<(), RequestError>,
) -> Result<(), RequestError> {
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(STEP_BYTES).min(STEP_BYTES)];
    let mut at = 0;
    while at < length {
        progress(at)?;
        let wanted = usize::try_from(length - at).unwrap_or(STEP_BYTES).min(STEP_BYTES);
        match read(&mut buffer[..wanted], at)? {
            0 => return Err(Failure::new(ErrorCode::Changed, "the file became shorter while it was read").into()),
            bytes => {
                update(&buffer[..bytes]);
                at += bytes as u64;
            }
        }
    }
    Ok(())
}
