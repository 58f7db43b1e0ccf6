//! A file during its download: its bytes in `.NAME.passerelle-part` and, if it is large, a mark beside it that says how
//! many bytes of which version of the source are synced. The file gets its name in one step, when it is complete and
//! synced. Knows nothing of the network.

use std::ffi::OsString;
use std::fs::{File, FileTimes, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

#[cfg(unix)]
use cap_fs_ext::MetadataExt;
use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions};
use shared::{ETag, Entry, Timestamp};

use super::decide::Existing;
use super::folders::existing;
use super::names::{part_of_mark, unfinished};
use crate::sparse;

/// Smaller files have no mark: an interrupted download starts over.
const MARKED_BYTES_MIN: u64 = 1 << 20;
/// Bytes after which the file is synced and the mark updated.
const RECORD_BYTES: u64 = 64 << 20;
/// Time after which the file is synced and the mark updated.
const RECORD_TIME: Duration = Duration::from_secs(1);
/// How often another process may rename the file while it is being opened.
const OPEN_TRIES: usize = 8;

/// The open file, locked against other processes that download to the same path.
pub(super) struct PartFile {
    folder: Arc<Dir>,
    name: OsString,
    part_name: OsString,
    mark_name: OsString,
    file: File,
    mark: Option<File>,
    /// The version of the source that the bytes are from.
    etag: Option<ETag>,
    written: u64,
    /// The last bytes are zeros behind the end of the file.
    ends_in_hole: bool,
    recorded: u64,
    recorded_at: Instant,
}

impl PartFile {
    /// Opens the part that an earlier download of this version left, at its end; otherwise an empty file.
    pub(super) fn open(folder: Arc<Dir>, name: OsString, entry: &Entry, resume: bool) -> io::Result<Self> {
        let (part_name, mark_name) = unfinished(&name);
        let file = open_locked(&folder, &part_name)?;
        let mut part = Self {
            folder,
            name,
            part_name,
            mark_name,
            file,
            mark: None,
            etag: None,
            written: 0,
            ends_in_hole: false,
            recorded: 0,
            recorded_at: Instant::now(),
        };
        let mark = if resume { part.read_mark() } else { None };
        match mark {
            Some((etag, offset)) if Some(etag) == entry.etag && offset <= part.file.metadata()?.len() => {
                part.file.set_len(offset)?;
                part.file.seek(SeekFrom::End(0))?;
                (part.etag, part.written, part.recorded) = (Some(etag), offset, offset);
            }
            _ => part.restart()?,
        }
        Ok(part)
    }

    /// The number of bytes in the file.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The version of the source that the bytes are from. `None` if there are none.
    pub(super) fn etag(&self) -> Option<ETag> {
        self.etag
    }

    /// Drops all bytes. Removes the mark first, so that it never describes bytes of another version.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.mark = None;
        self.remove(&self.mark_name)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        (self.etag, self.written, self.recorded) = (None, 0, 0);
        self.ends_in_hole = false;
        Ok(())
    }

    /// Says that the next bytes, like those in the file, are from the version `source`.
    pub(super) fn begin(&mut self, source: &Entry) -> io::Result<()> {
        self.etag = source.etag;
        self.recorded_at = Instant::now();
        if source.size >= MARKED_BYTES_MIN && source.etag.is_some() {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).follow(FollowSymlinks::No);
            self.mark = Some(self.folder.open_with(&self.mark_name, &options)?.into_std());
        }
        Ok(())
    }

    /// Appends bytes, and syncs them when that is due.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for run in sparse::runs(bytes, self.written) {
            if run.is_zeros {
                // Less than the size of a piece, so the conversion succeeds.
                self.file.seek(SeekFrom::Current(i64::try_from(run.bytes.len()).unwrap_or_default()))?;
            } else {
                self.file.write_all(run.bytes)?;
            }
            self.ends_in_hole = run.is_zeros;
            self.written += run.bytes.len() as u64;
        }
        if self.written - self.recorded >= RECORD_BYTES || self.record_due().is_some_and(|due| due.is_zero()) {
            self.record()?;
        }
        Ok(())
    }

    /// The time until [`PartFile::record`] is due. `None` if there is nothing to record.
    pub(super) fn record_due(&self) -> Option<Duration> {
        let pending = self.mark.is_some() && self.written > self.recorded;
        pending.then(|| RECORD_TIME.saturating_sub(self.recorded_at.elapsed()))
    }

    /// Gives the file its length if it ends in zeros, which are not written.
    fn fill(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.ends_in_hole) { self.file.set_len(self.written) } else { Ok(()) }
    }

    /// Syncs the bytes, then updates the mark.
    pub(super) fn record(&mut self) -> io::Result<()> {
        self.fill()?;
        if let (Some(mark), Some(etag)) = (&mut self.mark, self.etag) {
            self.file.sync_data()?;
            mark.rewind()?;
            mark.write_all(mark_text(etag, self.written).as_bytes())?;
        }
        self.recorded = self.written;
        self.recorded_at = Instant::now();
        Ok(())
    }

    /// Completes the file: sets time and mode, syncs it, and gives it its name.
    ///
    /// # Errors
    /// `AlreadyExists` if an entry has that name and `replace` is false.
    pub(super) fn finish(mut self, source: &Entry, replace: bool) -> io::Result<()> {
        self.fill()?;
        self.file.set_times(FileTimes::new().set_modified(system_time(source.modified)))?;
        if source.executable {
            make_executable(&self.file)?;
        }
        self.file.sync_all()?;
        if !replace && existing(&self.folder, &self.name)? != Existing::Nothing {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "an entry of that name has appeared during the download",
            ));
        }
        self.folder.rename(&self.part_name, &self.folder, &self.name)?;
        if self.has_mark() { self.remove(&self.mark_name) } else { Ok(()) }
    }

    /// Ends an incomplete download: keeps a part that can be resumed, and removes another one.
    pub(super) fn leave(mut self) -> io::Result<()> {
        if self.has_mark() && self.written > 0 {
            return self.record();
        }
        self.mark = None;
        self.remove(&self.mark_name)?;
        self.remove(&self.part_name)
    }

    /// Also true between [`PartFile::open`] and [`PartFile::begin`], for the mark of an earlier download.
    fn has_mark(&self) -> bool {
        self.mark.is_some() || self.recorded > 0
    }

    fn read_mark(&self) -> Option<(ETag, u64)> {
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No);
        let mark = self.folder.open_with(&self.mark_name, &options).ok()?;
        let mut text = String::new();
        // Reads one byte more than a mark has: a longer file is not a mark.
        mark.into_std().take(MARK_BYTES + 1).read_to_string(&mut text).ok()?;
        parse_mark(&text)
    }

    fn remove(&self, name: &OsString) -> io::Result<()> {
        match self.folder.remove_file(name) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Removes the part or mark of that name, unless another process uses it.
pub(super) fn remove_unused(folder: &Dir, name: &OsString) -> io::Result<()> {
    let is_file = |name: &OsString| folder.symlink_metadata(name).is_ok_and(|metadata| metadata.is_file());
    if !is_file(name) {
        return Ok(());
    }
    let part = part_of_mark(name).unwrap_or_else(|| name.clone());
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No);
    let opened = if is_file(&part) { Some(folder.open_with(&part, &options)?.into_std()) } else { None };
    if opened.as_ref().is_some_and(|part| matches!(part.try_lock(), Err(TryLockError::WouldBlock))) {
        return Ok(());
    }
    folder.remove_file(name)
}

/// Opens or makes the file of that name, and locks it. Another process may rename it between opening and locking: the
/// file that is locked must still have the name.
fn open_locked(folder: &Dir, name: &OsString) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).follow(FollowSymlinks::No);
    for _ in 0..OPEN_TRIES {
        let file = folder.open_with(name, &options)?;
        let opened = file.metadata()?;
        if !opened.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a folder, link or special file has this name"));
        }
        let file = file.into_std();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(ErrorKind::WouldBlock, "another process is downloading it"));
            }
            // A file system without locks: other processes cannot be detected.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if is_still(folder, name, &opened) {
            return Ok(file);
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "other processes are downloading it"))
}

#[cfg(unix)]
fn is_still(folder: &Dir, name: &OsString, opened: &cap_std::fs::Metadata) -> bool {
    let same = |now: cap_std::fs::Metadata| now.dev() == opened.dev() && now.ino() == opened.ino();
    folder.symlink_metadata(name).is_ok_and(same)
}

/// Windows cannot compare a file with a name without opening it; there, the lock alone must do.
#[cfg(not(unix))]
fn is_still(folder: &Dir, name: &OsString, _: &cap_std::fs::Metadata) -> bool {
    folder.symlink_metadata(name).is_ok()
}

const MARK_LABEL: &str = "passerelle-part-1";
const MARK_BYTES: u64 = MARK_LABEL.len() as u64 + 1 + 32 + 1 + 20 + 1;

/// Of constant length, so that one write replaces the mark.
fn mark_text(etag: ETag, offset: u64) -> String {
    format!("{MARK_LABEL} {etag} {offset:020}\n")
}

fn parse_mark(text: &str) -> Option<(ETag, u64)> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let (MARK_LABEL, etag, offset, None) = (words.next()?, words.next()?, words.next()?, words.next()) else {
        return None;
    };
    let offset = if offset.len() == 20 { offset.parse().ok()? } else { return None };
    Some((ETag::parse(etag)?, offset))
}

fn system_time(moment: Timestamp) -> SystemTime {
    let span = Duration::from_nanos(moment.0.unsigned_abs());
    let time =
        if moment.0 < 0 { SystemTime::UNIX_EPOCH.checked_sub(span) } else { SystemTime::UNIX_EPOCH.checked_add(span) };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Gives execute permission to each class of users that has read permission.
#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = file.metadata()?.permissions();
    let mode = permissions.mode();
    permissions.set_mode(mode | (mode & 0o444) >> 2);
    file.set_permissions(permissions)
}

#[cfg(not(unix))]
fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;
    use shared::{Kind, VPath};

    use super::*;

    fn entry(size: u64, etag: u8) -> Entry {
        Entry {
            path: VPath::parse("f").unwrap(),
            kind: Kind::File,
            size,
            modified: Timestamp(1_600_000_000_123_456_789),
            executable: true,
            link: None,
            etag: Some(ETag([etag; 16])),
        }
    }

    fn open(folder: &tempfile::TempDir, entry: &Entry) -> io::Result<PartFile> {
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        PartFile::open(Arc::new(dir), "f".into(), entry, true)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_large_file_resumes_where_its_mark_says() {
        let folder = tempfile::tempdir().unwrap();
        let source = entry(3 << 20, 1);
        let mut part = open(&folder, &source).unwrap();
        part.begin(&source).unwrap();
        part.write(&[1; 1000]).unwrap();
        part.record().unwrap();
        part.write(&[2; 500]).unwrap();
        // As after a kill: bytes that are not recorded may be anything.
        drop(part);
        let part = open(&folder, &source).unwrap();
        assert_eq!((part.written(), part.etag()), (1000, source.etag));
        drop(part);
        let part = open(&folder, &entry(3 << 20, 2)).unwrap();
        assert_eq!((part.written(), part.etag()), (0, None));
        assert_eq!(names(&folder), [".f.passerelle-part"]);
    }

    #[test]
    fn a_mark_beyond_the_end_of_the_file_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let source = entry(3 << 20, 1);
        std::fs::write(folder.path().join(".f.passerelle-part"), [0; 10]).unwrap();
        std::fs::write(folder.path().join(".f.passerelle-mark"), mark_text(ETag([1; 16]), 11)).unwrap();
        assert_eq!(open(&folder, &source).unwrap().written(), 0);
    }

    #[test]
    fn a_finished_file_has_time_and_mode_and_no_mark() {
        let folder = tempfile::tempdir().unwrap();
        let source = entry(1 << 20, 1);
        let mut part = open(&folder, &source).unwrap();
        part.begin(&source).unwrap();
        part.write(&vec![3; 1 << 20]).unwrap();
        part.finish(&source, false).unwrap();
        assert_eq!(names(&folder), ["f"]);
        let metadata = std::fs::metadata(folder.path().join("f")).unwrap();
        assert_eq!((metadata.len(), metadata.modified().unwrap()), (1 << 20, system_time(source.modified)));
        #[cfg(unix)]
        assert!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0);
    }

    #[test]
    fn a_second_process_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let source = entry(5, 1);
        let first = open(&folder, &source).unwrap();
        assert_eq!(open(&folder, &source).err().map(|error| error.kind()), Some(ErrorKind::WouldBlock));
        drop(first);
        assert!(open(&folder, &source).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_part_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("precious"), "kept").unwrap();
        std::os::unix::fs::symlink("precious", folder.path().join(".f.passerelle-part")).unwrap();
        assert!(open(&folder, &entry(5, 1)).is_err());
        assert_eq!(std::fs::read(folder.path().join("precious")).unwrap(), b"kept");
    }

    #[test]
    fn marks_read_back_and_torn_ones_do_not() {
        let text = mark_text(ETag([7; 16]), u64::MAX);
        assert_eq!(text.len() as u64, MARK_BYTES);
        assert_eq!(parse_mark(&text), Some((ETag([7; 16]), u64::MAX)));
        for end in 0..text.len() {
            assert_eq!(parse_mark(&text[..end]), None);
        }
        assert_eq!(parse_mark(&format!("{text}\n")), None);
    }
}
