//! Files that grow while they are read, such as logs: a file that is longer than it was and ends, up to its old length,
//! as it did still has the content that was announced.

use shared::limits::{GROWING_TIME, GROWTH_TAIL_BYTES};
use shared::wire::Prefix;
use shared::{ETag, Entry, Timestamp};

use super::{OpenFile, StorageError};

/// Whether the file was modified so recently that it may be growing. Other files have no [`Prefix`] taken, which would
/// read their end once more.
pub fn may_grow(entry: &Entry, now: Timestamp) -> bool {
    i128::from(now.0) - i128::from(entry.modified.0) <= GROWING_TIME.as_nanos() as i128
}

/// How the file begins, up to `length` bytes.
///
/// # Errors
/// As [`OpenFile::read_at`].
pub fn prefix_of(file: &dyn OpenFile, length: u64) -> Result<Prefix, StorageError> {
    let bytes = length.min(GROWTH_TAIL_BYTES);
    // At most GROWTH_TAIL_BYTES, so the conversion succeeds.
    let mut tail = vec![0; usize::try_from(bytes).unwrap_or_default()];
    let read = file.read_at(&mut tail, length - bytes)?;
    let mut hash = blake3::Hasher::new_derive_key("passerelle 2026 prefix of a file");
    hash.update(&file.identity().to_le_bytes()).update(&length.to_le_bytes()).update(&tail[..read]);
    let mut tag = [0; 16];
    hash.finalize_xof().fill(&mut tag);
    Ok(Prefix { length, tag: ETag(tag) })
}

/// True if the file is longer than `prefix` and begins with it.
///
/// # Errors
/// As [`OpenFile::size_now`] and [`OpenFile::read_at`].
pub fn has_grown_from(file: &dyn OpenFile, prefix: &Prefix) -> Result<bool, StorageError> {
    Ok(file.size_now()? > prefix.length && prefix_of(file, prefix.length)? == *prefix)
}

/// True if the file is in the state in which it was opened, or has only grown from there: `prefix` tells how it began,
/// taken before its content was read.
///
/// # Errors
/// As [`OpenFile::etag_now`] and [`has_grown_from`].
pub fn is_kept(file: &dyn OpenFile, prefix: Option<&Prefix>) -> Result<bool, StorageError> {
    if file.entry().etag == Some(file.etag_now()?) {
        return Ok(true);
    }
    prefix.map_or(Ok(false), |prefix| has_grown_from(file, prefix))
}
