//! The manifest: the entries of an archive with their order, names and positions. Pure: takes entries as a walk finds
//! them, and yields the layout.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared::limits::{ARCHIVE_ENTRIES_MAX, ARCHIVE_MANIFEST_BYTES_MAX};
use shared::{ETag, Entry, ErrorCode, Kind, Link, Timestamp, VPath};

use super::names::Names;
use super::notice::{self, LeftOut};
use super::zip::{End, Record};
use crate::client::{Prefix, Skipped};
use crate::gateway::http::problem::ErrorResponse;

/// Part of every validator; changes whenever the same entries would be written differently.
const FORMAT: &[u8] = b"archive-1";

/// What an allocated path takes besides its bytes, in bytes.
const ALLOCATION_BYTES: usize = 16;

/// The limits of one archive.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub entries_max: usize,
    /// Size in memory.
    pub manifest_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries_max: ARCHIVE_ENTRIES_MAX, manifest_bytes_max: ARCHIVE_MANIFEST_BYTES_MAX }
    }
}

/// An entry of the archive.
pub(crate) struct PlannedEntry {
    /// The path in the storage.
    pub path: VPath,
    name: Name,
    /// In bytes; 0 for a folder.
    pub size: u64,
    modified: i64,
    /// The state in which the entry was found, and in which it must be sent.
    pub etag: Option<ETag>,
    executable: bool,
    folder: bool,
    /// Its content is [`Manifest::notice`], and no file's.
    own: bool,
}

/// Most names are the tail of the path in the storage, so they are not stored again.
enum Name {
    /// From this byte of the path on.
    Tail(u16),
    Own(Box<str>),
}

/// The positions of the parts of an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    pub central_offset: u64,
    pub central_bytes: u64,
    pub total_bytes: u64,
}

/// Everything about an archive except the content of its files.
pub(crate) struct Manifest {
    pub entries: Vec<PlannedEntry>,
    pub layout: Layout,
    /// Changes whenever a byte of the archive would. `None` if a file has no validator: then a resumed download could
    /// mix two states.
    pub etag: Option<ETag>,
    /// The content of the last entry, if that lists what the archive leaves out.
    pub notice: Option<Notice>,
    /// How files begin that may be growing, by the index of their entry.
    growing: HashMap<usize, Prefix>,
    memory_bytes: usize,
}

/// The content of the entry that lists what an archive leaves out.
pub(crate) struct Notice {
    pub text: Bytes,
    /// How many entries it names.
    pub count: u64,
    pub crc32: u32,
}

impl Manifest {
    /// The memory that it takes, in bytes, with the checksums of its entries.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// How the file of an entry began when the list was made, if it may be growing.
    pub(super) fn prefix(&self, index: usize) -> Option<Prefix> {
        self.growing.get(&index).copied()
    }
}

/// Builds a [`Manifest`].
pub(crate) struct Planner {
    /// The selected paths that the walk has not reached yet.
    starts: VecDeque<VPath>,
    /// Whether a single path was selected.
    alone: bool,
    names: Names,
    entries: Vec<PlannedEntry>,
    manifest_bytes: usize,
    offset: u64,
    central_bytes: u64,
    limits: Limits,
    hash: Sha256,
    /// Whether every file so far has a validator.
    validated: bool,
    left_out: LeftOut,
    /// See [`Manifest::growing`].
    growing: HashMap<usize, Prefix>,
    /// The latest modification time so far.
    latest: Timestamp,
}

impl PlannedEntry {
    pub(super) fn record(&self) -> OwnedRecord<'_> {
        let name = match &self.name {
            Name::Own(name) => Cow::Borrowed(&**name),
            Name::Tail(start) => {
                let tail = self.path.as_bytes().get(usize::from(*start)..).unwrap_or_default();
                let tail = String::from_utf8_lossy(tail);
                if self.folder { tail + "/" } else { tail }
            }
        };
        OwnedRecord { name, entry: self }
    }

    /// True if the entry has content to fetch.
    pub(crate) fn has_content(&self) -> bool {
        self.size > 0 && !self.own
    }

    /// True if the content of the entry is [`Manifest::notice`].
    pub(super) fn is_notice(&self) -> bool {
        self.own
    }
}

/// A [`Record`] with the name that it borrows.
pub(super) struct OwnedRecord<'a> {
    name: Cow<'a, str>,
    entry: &'a PlannedEntry,
}

impl OwnedRecord<'_> {
    pub(super) fn get(&self) -> Record<'_> {
        let PlannedEntry { size, modified, executable, .. } = *self.entry;
        Record { name: &self.name, size, modified, executable }
    }
}

impl Planner {
    /// For a walk of `paths`, in that order.
    pub(crate) fn new(paths: Vec<VPath>, limits: Limits) -> Self {
        Self {
            alone: paths.len() == 1,
            starts: paths.into(),
            names: Names::default(),
            entries: Vec::new(),
            manifest_bytes: 0,
            offset: 0,
            central_bytes: 0,
            limits,
            hash: Sha256::new_with_prefix(FORMAT),
            validated: true,
            left_out: LeftOut::default(),
            growing: HashMap::new(),
            latest: Timestamp(0),
        }
    }

    /// Notes an entry that the file server may not read.
    ///
    /// # Errors
    /// The reason if it is the only selected one.
    pub(crate) fn skip(&mut self, skipped: &Skipped) -> Result<(), ErrorResponse> {
        if self.starts.front() == Some(&skipped.path) {
            self.starts.pop_front();
            if self.alone {
                return Err(skipped.code.into());
            }
        }
        self.manifest_bytes += self.left_out.add(&skipped.path, notice::reason_of_code(skipped.code));
        Ok(())
    }

    /// Adds the next entry of the walk; `prefix` if it may be growing.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] beyond the limits; the reason why a single selected entry cannot be archived.
    pub(crate) fn add(&mut self, entry: Entry, prefix: Option<Prefix>) -> Result<(), ErrorResponse> {
        let start = self.starts.front() == Some(&entry.path);
        if start {
            self.starts.pop_front();
        }
        if start && self.alone {
            refuse_other(&entry)?;
        }
        // A link to a folder that the caller names itself is followed.
        if let Some(reason) = notice::reason(&entry).filter(|_| !start || !entry.is_folder()) {
            self.manifest_bytes += self.left_out.add(&entry.path, reason);
            return Ok(());
        }
        if let Some(prefix) = prefix {
            self.manifest_bytes += size_of::<(usize, Prefix)>();
            self.growing.insert(self.entries.len(), prefix);
        }
        let folder = entry.is_folder();
        let name =
            if start { Some(self.names.start(&entry.path, folder)) } else { self.names.inside(&entry.path, folder) };
        match name.filter(|name| !name.is_empty()) {
            Some(name) => self.push(entry, name, false),
            None => Ok(()),
        }
    }

    /// Adds an entry; `own` if its content is [`Manifest::notice`].
    fn push(&mut self, entry: Entry, name: String, own: bool) -> Result<(), ErrorResponse> {
        self.latest = self.latest.max(entry.modified);
        let folder = entry.is_folder();
        let size = if folder { 0 } else { entry.size };
        let planned = PlannedEntry {
            name: shorten(&entry.path, &name),
            size,
            modified: entry.modified.seconds(),
            etag: entry.etag,
            executable: entry.executable && !folder,
            folder,
            own,
            path: entry.path,
        };
        let own = if let Name::Own(name) = &planned.name { name.len() } else { 0 };
        self.manifest_bytes += size_of::<PlannedEntry>() + size_of::<u32>() + planned.path.as_bytes().len() + own;
        self.manifest_bytes += ALLOCATION_BYTES;
        let Limits { entries_max, manifest_bytes_max } = self.limits;
        if self.entries.len() >= entries_max || self.manifest_bytes > manifest_bytes_max {
            let count = self.entries.len();
            let sentence = format!(
                "More than {count} entries are too many for one archive. Choose fewer, or use a tool that copies folders."
            );
            return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
        }
        self.lay_out(&planned)?;
        self.absorb(&planned, &name);
        self.entries.push(planned);
        Ok(())
    }

    /// Assigns positions. Sizes come from a storage, so a sum that overflows is refused.
    fn lay_out(&mut self, planned: &PlannedEntry) -> Result<(), ErrorResponse> {
        let record = planned.record();
        let record = record.get();
        self.central_bytes += record.central_bytes(self.offset);
        let around = record.local_bytes() + record.descriptor_bytes();
        let end = self.offset.checked_add(planned.size).and_then(|end| end.checked_add(around));
        // Leaves room for the end records, whatever the number of entries.
        self.offset = end.filter(|end| *end < u64::MAX / 2).ok_or(ErrorCode::TooLarge)?;
        Ok(())
    }

    fn absorb(&mut self, planned: &PlannedEntry, name: &str) {
        self.hash.update((name.len() as u64).to_le_bytes());
        self.hash.update(name);
        self.hash.update(planned.size.to_le_bytes());
        self.hash.update(planned.modified.to_le_bytes());
        self.hash.update([u8::from(planned.executable)]);
        // A folder's validator changes with its entries, which are hashed anyway.
        self.hash.update(planned.etag.filter(|_| !planned.folder).map_or([0; 16], |etag| etag.0));
        self.validated &= planned.etag.is_some() || !planned.has_content();
    }

    /// The memory that the manifest takes so far, in bytes, with the names that it knows and the room of its list for
    /// more entries.
    pub(crate) fn memory_bytes(&self) -> usize {
        let room = self.entries.capacity() - self.entries.len();
        self.manifest_bytes + room * size_of::<PlannedEntry>() + self.names.memory_bytes()
    }

    /// The manifest of the complete walk, with the entry that names what is left out, if anything is.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] beyond the limits.
    pub(crate) fn finish(mut self) -> Result<Manifest, ErrorResponse> {
        let count = self.left_out.count();
        let Some(text) = std::mem::take(&mut self.left_out).text() else { return Ok(self.lay_out_end(None)) };
        let name = self.names.own(notice::NAME);
        let path = VPath::from_bytes(name.as_bytes()).map_err(|_| ErrorCode::Internal)?;
        let (kind, size, modified) = (Kind::File, text.len() as u64, self.latest);
        let entry = Entry { path, kind, size, modified, executable: false, link: None, etag: None };
        self.push(entry, name, true)?;
        self.hash.update(&text);
        let crc32 = crc32fast::hash(&text);
        Ok(self.lay_out_end(Some(Notice { text, count, crc32 })))
    }

    fn lay_out_end(mut self, notice: Option<Notice>) -> Manifest {
        self.entries.shrink_to_fit();
        let central_offset = self.offset;
        let end = End { entries: self.entries.len() as u64, central_offset, central_bytes: self.central_bytes };
        let total_bytes = central_offset + self.central_bytes + end.bytes();
        let layout = Layout { central_offset, central_bytes: self.central_bytes, total_bytes };
        let mut etag = [0; 16];
        etag.copy_from_slice(&self.hash.finalize()[..16]);
        let (entries, growing, memory_bytes) = (self.entries, self.growing, self.manifest_bytes);
        Manifest { entries, layout, etag: self.validated.then_some(ETag(etag)), notice, growing, memory_bytes }
    }
}

/// An unreadable entry is left out among others, but refused if it is the only one selected.
fn refuse_other(entry: &Entry) -> Result<(), ErrorResponse> {
    match (entry.kind, &entry.link) {
        (Kind::Other, Some(Link::Escapes)) => Err(ErrorCode::LinkEscapes.into()),
        (Kind::Other, Some(Link::Broken)) => Err(ErrorCode::LinkBroken.into()),
        (Kind::Other, _) => Err(ErrorCode::NotRegular.into()),
        _ => Ok(()),
    }
}

fn shorten(path: &VPath, name: &str) -> Name {
    let plain = name.strip_suffix('/').unwrap_or(name);
    let start = path.as_bytes().len().checked_sub(plain.len());
    let start = start.filter(|start| path.as_bytes()[*start..] == *plain.as_bytes());
    match start.and_then(|start| u16::try_from(start).ok()) {
        Some(start) => Name::Tail(start),
        None => Name::Own(name.into()),
    }
}

#[cfg(test)]
mod tests {
    use shared::Timestamp;

    use super::*;

    fn entry(path: &[u8], kind: Kind, size: u64, link: Option<Link>) -> Entry {
        let path = VPath::from_bytes(path).unwrap();
        Entry { path, kind, size, modified: Timestamp(0), executable: false, link, etag: Some(ETag([1; 16])) }
    }

    fn planner(paths: &[&[u8]]) -> Planner {
        Planner::new(paths.iter().map(|path| VPath::from_bytes(*path).unwrap()).collect(), Limits::default())
    }

    fn names(manifest: &Manifest) -> Vec<String> {
        manifest.entries.iter().map(|entry| entry.record().get().name.to_owned()).collect()
    }

    fn tree() -> Vec<Entry> {
        vec![
            entry(b"a/d", Kind::Folder, 0, None),
            entry(b"a/d/empty", Kind::Folder, 0, None),
            entry(b"a/d/file", Kind::File, 5, None),
            entry(b"a/d/latin\xe9", Kind::File, 5, None),
            entry(b"a/d/link", Kind::File, 5, Some(Link::Inside(b"file".to_vec()))),
            entry(b"a/d/linked", Kind::Folder, 0, Some(Link::Inside(b"empty".to_vec()))),
            entry(b"a/d/out", Kind::Other, 0, Some(Link::Escapes)),
            entry(b"a/d/pipe", Kind::Other, 0, None),
        ]
    }

    fn plan(paths: &[&[u8]], entries: Vec<Entry>) -> Manifest {
        let mut planner = planner(paths);
        entries.into_iter().for_each(|entry| planner.add(entry, None).unwrap());
        planner.finish().unwrap()
    }

    #[test]
    fn an_archive_contains_files_folders_and_links_to_files() {
        let manifest = plan(&[b"a/d"], tree());
        assert_eq!(names(&manifest), ["d/", "d/empty/", "d/file", "d/latin%E9", "d/link", "NOT INCLUDED.txt"]);
        let root = vec![entry(b"", Kind::Folder, 0, None), entry(b"x", Kind::File, 1, None)];
        assert_eq!(names(&plan(&[b""], root)), ["x"]);
        let link = vec![
            entry(b"linked", Kind::Folder, 0, Some(Link::Inside(b"d".to_vec()))),
            entry(b"linked/x", Kind::File, 1, None),
        ];
        assert_eq!(names(&plan(&[b"linked"], link)), ["linked/", "linked/x"]);
    }

    #[test]
    fn the_validator_changes_with_the_bytes() {
        let etag = |change: &dyn Fn(&mut Vec<Entry>)| {
            let mut entries = tree();
            change(&mut entries);
            plan(&[b"a/d"], entries).etag
        };
        let same = etag(&|_| {});
        assert_eq!(etag(&|entries| entries[0].etag = None), same);
        assert_eq!(etag(&|entries| entries[7].etag = None), same);
        assert!(same.is_some());
        assert_eq!(etag(&|entries| entries[2].etag = None), None);
        assert_ne!(etag(&|entries| entries[2].etag = Some(ETag([2; 16]))), same);
        assert_ne!(etag(&|entries| entries[2].size = 6), same);
        assert_ne!(etag(&|entries| entries[2].executable = true), same);
        assert_ne!(etag(&|entries| entries[0].modified = Timestamp(9_000_000_000)), same);
        assert_ne!(etag(&|entries| drop(entries.remove(1))), same);
    }

    #[test]
    fn too_much_is_refused() {
        let limits = Limits { entries_max: 3, manifest_bytes_max: usize::MAX };
        let mut planner = Planner::new(vec![VPath::parse("a/d").unwrap()], limits);
        let codes: Vec<_> =
            tree().into_iter().map(|entry| planner.add(entry, None).err().map(|error| error.code)).collect();
        assert_eq!(codes[..4], [None, None, None, Some(ErrorCode::TooLarge)]);
        let limits = Limits { entries_max: 3, manifest_bytes_max: 10 };
        let mut planner = Planner::new(vec![VPath::parse("a/d").unwrap()], limits);
        assert!(planner.add(tree().remove(0), None).is_err());
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let mut planner = planner(&[b"x", b"y"]);
        assert!(planner.add(entry(b"x", Kind::File, u64::MAX, None), None).is_err());
        assert!(planner.add(entry(b"y", Kind::File, u64::MAX / 2 - 1, None), None).is_err());
    }

    #[test]
    fn a_single_selected_entry_must_be_readable() {
        let out = || entry(b"out", Kind::Other, 0, Some(Link::Escapes));
        let error = planner(&[b"out"]).add(out(), None).unwrap_err();
        assert_eq!(error.code, ErrorCode::LinkEscapes);
        assert!(planner(&[b"out", b"x"]).add(out(), None).is_ok());
    }

    #[test]
    fn a_name_is_stored_once() {
        assert!(size_of::<PlannedEntry>() <= 96, "{}", size_of::<PlannedEntry>());
        let manifest = plan(&[b"a/d"], tree());
        let own = manifest.entries.iter().filter(|entry| matches!(entry.name, Name::Own(_))).count();
        assert_eq!(own, 1);
    }

    #[test]
    fn what_is_left_out_is_named_in_an_entry_of_its_own() {
        let mut planner = planner(&[b"a/d", b"not included.txt", b"secret"]);
        tree().into_iter().for_each(|entry| planner.add(entry, None).unwrap());
        let skipped = |path: &str| Skipped { path: VPath::parse(path).unwrap(), code: ErrorCode::AccessDenied };
        planner.skip(&skipped("a/d/hidden")).unwrap();
        planner.add(entry(b"not included.txt", Kind::File, 1, None), None).unwrap();
        planner.skip(&skipped("secret")).unwrap();
        let manifest = planner.finish().unwrap();
        assert_eq!(names(&manifest).last().unwrap(), "NOT INCLUDED (2).txt");
        let notice = manifest.notice.unwrap();
        let text = "These entries are not in this archive:\n\n\
            a/d/hidden: the server may not read it\n\
            a/d/linked: a link to a folder\n\
            a/d/out: a link that leads out of the shared folder\n\
            a/d/pipe: neither a file nor a folder\n\
            secret: the server may not read it\n";
        assert_eq!((notice.text, notice.count), (text.into(), 5));
        let alone = Planner::new(vec![VPath::parse("secret").unwrap()], Limits::default()).skip(&skipped("secret"));
        assert_eq!(alone.unwrap_err().code, ErrorCode::AccessDenied);
    }
}
