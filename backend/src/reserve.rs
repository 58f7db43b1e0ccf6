//! Space of a disk that a file takes in advance. A change that frees space needs a little of it first, for the journal
//! and the notes about what was deleted: on a full disk the file becomes shorter, step by step. Work that takes space
//! waits until the file has its length again.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::random::random_bytes;

/// Bytes that are taken in advance on each file system that the server writes to.
pub(crate) const RESERVE_BYTES: u64 = 16 << 20;
/// Bytes that are given up at a time, so that other programs that fill the disk do not get all of them at once.
const STEP_BYTES: u64 = 1 << 20;
/// A reserve is begun where the free space is so many times its size.
const ROOM_FACTOR: u64 = 2;
/// Bytes that are written at a time where the system cannot allocate them.
const PIECE_BYTES: usize = 1 << 18;

/// The reserve of one file system.
pub(crate) struct Reserve {
    resize: Box<dyn Fn(u64) -> io::Result<u64> + Send + Sync>,
    held: Mutex<u64>,
    /// Some of it was given up.
    short: AtomicBool,
}

impl Reserve {
    /// Takes the space, if there is room. `held` is the length of the file, which an earlier process may have made, and
    /// `free` the free space, as far as the system reports it, both in bytes. `resize` gives the file a length, as far
    /// as there is room, and returns the length that it has.
    pub(crate) fn begin(
        held: u64,
        free: Option<u64>,
        resize: impl Fn(u64) -> io::Result<u64> + Send + Sync + 'static,
    ) -> Self {
        let has_room = held > 0 || free.is_none_or(|free| free >= RESERVE_BYTES * ROOM_FACTOR);
        let held = if has_room { resize(RESERVE_BYTES).unwrap_or(held) } else { held };
        let short = AtomicBool::new(held > 0 && held < RESERVE_BYTES);
        Self { resize: Box::new(resize), held: Mutex::new(held), short }
    }

    /// Takes again what was given up. True if the reserve is whole, or was never begun for want of room.
    pub(crate) fn renew(&self) -> bool {
        if !self.short.load(Ordering::Acquire) {
            return true;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = (self.resize)(RESERVE_BYTES).unwrap_or(*held);
        let whole = *held >= RESERVE_BYTES;
        self.short.store(!whole, Ordering::Release);
        whole
    }

    /// True if more than half was given up, and there is no room to take it again: the rest is for changes that need
    /// little of it.
    pub(crate) fn is_low(&self) -> bool {
        !self.renew() && *self.held.lock().unwrap_or_else(PoisonError::into_inner) < RESERVE_BYTES / 2
    }

    /// Gives up a step. False if nothing is left.
    pub(crate) fn give_up(&self) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if *held == 0 {
            return false;
        }
        self.short.store(true, Ordering::Release);
        let left = held.saturating_sub(STEP_BYTES);
        *held = (self.resize)(left).unwrap_or(left);
        *held == left
    }
}

/// Gives a file that length, with all its blocks, and returns it. Without room for more, a longer file than before stays
/// as it was: its length is the result then.
///
/// # Errors
/// Of the system, other than for want of room.
pub(crate) fn resize(file: &File, length: u64) -> io::Result<u64> {
    let before = file.metadata()?.len();
    if length < before {
        file.set_len(length)?;
        return Ok(length);
    }
    match allocate(file, before, length) {
        Ok(()) => Ok(length),
        Err(_) => {
            file.set_len(before)?;
            Ok(before)
        }
    }
}

/// Free space in bytes on the file system of a file; `None` where the system does not report it.
pub(crate) fn free_space(file: &File) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::fstatvfs(file).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
    #[cfg(not(unix))]
    {
        let _ = file;
        None
    }
}

/// Gives a file blocks up to `length`; those up to `before` are there already, as far as its length tells.
fn allocate(file: &File, before: u64, length: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length) {
        Ok(()) => return Ok(()),
        // A file system without the call.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(error.into()),
    }
    write_noise(file, before, length)
}

/// Writes bytes that no file system stores in less space.
fn write_noise(mut file: &File, mut from: u64, end: u64) -> io::Result<()> {
    use io::{Seek, Write};
    file.seek(io::SeekFrom::Start(from))?;
    let mut noise = blake3::Hasher::new().update(&random_bytes::<32>().map_err(io::Error::other)?).finalize_xof();
    let mut piece = vec![0; PIECE_BYTES];
    while from < end {
        let length = piece.len().min(usize::try_from(end - from).unwrap_or(usize::MAX));
        noise.fill(&mut piece[..length]);
        file.write_all(&piece[..length])?;
        from += length as u64;
    }
    // The space is taken for certain only once it is written.
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_reserve_is_given_up_in_steps_and_taken_again_when_there_is_room() {
        let (free, length) = (Arc::new(AtomicU64::new(100 << 20)), Arc::new(AtomicU64::new(0)));
        let (free_now, length_now) = (Arc::clone(&free), Arc::clone(&length));
        let resize = move |wanted: u64| {
            let before = length_now.load(Ordering::Relaxed);
            if wanted <= before + free_now.load(Ordering::Relaxed) {
                free_now.store(free_now.load(Ordering::Relaxed) + before - wanted, Ordering::Relaxed);
                length_now.store(wanted, Ordering::Relaxed);
            }
            Ok(length_now.load(Ordering::Relaxed))
        };
        let reserve = Reserve::begin(0, Some(100 << 20), resize);
        assert_eq!(length.load(Ordering::Relaxed), RESERVE_BYTES);
        free.store(0, Ordering::Relaxed);
        assert!(reserve.renew() && reserve.give_up());
        assert_eq!(free.load(Ordering::Relaxed), STEP_BYTES);
        free.store(0, Ordering::Relaxed);
        assert!(!reserve.renew() && !reserve.is_low());
        assert_eq!((0..100).filter(|_| reserve.give_up()).count() as u64, RESERVE_BYTES / STEP_BYTES - 1);
        assert!(!reserve.renew() && reserve.is_low());
        free.store(RESERVE_BYTES, Ordering::Relaxed);
        assert!(!reserve.is_low() && reserve.renew());
        assert_eq!((free.load(Ordering::Relaxed), length.load(Ordering::Relaxed)), (0, RESERVE_BYTES));
    }

    #[test]
    fn a_small_disk_has_no_reserve_and_takes_uploads() {
        let reserve = Reserve::begin(0, Some(RESERVE_BYTES), Ok);
        assert!(reserve.renew() && !reserve.give_up());
        // What an earlier process has taken stays.
        assert!(Reserve::begin(STEP_BYTES, Some(0), |bytes| Ok(bytes.min(STEP_BYTES))).give_up());
    }

    #[test]
    fn the_file_has_its_blocks() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(resize(&file, RESERVE_BYTES).unwrap(), RESERVE_BYTES);
        #[cfg(unix)]
        assert!(std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512 >= RESERVE_BYTES);
        write_noise(&file, STEP_BYTES, RESERVE_BYTES + 1).unwrap();
        assert_eq!(file.metadata().unwrap().len(), RESERVE_BYTES + 1);
        assert_eq!(resize(&file, STEP_BYTES).unwrap(), STEP_BYTES);
    }
}
