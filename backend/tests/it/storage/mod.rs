//! The conformance suite of storages, run on every backend. A backend is complete when it passes.

mod agreement;
#[cfg(target_os = "linux")]
mod disks;
mod faults;
mod fixtures;
mod full;
mod hidden;
mod interruption;
mod links;
mod local;
mod power;
mod power_changes;
mod power_disks;
mod reading;
mod real;
mod replacing;
mod taken_away;
mod trash;
mod trash_forms;
mod watching;
mod writing;

use std::collections::BTreeMap;

use backend::storage::{Attributes, Expected, OpenFile, Published, Staged, Storage, StorageError, TrashGroup, Visit};
use shared::{Entry, ErrorCode, Kind, Link, Timestamp, TrashId, UploadId, VPath};

/// A backend with a tree that a check builds. Paths are raw bytes below the root.
trait Fixture {
    fn storage(&self) -> &dyn Storage;

    /// The root's absolute path. Beside the root are a file `secret` and a folder with the name of the root followed by
    /// `2`, which contains another `secret`.
    fn root(&self) -> Vec<u8>;

    fn file(&self, path: &[u8], content: &[u8]);
    fn folder(&self, path: &[u8]);
    fn link(&self, path: &[u8], target: &[u8]);
    /// Adds an entry that is neither file nor folder. False if the backend has none.
    fn special(&self, path: &[u8]) -> bool;
    /// Overwrites a file in place.
    fn write(&self, path: &[u8], content: &[u8]);
    fn truncate(&self, path: &[u8], length: usize);
    /// Replaces a file by a new one.
    fn replace(&self, path: &[u8], content: &[u8]);
    fn remove(&self, path: &[u8]);
    fn set_modified(&self, path: &[u8], modified: Timestamp);
    fn set_executable(&self, path: &[u8]);
    /// Denies access to an entry. False if the user who runs this test may read everything.
    fn deny(&self, path: &[u8]) -> bool;
    /// Whether the system allows the name.
    fn takes(&self, name: &[u8]) -> bool;
    /// Whether the system has executable files.
    fn keeps_modes(&self) -> bool {
        true
    }
    /// Fails if an entry beside the root has changed.
    fn check_outside(&self) {}
    /// Waits until a change gets another time stamp.
    fn tick(&self) {}
}

/// Runs each check on each backend, as a test of its own.
macro_rules! conformance {
    ($($subject:ident: $($check:ident,)*;)*) => {
        mod memory {
            $($(#[test] fn $check() { super::$subject::$check(&super::fixtures::MemoryFixture::new()) })*)*
        }
        mod faulty_without_faults {
            $($(#[test] fn $check() { super::$subject::$check(&super::fixtures::FaultyFixture::new()) })*)*
        }
        mod simulated {
            $($(#[test] fn $check() { super::$subject::$check(&super::fixtures::SimulatedFixture::new()) })*)*
        }
        #[cfg(unix)]
        mod local_kernel {
            use backend::storage::local::Containment;
            $($(#[test] fn $check() { super::$subject::$check(&super::local::LocalFixture::new(Containment::Kernel)) })*)*
        }
        #[cfg(unix)]
        mod local_walk {
            use backend::storage::local::Containment;
            $($(#[test] fn $check() { super::$subject::$check(&super::local::LocalFixture::new(Containment::Walk)) })*)*
        }
        #[cfg(unix)]
        mod local_portable {
            use backend::storage::local::Containment;
            $($(#[test] fn $check() { super::$subject::$check(&super::local::LocalFixture::new(Containment::Portable)) })*)*
        }
    };
}

conformance! {
    reading:
        stat_describes_files_folders_and_the_root,
        a_path_that_leads_nowhere_is_refused_with_its_reason,
        a_listing_is_complete_and_agrees_with_stat,
        names_and_rows_agree_with_the_listing,
        a_listing_stops_on_request,
        names_are_bytes,
        folders_may_be_deep,
        reads_start_and_end_at_any_offset,
        folders_do_not_open_as_files,
        an_etag_changes_with_the_file,
        a_replaced_file_that_is_open_stays_readable,
        the_etag_of_an_open_file_changes_with_it,
        special_files_are_never_opened,
        denied_entries_are_refused_with_access_denied,
        files_that_may_not_be_read_are_named,
        a_grown_file_differs_from_a_changed_one,
    ;
    links:
        links_inside_are_followed,
        absolute_links_inside_are_followed,
        links_that_lead_out_are_refused,
        absolute_targets_are_compared_by_segments,
        dangling_links_and_loops_are_broken,
        forty_links_are_followed_and_no_more,
        the_state_folder_is_hidden,
    ;
    writing:
        an_upload_is_invisible_until_it_is_published,
        an_upload_can_be_reopened_until_it_is_deleted,
        a_small_file_is_stored_in_one_call,
        a_published_upload_is_a_file,
        publishing_respects_the_expected_state,
        folders_and_special_files_are_never_replaced,
        a_replaced_file_passes_on_its_attributes,
        an_upload_follows_a_link_that_stays_inside,
        an_upload_does_not_follow_an_escaping_or_broken_link,
        every_name_can_be_written,
        the_private_directory_cannot_be_reached,
        folders_and_links_are_created,
        a_link_is_copied_with_its_text,
        a_copied_folder_gets_its_time,
        zeros_behind_the_end_are_part_of_an_upload,
        one_of_two_concurrent_publishes_gets_the_name,
        bytes_are_copied_from_files_and_uploads,
    ;
    trash:
        entries_are_renamed,
        a_rename_replaces_as_expected,
        a_source_in_another_state_is_refused,
        files_links_and_empty_folders_are_removed,
        trashed_entries_are_listed_and_restored,
        entries_of_a_group_have_a_result_each,
        a_tree_is_removed_where_it_is,
        a_published_upload_keeps_the_file_that_it_replaces,
        a_replacement_keeps_what_it_replaces,
        a_replacement_that_fails_changes_nothing,
        a_purge_deletes_entry_by_entry,
        deep_trees_are_purged,
    ;
    watching:
        a_watch_reports_changes_of_the_folder,
        a_dropped_watch_reports_nothing,
    ;
}

/// Checks a link that is listed and refused by all other calls.
#[track_caller]
fn check_link(fixture: &dyn Fixture, name: &[u8], link: &Link) {
    let entry = stat(fixture, name).unwrap();
    let shown = String::from_utf8_lossy(name).into_owned();
    assert_eq!((entry.kind, entry.size, entry.etag), (Kind::Other, 0, None), "{shown}");
    assert_eq!(entry.link.as_ref(), Some(link), "{shown}");
    let parent = path(name).parent().unwrap();
    assert_eq!(list(fixture, parent.as_bytes()).unwrap()[path(name).name()], entry, "{shown}");
    let refusal = if *link == Link::Broken { ErrorCode::LinkBroken } else { ErrorCode::LinkEscapes };
    assert_eq!(code(open(fixture, name)), Some(refusal), "{shown}");
    assert_eq!(list(fixture, name).unwrap_err(), refusal, "{shown}");
}

/// Checks that every call refuses a path with one code.
#[track_caller]
fn check_error(fixture: &dyn Fixture, name: &[u8], expected: ErrorCode) {
    let shown = String::from_utf8_lossy(name).into_owned();
    assert_eq!(stat(fixture, name).unwrap_err(), expected, "stat of {shown}");
    assert_eq!(code(open(fixture, name)), Some(expected), "opening {shown}");
    assert_eq!(list(fixture, name).unwrap_err(), expected, "listing of {shown}");
}

fn path(bytes: &[u8]) -> VPath {
    VPath::from_bytes(bytes).unwrap()
}

fn last_segment(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap()
}

fn stat(fixture: &dyn Fixture, name: &[u8]) -> Result<Entry, ErrorCode> {
    let at_once = fixture.storage().try_stat(&path(name));
    let found = fixture.storage().stat(&path(name)).map_err(|error| error.code);
    if let Some(entry) = at_once {
        assert_eq!(Ok(&entry), found.as_ref(), "try_stat and stat differ");
    }
    found
}

fn list(fixture: &dyn Fixture, name: &[u8]) -> Result<BTreeMap<Vec<u8>, Entry>, ErrorCode> {
    list_in(fixture.storage(), &path(name))
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

fn open(fixture: &dyn Fixture, name: &[u8]) -> Result<Box<dyn OpenFile>, StorageError> {
    let at_once = fixture.storage().try_open(&path(name));
    let opened = fixture.storage().open(&path(name));
    if let Some(file) = at_once {
        let other = opened.as_ref().unwrap_or_else(|error| panic!("only try_open opens it: {error}"));
        assert_eq!(file.entry(), other.entry());
        check_reading_at_once(&*file, &**other);
    }
    opened
}

/// Checks that a non-blocking read returns the first bytes of the file, perhaps none.
fn check_reading_at_once(file: &dyn OpenFile, other: &dyn OpenFile) {
    let (mut at_once, mut waited) = ([0; 64], [0; 64]);
    let Some(count) = file.try_read_at(&mut at_once, 0) else { return };
    if let Ok(all) = other.read_at(&mut waited, 0) {
        assert!(count <= all && at_once[..count] == waited[..count]);
    }
    assert_eq!(file.etag_now().ok(), other.etag_now().ok());
}

/// The code of an error, of the storage or of the helpers here.
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

/// The id of an item of a group.
fn grouped_id(number: u8) -> TrashId {
    TrashGroup::from(7).id(trash_id(number))
}

fn stage(fixture: &dyn Fixture, number: u8) -> Box<dyn Staged> {
    fixture.storage().stage(upload_id(number)).unwrap()
}

/// Uploads and publishes a small file.
fn upload(
    fixture: &dyn Fixture,
    number: u8,
    target: &[u8],
    bytes: &[u8],
    expected: &Expected,
) -> Result<Published, ErrorCode> {
    let staged = stage(fixture, number);
    staged.write_at(bytes, 0).unwrap();
    drop(staged);
    let published = fixture.storage().publish(upload_id(number), &path(target), expected, &Attributes::default());
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

fn content(fixture: &dyn Fixture, name: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    read(&*open(fixture, name).map_err(|error| error.code)?)
}
