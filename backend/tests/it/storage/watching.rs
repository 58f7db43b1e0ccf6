//! Watching a folder.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use backend::storage::{Expected, WatchEvent, WatchHandle};
use shared::{ErrorCode, Timestamp};

use super::{Fixture, code, path, trash_id, upload};

/// Longest wait for an event, which arrives within milliseconds.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn a_watch_reports_changes_of_the_folder(fixture: &dyn Fixture) {
    fixture.file(b"folder/old", b"content");
    fixture.file(b"folder/inner/file", b"content");
    fixture.link(b"link", b"folder");
    if watch(fixture, b"folder").is_err_and(|code| code == ErrorCode::Unsupported) {
        eprintln!("skipped: this storage cannot watch folders");
        return;
    }
    let (_watching, events) = watch(fixture, b"link").unwrap();
    let storage = fixture.storage();
    upload(fixture, 1, b"folder/new\nname", b"content", &Expected::Nothing).unwrap();
    check_reported(&events, b"new\nname");
    storage.rename(&path(b"folder/new\nname"), None, &path(b"folder/other"), &Expected::Nothing).unwrap();
    check_reported_all(&events, &[b"new\nname", b"other"]);
    storage.make_folder(&path(b"folder/made")).unwrap();
    check_reported(&events, b"made");
    fixture.write(b"folder/old", b"changed");
    check_reported(&events, b"old");
    storage.trash(&path(b"folder/old"), None, trash_id(1), Timestamp(0)).unwrap();
    check_reported(&events, b"old");
    storage.restore(trash_id(1), &path(b"folder/back")).unwrap();
    check_reported(&events, b"back");
    // Changes below the folder and of the server's own folder are not reported.
    fixture.write(b"folder/inner/file", b"changed");
    fixture.file(b"folder/.passerelle", b"");
    storage.remove(&path(b"folder/back"), None).unwrap();
    check_reported(&events, b"back");
    storage.rename(&path(b"folder"), None, &path(b"elsewhere"), &Expected::Nothing).unwrap();
    loop {
        match events.recv_timeout(TEST_TIMEOUT).unwrap() {
            WatchEvent::Gone => break,
            event => check_harmless(&event),
        }
    }
    assert_eq!(code(watch(fixture, b"folder").map(drop)), Some(ErrorCode::NotFound));
    assert_eq!(code(watch(fixture, b"elsewhere/other").map(drop)), Some(ErrorCode::NotFolder));
    assert_eq!(code(watch(fixture, b".passerelle").map(drop)), Some(ErrorCode::NotFound));
}

pub(super) fn a_dropped_watch_reports_nothing(fixture: &dyn Fixture) {
    fixture.folder(b"folder");
    let Ok((watching, events)) = watch(fixture, b"folder") else { return };
    drop(watching);
    fixture.file(b"folder/new", b"content");
    // Events in transit may still arrive; then the sender is dropped.
    loop {
        match events.recv_timeout(TEST_TIMEOUT) {
            Ok(event) => drop(event),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("events are still reported"),
        }
    }
}

type Watched = (Box<dyn WatchHandle>, Receiver<WatchEvent>);

fn watch(fixture: &dyn Fixture, folder: &[u8]) -> Result<Watched, ErrorCode> {
    let (sender, receiver) = channel();
    let on_event = Box::new(move |event| drop(sender.send(event)));
    fixture.storage().watch(&path(folder), on_event).map(|watching| (watching, receiver)).map_err(|error| error.code)
}

#[track_caller]
fn check_reported(events: &Receiver<WatchEvent>, name: &[u8]) {
    check_reported_all(events, &[name]);
}

/// Waits until those names are reported, in any order; other names and repetitions are allowed.
#[track_caller]
fn check_reported_all(events: &Receiver<WatchEvent>, names: &[&[u8]]) {
    let mut left = names.to_vec();
    while !left.is_empty() {
        match events.recv_timeout(TEST_TIMEOUT) {
            Ok(WatchEvent::Name(name_reported)) if left.contains(&&*name_reported) => {
                left.retain(|name| *name != &*name_reported)
            }
            Ok(event) => check_harmless(&event),
            Err(error) => panic!("{left:?} was not reported: {error}"),
        }
    }
}

fn check_harmless(event: &WatchEvent) {
    let hidden = matches!(event, WatchEvent::Name(name) if &**name == b".passerelle" || &**name == b"file");
    assert!(!hidden && *event != WatchEvent::Gone, "{event:?}");
}
