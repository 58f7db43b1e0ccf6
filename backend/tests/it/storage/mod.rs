//! The conformance suite of storages, written once and run on every backend. A backend is done when it passes.

mod agreement;
mod faults;
mod links;
mod local;
mod power;
mod reading;
mod real;
mod trash;
mod watching;
mod worlds;
mod writing;

use std::collections::BTreeMap;

use backend::storage::{Attributes, Expected, OpenFile, Published, Staged, Storage, StorageError, Visit};
use shared::{Entry, ErrorCode, Kind, Link, Timestamp, TrashId, UploadId, VPath};

/// One backend with a tree in it that a check builds. Paths are raw bytes below the root.
trait World {
    fn storage(&self) -> &dyn Storage;

    /// The root's own absolute path. Beside the root lie a file `secret` and, with a `secret` in it, a folder whose name
    /// is the root's with a `2` after it.
    fn root(&self) -> Vec<u8>;

    fn file(&self, path: &[u8], content: &[u8]);
    fn folder(&self, path: &[u8]);
    fn link(&self, path: &[u8], target: &[u8]);
    /// Something that is neither file nor folder. False if the backend has no such thing.
    fn special(&self, path: &[u8]) -> bool;
    /// Changes a file in place.
    fn write(&self, path: &[u8], content: &[u8]);
    fn truncate(&self, path: &[u8], length: usize);
    /// Puts a new file in the place of an old one.
    fn replace(&self, path: &[u8], content: &[u8]);
    fn remove(&self, path: &[u8]);
    fn set_modified(&self, path: &[u8], modified: Timestamp);
    fn set_executable(&self, path: &[u8]);
    /// Makes an entry one that the server may not read. False if whoever runs this test may read everything.
    fn deny(&self, path: &[u8]) -> bool;
    /// Whether the system under the backend has such names.
    fn takes(&self, name: &[u8]) -> bool;
    /// Whether files can be executable on the system under the backend.
    fn keeps_modes(&self) -> bool {
        true
    }
    /// Fails if anything beside the root is not as it was at first.
    fn check_outside(&self) {}
    /// Lets so much time pass that a change has another time.
    fn tick(&self) {}
}

/// Each check on each backend, as a test of its own.
macro_rules! conformance {
    ($($subject:ident: $($check:ident,)*;)*) => {
        mod memory {
            $($(#[test] fn $check() { super::$subject::$check(&super::worlds::MemoryWorld::new()) })*)*
        }
        mod faulty_without_faults {
            $($(#[test] fn $check() { super::$subject::$check(&super::worlds::FaultyWorld::new()) })*)*
        }
        mod simulated {
            $($(#[test] fn $check() { super::$subject::$check(&super::worlds::SimulatedWorld::new()) })*)*
        }
        #[cfg(unix)]
        mod local_kernel {
            use backend::storage::local::Containment;
            $($(#[test] fn $check() { super::$subject::$check(&super::local::LocalWorld::new(Containment::Kernel)) })*)*
        }
        #[cfg(unix)]
        mod local_walk {
            use backend::storage::local::Containment;
            $($(#[test] fn $check() { super::$subject::$check(&super::local::LocalWorld::new(Containment::Walk)) })*)*
        }
        #[cfg(unix)]
        mod local_portable {
            use backend::storage::local::Containment;
            $($(#[test] fn $check() { super::$subject::$check(&super::local::LocalWorld::new(Containment::Portable)) })*)*
        }
    };
}

conformance! {
    reading:
        stat_says_what_is_there,
        a_path_that_leads_nowhere_says_why,
        a_listing_is_complete_and_agrees_with_stat,
        names_and_rows_are_the_listing,
        a_listing_stops_when_told,
        names_are_bytes,
        folders_may_be_deep,
        reading_starts_and_ends_anywhere,
        only_files_open,
        an_etag_changes_with_the_file,
        a_replaced_file_goes_on_to_be_read,
        an_open_file_tells_that_it_changed,
        special_files_are_never_opened,
        what_may_not_be_read_says_so,
    ;
    links:
        links_inside_are_followed,
        absolute_links_inside_are_followed,
        links_that_lead_out_are_refused,
        a_prefix_is_one_of_segments,
        links_to_nothing_and_circles_are_broken,
        forty_links_are_followed_and_no_more,
        the_state_folder_does_not_exist,
    ;
    writing:
        an_upload_is_seen_by_nobody,
        an_upload_is_found_again_until_it_is_given_up,
        a_small_file_is_stored_in_one_go,
        a_published_upload_is_a_file,
        what_stands_there_decides,
        folders_and_special_files_never_give_way,
        a_replaced_file_hands_down_what_it_had,
        an_upload_goes_through_a_link_that_stays_inside,
        a_link_that_leads_astray_takes_no_upload,
        every_name_can_be_written,
        nothing_of_the_server_is_reached,
        folders_and_links_are_made,
        of_two_who_want_a_name_one_gets_it,
        bytes_are_copied_from_files_and_uploads,
    ;
    trash:
        an_entry_takes_another_name,
        a_name_that_is_taken_gives_way_as_expected,
        a_source_in_another_state_stays,
        files_links_and_empty_folders_are_removed,
        the_trash_remembers_and_gives_back,
        what_is_purged_is_gone_entry_by_entry,
        deep_trees_are_purged,
    ;
    watching:
        a_watched_folder_tells_what_happens_in_it,
        who_stops_watching_hears_no_more,
    ;
}

/// A link that is shown, and refused by everything else.
#[track_caller]
fn check_link(world: &dyn World, name: &[u8], link: &Link) {
    let entry = stat(world, name).unwrap();
    let shown = String::from_utf8_lossy(name).into_owned();
    assert_eq!((entry.kind, entry.size, entry.etag), (Kind::Other, 0, None), "{shown}");
    assert_eq!(entry.link.as_ref(), Some(link), "{shown}");
    let parent = path(name).parent().unwrap();
    assert_eq!(list(world, parent.as_bytes()).unwrap()[path(name).name()], entry, "{shown}");
    assert_eq!(code(open(world, name)), Some(ErrorCode::LinkEscapes), "{shown}");
    assert_eq!(list(world, name).unwrap_err(), ErrorCode::LinkEscapes, "{shown}");
}

/// A path that everything refuses for the same reason.
#[track_caller]
fn check_error(world: &dyn World, name: &[u8], expected: ErrorCode) {
    let shown = String::from_utf8_lossy(name).into_owned();
    assert_eq!(stat(world, name).unwrap_err(), expected, "stat of {shown}");
    assert_eq!(code(open(world, name)), Some(expected), "opening {shown}");
    assert_eq!(list(world, name).unwrap_err(), expected, "listing of {shown}");
}

fn path(bytes: &[u8]) -> VPath {
    VPath::from_bytes(bytes).unwrap()
}

fn last_segment(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap()
}

fn stat(world: &dyn World, name: &[u8]) -> Result<Entry, ErrorCode> {
    let at_once = world.storage().try_stat(&path(name));
    let found = world.storage().stat(&path(name)).map_err(|error| error.code);
    if let Some(entry) = at_once {
        assert_eq!(Ok(&entry), found.as_ref(), "what was said at once is something else");
    }
    found
}

fn list(world: &dyn World, name: &[u8]) -> Result<BTreeMap<Vec<u8>, Entry>, ErrorCode> {
    list_in(world.storage(), &path(name))
}

fn list_in(storage: &dyn Storage, path: &VPath) -> Result<BTreeMap<Vec<u8>, Entry>, ErrorCode> {
    let mut entries = BTreeMap::new();
    let mut visit = |entry: Entry| {
        let twice = entries.insert(entry.path.name().to_vec(), entry);
        assert!(twice.is_none(), "{twice:?} was listed twice");
        Visit::Continue
    };
    storage.list(path, &mut visit).map_err(|error| error.code)?;
    Ok(entries)
}

fn open(world: &dyn World, name: &[u8]) -> Result<Box<dyn OpenFile>, StorageError> {
    let at_once = world.storage().try_open(&path(name));
    let opened = world.storage().open(&path(name));
    if let Some(file) = at_once {
        let other = opened.as_ref().unwrap_or_else(|error| panic!("only at once it is opened: {error}"));
        assert_eq!(file.entry(), other.entry());
        check_reading_at_once(&*file, &**other);
    }
    opened
}

/// What is read at once are the first of the bytes that there are, perhaps none.
fn check_reading_at_once(file: &dyn OpenFile, other: &dyn OpenFile) {
    let (mut at_once, mut waited) = ([0; 64], [0; 64]);
    let Some(count) = file.try_read_at(&mut at_once, 0) else { return };
    if let Ok(all) = other.read_at(&mut waited, 0) {
        assert!(count <= all && at_once[..count] == waited[..count]);
    }
    assert_eq!(file.etag_now().ok(), other.etag_now().ok());
}

/// The code of a refusal, of the storage's or as the helpers here hand it on.
fn code<T, E: Into<Refusal>>(result: Result<T, E>) -> Option<ErrorCode> {
    result.err().map(|error| error.into().0)
}

struct Refusal(ErrorCode);

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Self(error.code)
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self(code)
    }
}

fn upload_id(number: u8) -> UploadId {
    UploadId([number; 16])
}

fn trash_id(number: u8) -> TrashId {
    TrashId([number; 16])
}

fn stage(world: &dyn World, number: u8) -> Box<dyn Staged> {
    world.storage().stage(upload_id(number)).unwrap()
}

/// A whole upload of little.
fn upload(
    world: &dyn World,
    number: u8,
    target: &[u8],
    bytes: &[u8],
    expected: &Expected,
) -> Result<Published, ErrorCode> {
    let staged = stage(world, number);
    staged.write_at(bytes, 0).unwrap();
    drop(staged);
    let published = world.storage().publish(upload_id(number), &path(target), expected, &Attributes::default());
    published.map_err(|error| error.code)
}

fn staged_bytes(staged: &dyn Staged) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(staged.length().unwrap()).unwrap()];
    assert_eq!(staged.read_at(&mut bytes, 0).unwrap(), bytes.len());
    bytes
}

fn read(file: &dyn OpenFile) -> Result<Vec<u8>, ErrorCode> {
    let mut bytes = vec![0; 1 << 16];
    let count = file.read_at(&mut bytes, 0).map_err(|error| error.code)?;
    bytes.truncate(count);
    Ok(bytes)
}

fn content(world: &dyn World, name: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    read(&*open(world, name).map_err(|error| error.code)?)
}
