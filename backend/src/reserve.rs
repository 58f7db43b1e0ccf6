//! Space of a disk that a file takes in advance. A change that frees space needs a little of it first, for the journal
//! and the notes about what was deleted: on a full disk the file becomes shorter, step by step. Work that takes space
//! waits until the file has its length again.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::random::random_bytes;

/// Bytes that are taken in advance on each file system that the server writes to.
pub(crate) const RESERVE_BYTES: u64 = 16 << 20;
/// Bytes of a reserve that work which needs much of it leaves to work which needs little.
pub(crate) const LEFT_BYTES: u64 = RESERVE_BYTES / 2;
/// Bytes of a reserve that are left to what makes room within the records.
pub(crate) const ROOM_MAKING_BYTES: u64 = 1 << 20;
/// Bytes that are given up at a time, so that other programs that fill the disk do not get all of them at once.
const STEP_BYTES: u64 = 1 << 20;
/// A reserve is begun where the free space is so many times its size.
const ROOM_FACTOR: u64 = 2;
/// Between two attempts to take space for work that waits for it, where the first one failed although the system reports
/// room: such an attempt may write all of the reserve.
const RETRY_TIME: Duration = Duration::from_secs(1);
/// Bytes that are written at a time where the system cannot allocate them.
const PIECE_BYTES: usize = 1 << 18;
/// The unit of `st_blocks` (POSIX leaves it open; Linux, the BSDs and macOS have this one).
#[cfg(unix)]
const BLOCK_BYTES: u64 = 512;

/// The reserve of one file system.
pub(crate) struct Reserve {
    free: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    resize: Box<dyn Fn(u64) -> io::Result<u64> + Send + Sync>,
    state: Mutex<State>,
    /// It was begun, and a part of it is missing.
    short: AtomicBool,
}

struct State {
    /// Bytes that are taken.
    held: u64,
    /// What is held has its blocks for sure.
    is_proven: bool,
    /// When an attempt to take space failed last, although the system reported room.
    refused: Option<Instant>,
    /// When a step was given up last.
    given_up: Option<Instant>,
}

impl Reserve {
    /// Takes the space, if there is room or if an earlier process has begun the reserve. `held` is the length of the
    /// file, in bytes; `None` if there is no file. `free` gives the free space in bytes, as far as the system reports it.
    /// `resize` gives the file a length, as far as there is room, and returns the length that it has. It leaves no new
    /// file without a length.
    pub(crate) fn begin(
        held: Option<u64>,
        free: impl Fn() -> Option<u64> + Send + Sync + 'static,
        resize: impl Fn(u64) -> io::Result<u64> + Send + Sync + 'static,
    ) -> Self {
        let reserve = Self {
            free: Box::new(free),
            resize: Box::new(resize),
            state: Mutex::new(State {
                held: held.unwrap_or(0),
                // A file of the full length may have lost its blocks, as in a copy.
                is_proven: held.is_none_or(|held| held == 0),
                refused: None,
                given_up: None,
            }),
            short: AtomicBool::new(held.is_some()),
        };
        reserve.maintain();
        reserve
    }

    /// Takes again what was given up, or begins the reserve where there was no room for it so far.
    pub(crate) fn maintain(&self) {
        let has_room = || (self.free)().is_none_or(|free| free >= RESERVE_BYTES * ROOM_FACTOR);
        let mut state = self.state();
        let is_begun = state.held > 0 || self.short.load(Ordering::Acquire);
        if !is_begun && has_room() {
            state.held = (self.resize)(RESERVE_BYTES).unwrap_or(0);
            self.short.store((1..RESERVE_BYTES).contains(&state.held), Ordering::Release);
        }
        drop(state);
        self.renew();
    }

    /// Takes again what was given up. True if the reserve is whole, or was never begun for want of room.
    pub(crate) fn renew(&self) -> bool {
        self.renew_unless(|_| false)
    }

    /// [`Reserve::renew`] for work that waits until the reserve is whole, which may ask very often.
    pub(crate) fn is_whole(&self) -> bool {
        self.renew_unless(|state| state.refused.is_some_and(|moment| moment.elapsed() < RETRY_TIME))
    }

    /// Takes nothing where the system reports too little room, so that other programs keep what there is.
    fn renew_unless(&self, waits: impl FnOnce(&State) -> bool) -> bool {
        if !self.short.load(Ordering::Acquire) {
            return true;
        }
        let mut state = self.state();
        let missing = RESERVE_BYTES.saturating_sub(state.held);
        let lacks_room = (self.free)().is_some_and(|free| free < missing);
        if waits(&state) || lacks_room && state.is_proven {
            return false;
        }
        if let Ok(held) = (self.resize)(RESERVE_BYTES) {
            (state.held, state.is_proven) = (held, true);
        }
        let whole = state.held >= RESERVE_BYTES;
        state.refused = (!whole && !lacks_room).then(Instant::now);
        self.short.store(!whole, Ordering::Release);
        whole
    }

    /// True if the system reports as much room as a step of the reserve would make.
    pub(crate) fn has_room(&self) -> bool {
        (self.free)().is_some_and(|free| free >= STEP_BYTES)
    }

    /// True if less than [`LEFT_BYTES`] is held, and there is no room to take more.
    pub(crate) fn is_low(&self) -> bool {
        !self.is_whole() && self.state().held < LEFT_BYTES
    }

    /// Gives up a step, unless another caller has done so since `began`: many that fail at once may all have room then.
    /// False if no more than `floor` bytes are held.
    pub(crate) fn give_up(&self, began: Instant, floor: u64) -> bool {
        let mut state = self.state();
        // A step below the floor is given up for others.
        if state.held < floor {
            return false;
        }
        if state.given_up.is_some_and(|moment| moment > began) {
            return true;
        }
        if state.held == floor {
            return false;
        }
        self.short.store(true, Ordering::Release);
        let left = state.held.saturating_sub(STEP_BYTES).max(floor);
        state.held = (self.resize)(left).unwrap_or(left);
        state.given_up = Some(Instant::now());
        state.held == left
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a change, and makes it again for as long as it fails as `wants_space` tells and `give_up` makes room.
/// `give_up` gets the moment at which the attempt began, as [`Reserve::give_up`].
pub(crate) fn with_space<T, E>(
    give_up: impl Fn(Instant) -> bool,
    wants_space: impl Fn(&E) -> bool,
    mut change: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        let began = Instant::now();
        match change() {
            Err(error) if wants_space(&error) && give_up(began) => {}
            changed => return changed,
        }
    }
}

/// Gives a file that length, with all its blocks, and returns it. Without room the file keeps its length, which is
/// returned; of a file whose blocks are not there, nothing is kept. Whatever an allocation fails by counts as a want of
/// room, because file systems report that in many ways.
///
/// # Errors
/// Of the system, where the file cannot be looked at or cut.
pub(crate) fn resize(file: &File, length: u64) -> io::Result<u64> {
    resize_by(file, length, allocate)
}

/// [`resize`] by means of `allocate`.
fn resize_by(file: &File, length: u64, allocate: impl FnOnce(&File, u64, u64) -> io::Result<()>) -> io::Result<u64> {
    let before = file.metadata()?.len();
    if length < before {
        file.set_len(length)?;
        return Ok(length);
    }
    if allocate(file, before, length).is_ok() {
        return Ok(length);
    }
    file.set_len(before)?;
    let left = if has_blocks(file, before)? { before } else { 0 };
    file.set_len(left)?;
    Ok(left)
}

/// Free space in bytes on the file system of a folder; `None` where the system does not report it.
pub(crate) fn free_space(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(folder).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Gives a file blocks up to `length`; those up to `before` are there already, as far as its length tells.
fn allocate(file: &File, before: u64, length: u64) -> io::Result<()> {
    let from = if has_blocks(file, before)? { before } else { 0 };
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length) {
        Ok(()) if has_blocks(file, length)? => return Ok(()),
        // OpenZFS sets the length alone. Other file systems are without the call.
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(error.into()),
    }
    write_noise(file, from, length)
}

/// Whether a file takes as much of its disk as a length tells.
fn has_blocks(file: &File, length: u64) -> io::Result<bool> {
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::blocks(&file.metadata()?).saturating_mul(BLOCK_BYTES) >= length);
    #[cfg(not(unix))]
    {
        let _ = (file, length);
        Ok(true)
    }
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

    /// A disk with a reserve on it.
    #[derive(Clone, Default)]
    struct Disk {
        free: Arc<AtomicU64>,
        length: Arc<AtomicU64>,
        /// How often the length was to change.
        attempts: Arc<AtomicU64>,
        /// Bytes that a quota leaves, which the system does not report.
        quota: Option<u64>,
    }

    impl Disk {
        fn with_free(bytes: u64) -> Self {
            let disk = Self::default();
            disk.leave_free(bytes);
            disk
        }

        fn leave_free(&self, bytes: u64) {
            self.free.store(bytes, Ordering::Relaxed);
        }

        fn free(&self) -> u64 {
            self.free.load(Ordering::Relaxed)
        }

        fn length(&self) -> u64 {
            self.length.load(Ordering::Relaxed)
        }

        fn reserve(&self, held: Option<u64>) -> Reserve {
            let (looked_at, resized) = (self.clone(), self.clone());
            Reserve::begin(
                held,
                move || Some(looked_at.free()),
                move |wanted| {
                    resized.attempts.fetch_add(1, Ordering::Relaxed);
                    let before = resized.length();
                    let room = resized.quota.unwrap_or(u64::MAX).min(before + resized.free());
                    if wanted <= room {
                        resized.leave_free(resized.free() + before - wanted);
                        resized.length.store(wanted, Ordering::Relaxed);
                    }
                    Ok(resized.length())
                },
            )
        }
    }

    fn give_up(reserve: &Reserve) -> bool {
        reserve.give_up(Instant::now(), 0)
    }

    #[test]
    fn a_reserve_is_given_up_in_steps_and_taken_again_when_there_is_room() {
        let disk = Disk::with_free(100 << 20);
        let reserve = disk.reserve(None);
        assert_eq!(disk.length(), RESERVE_BYTES);
        disk.leave_free(0);
        assert!(reserve.renew() && give_up(&reserve));
        assert_eq!(disk.free(), STEP_BYTES);
        disk.leave_free(0);
        assert!(!reserve.renew() && !reserve.is_low());
        assert_eq!((0..100).filter(|_| give_up(&reserve)).count() as u64, RESERVE_BYTES / STEP_BYTES - 1);
        assert!(!reserve.renew() && reserve.is_low());
        disk.leave_free(RESERVE_BYTES);
        assert!(!reserve.is_low() && reserve.renew());
        assert_eq!((disk.free(), disk.length()), (0, RESERVE_BYTES));
    }

    #[test]
    fn callers_that_fail_at_once_give_up_one_step() {
        let disk = Disk::with_free(100 << 20);
        let reserve = disk.reserve(None);
        let began = Instant::now();
        assert!((0..100).all(|_| reserve.give_up(began, 0)));
        assert_eq!(disk.length(), RESERVE_BYTES - STEP_BYTES);
        assert!(give_up(&reserve));
        assert_eq!(disk.length(), RESERVE_BYTES - 2 * STEP_BYTES);
    }

    #[test]
    fn a_full_disk_is_not_written_to_by_work_that_waits() {
        let disk = Disk::with_free(100 << 20);
        let reserve = disk.reserve(None);
        assert!(give_up(&reserve));
        let before = disk.attempts.load(Ordering::Relaxed);
        disk.leave_free(STEP_BYTES - 1);
        assert!((0..100).all(|_| !reserve.is_whole() && !reserve.renew()));
        assert_eq!(disk.attempts.load(Ordering::Relaxed), before);
        disk.leave_free(STEP_BYTES);
        assert!(reserve.is_whole());
    }

    #[test]
    fn a_full_quota_is_tried_once_a_second_by_work_that_waits() {
        let disk = Disk { quota: Some(STEP_BYTES), ..Disk::with_free(100 << 20) };
        disk.length.store(STEP_BYTES, Ordering::Relaxed);
        let began = Instant::now();
        let reserve = disk.reserve(Some(STEP_BYTES));
        let before = disk.attempts.load(Ordering::Relaxed);
        assert!((0..1_000).all(|_| !reserve.is_whole()));
        let attempts = disk.attempts.load(Ordering::Relaxed) - before;
        assert!(attempts <= began.elapsed().as_secs(), "{attempts} attempts");
    }

    #[test]
    fn work_that_needs_much_leaves_a_part() {
        let disk = Disk::with_free(100 << 20);
        let reserve = disk.reserve(None);
        let began = Instant::now();
        let given_up = (0..100).filter(|_| reserve.give_up(Instant::now(), LEFT_BYTES)).count() as u64;
        assert_eq!((given_up * STEP_BYTES, disk.length()), (RESERVE_BYTES - LEFT_BYTES, LEFT_BYTES));
        // The last step is for all that began before it.
        assert!(reserve.give_up(began, LEFT_BYTES));
        assert!(give_up(&reserve));
        assert!(!reserve.give_up(began, LEFT_BYTES));
    }

    #[test]
    fn a_small_disk_has_no_reserve_and_takes_uploads() {
        let disk = Disk::with_free(RESERVE_BYTES);
        let reserve = disk.reserve(None);
        assert!(reserve.renew() && !give_up(&reserve));
        reserve.maintain();
        assert!(reserve.renew() && disk.length() == 0);
        disk.leave_free(RESERVE_BYTES * ROOM_FACTOR);
        reserve.maintain();
        assert!(disk.length() == RESERVE_BYTES && give_up(&reserve));
    }

    #[test]
    fn a_quota_that_has_no_room_leaves_no_reserve() {
        let disk = Disk { quota: Some(0), ..Disk::with_free(100 << 20) };
        let reserve = disk.reserve(None);
        assert!(reserve.renew() && !give_up(&reserve));
    }

    #[test]
    fn a_reserve_that_was_used_up_before_the_start_is_missing_until_there_is_room() {
        let disk = Disk::with_free(RESERVE_BYTES - 1);
        let reserve = disk.reserve(Some(0));
        assert!(!reserve.renew() && !give_up(&reserve));
        disk.leave_free(RESERVE_BYTES);
        assert!(reserve.renew() && give_up(&reserve));
        // What an earlier process has taken stays.
        assert!(give_up(&disk.reserve(Some(disk.length()))));
    }

    /// As after a restore that makes holes of zeros.
    #[cfg(unix)]
    #[test]
    fn a_file_that_has_lost_its_blocks_is_no_reserve() {
        let full = |_: &File, _: u64, _: u64| -> io::Result<()> { Err(io::ErrorKind::StorageFull.into()) };
        let file = tempfile::tempfile().unwrap();
        file.set_len(RESERVE_BYTES).unwrap();
        assert_eq!(resize_by(&file, RESERVE_BYTES, full).unwrap(), 0);
        assert_eq!(file.metadata().unwrap().len(), 0);
        assert_eq!(resize(&file, STEP_BYTES).unwrap(), STEP_BYTES);
        assert_eq!(resize_by(&file, RESERVE_BYTES, full).unwrap(), STEP_BYTES);
    }

    #[test]
    fn the_file_has_its_blocks() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(resize(&file, RESERVE_BYTES).unwrap(), RESERVE_BYTES);
        assert!(has_blocks(&file, RESERVE_BYTES).unwrap());
        file.set_len(0).unwrap();
        // A hole, as OpenZFS leaves it.
        file.set_len(RESERVE_BYTES).unwrap();
        #[cfg(unix)]
        assert!(!has_blocks(&file, RESERVE_BYTES).unwrap());
        resize(&file, RESERVE_BYTES).unwrap();
        assert!(has_blocks(&file, RESERVE_BYTES).unwrap());
        write_noise(&file, STEP_BYTES, RESERVE_BYTES + 1).unwrap();
        assert_eq!(file.metadata().unwrap().len(), RESERVE_BYTES + 1);
        assert_eq!(resize(&file, STEP_BYTES).unwrap(), STEP_BYTES);
    }
}
