//! What a watched folder tells.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use backend::storage::{Expected, WatchEvent, WatchHandle};
use shared::{ErrorCode, Timestamp};

use super::{World, code, path, trash_id, upload};

/// How long a notice may take; it comes in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn a_watched_folder_tells_what_happens_in_it(world: &dyn World) {
    world.file(b"folder/old", b"content");
    world.file(b"folder/inner/file", b"content");
    world.link(b"link", b"folder");
    if watch(world, b"folder").is_err_and(|code| code == ErrorCode::Unsupported) {
        eprintln!("skipped: this storage cannot watch");
        return;
    }
    let (_watching, notices) = watch(world, b"link").unwrap();
    let storage = world.storage();
    upload(world, 1, b"folder/new\nname", b"content", &Expected::Nothing).unwrap();
    check_told(&notices, b"new\nname");
    storage.rename(&path(b"folder/new\nname"), None, &path(b"folder/other"), &Expected::Nothing).unwrap();
    check_told_of(&notices, &[b"new\nname", b"other"]);
    storage.make_folder(&path(b"folder/made")).unwrap();
    check_told(&notices, b"made");
    world.write(b"folder/old", b"changed");
    check_told(&notices, b"old");
    storage.trash(&path(b"folder/old"), None, trash_id(1), Timestamp(0)).unwrap();
    check_told(&notices, b"old");
    storage.restore(trash_id(1), &path(b"folder/back")).unwrap();
    check_told(&notices, b"back");
    // Neither what is below nor what is the server's own.
    world.write(b"folder/inner/file", b"changed");
    world.file(b"folder/.passerelle", b"");
    storage.remove(&path(b"folder/back"), None).unwrap();
    check_told(&notices, b"back");
    storage.rename(&path(b"folder"), None, &path(b"elsewhere"), &Expected::Nothing).unwrap();
    loop {
        match notices.recv_timeout(PATIENCE).unwrap() {
            WatchEvent::Gone => break,
            notice => check_harmless(&notice),
        }
    }
    assert_eq!(code(watch(world, b"folder").map(drop)), Some(ErrorCode::NotFound));
    assert_eq!(code(watch(world, b"elsewhere/other").map(drop)), Some(ErrorCode::NotFolder));
    assert_eq!(code(watch(world, b".passerelle").map(drop)), Some(ErrorCode::NotFound));
}

pub(super) fn who_stops_watching_hears_no_more(world: &dyn World) {
    world.folder(b"folder");
    let Ok((watching, notices)) = watch(world, b"folder") else { return };
    drop(watching);
    world.file(b"folder/new", b"content");
    // What was under way may still come; then the sender is gone.
    loop {
        match notices.recv_timeout(PATIENCE) {
            Ok(notice) => drop(notice),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("still told"),
        }
    }
}

type Watched = (Box<dyn WatchHandle>, Receiver<WatchEvent>);

fn watch(world: &dyn World, folder: &[u8]) -> Result<Watched, ErrorCode> {
    let (sender, receiver) = channel();
    let tell = Box::new(move |notice| drop(sender.send(notice)));
    world.storage().watch(&path(folder), tell).map(|watching| (watching, receiver)).map_err(|error| error.code)
}

#[track_caller]
fn check_told(notices: &Receiver<WatchEvent>, name: &[u8]) {
    check_told_of(notices, &[name]);
}

/// Waits until those names are told, in any order; others may come before, and one may come several times.
#[track_caller]
fn check_told_of(notices: &Receiver<WatchEvent>, names: &[&[u8]]) {
    let mut left = names.to_vec();
    while !left.is_empty() {
        match notices.recv_timeout(PATIENCE) {
            Ok(WatchEvent::Name(told)) if left.contains(&&*told) => left.retain(|name| *name != &*told),
            Ok(notice) => check_harmless(&notice),
            Err(error) => panic!("{left:?} was not told: {error}"),
        }
    }
}

fn check_harmless(notice: &WatchEvent) {
    let hidden = matches!(notice, WatchEvent::Name(name) if &**name == b".passerelle" || &**name == b"file");
    assert!(!hidden && *notice != WatchEvent::Gone, "{notice:?}");
}
