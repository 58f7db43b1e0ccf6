//! Several callers replace one name at the same moment.
#![cfg(unix)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use backend::storage::{Attributes, Durability, Expected, Keep, Replacement, Storage, StorageError, ToTrash};
use shared::{ErrorCode, TrashId, UploadId};

use super::local::{CONTAINMENTS, LocalFixture};
use super::trash::keep;
use super::{Fixture, code, path, read, stat, upload};

const CALLERS: u8 = 8;
const ROUNDS: u8 = 20;

/// Calls `act` with the numbers of caller and round, from all callers at once. Returns the errors.
fn at_once(act: impl Fn(u8, u8) -> Result<(), StorageError> + Sync) -> Vec<ErrorCode> {
    thread::scope(|scope| {
        let act = &act;
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| scope.spawn(move || (0..ROUNDS).filter_map(|round| code(act(caller, round))).collect()))
            .collect();
        callers.into_iter().flat_map(|caller| -> Vec<ErrorCode> { caller.join().unwrap() }).collect()
    })
}

fn keeping(caller: u8, round: u8) -> Keep {
    Keep { id: TrashId([caller + 1, round, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), ..keep(1) }
}

fn upload_of(caller: u8, round: u8) -> UploadId {
    UploadId([caller + 1, round, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
}

/// Replaces `name` by an upload, whatever stands there.
fn store(
    storage: &dyn Storage,
    name: &[u8],
    caller: u8,
    round: u8,
    attributes: Attributes,
) -> Result<(), StorageError> {
    storage.store(upload_of(caller, round), &[caller, round], &path(name), &Expected::Anything, &attributes).map(drop)
}

#[test]
fn uploads_that_replace_one_name_all_succeed() {
    for containment in CONTAINMENTS {
        for durability in [Durability::Strict, Durability::Relaxed] {
            let fixture = LocalFixture::new(containment);
            fixture.file(b"folder/hot", b"old");
            let failed = at_once(|caller, round| {
                let attributes = Attributes { keep: Some(keeping(caller, round)), durability, ..Attributes::default() };
                store(fixture.storage(), b"folder/hot", caller, round, attributes)
            });
            assert_eq!(failed, [], "{containment:?} {durability:?}");
            let items = fixture.storage().list_trash(&Default::default()).unwrap().items;
            assert_eq!(items.len(), usize::from(CALLERS) * usize::from(ROUNDS), "each replaced file is kept");
        }
    }
}

#[test]
fn uploads_that_replace_one_name_and_keep_nothing_all_succeed() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let failed = at_once(|caller, round| store(fixture.storage(), b"hot", caller, round, Attributes::default()));
        assert_eq!(failed, [], "{containment:?}");
    }
}

#[test]
fn entries_that_replace_one_name_all_succeed() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"hot", b"old");
        let storage = fixture.storage();
        let failed = at_once(|caller, round| {
            let attributes = Attributes { keep: Some(keeping(caller, round)), ..Attributes::default() };
            if caller % 2 == 0 {
                return store(storage, b"hot", caller, round, attributes);
            }
            let from = path(&[b'a' + caller, b'a' + round]);
            storage.store(upload_of(caller, round), b"moved", &from, &Expected::Nothing, &Attributes::default())?;
            storage.replace(&Replacement::Entry(&from, None), &path(b"hot"), &keeping(caller, round)).map(drop)
        });
        assert_eq!(failed, [], "{containment:?}");
    }
}

#[test]
fn a_name_that_is_replaced_all_the_time_can_be_deleted() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let storage = fixture.storage();
        let failed = at_once(|caller, round| {
            if caller > 0 {
                let attributes = Attributes { keep: Some(keeping(caller, round)), ..Attributes::default() };
                return store(storage, b"hot", caller, round, attributes);
            }
            let wanted = ToTrash { path: &path(b"hot"), etag: None, id: keeping(caller, round).id };
            match storage.trash_all(&[wanted], keep(1).now).pop().unwrap() {
                Err(error) if error.code == ErrorCode::NotFound => Ok(()),
                deleted => deleted,
            }
        });
        assert_eq!(failed, [], "{containment:?}");
    }
}

#[test]
fn of_uploads_that_expect_one_state_exactly_one_succeeds() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        upload(&fixture, 200, b"file", b"old", &Expected::Nothing).unwrap();
        let state = Expected::State(vec![stat(&fixture, b"file").unwrap().etag.unwrap()]);
        let failed = at_once(|caller, round| {
            let attributes = Attributes { keep: Some(keeping(caller, round)), ..Attributes::default() };
            let storage = fixture.storage();
            storage.store(upload_of(caller, round), &[1], &path(b"file"), &state, &attributes).map(drop)
        });
        assert_eq!(failed.len(), usize::from(CALLERS) * usize::from(ROUNDS) - 1);
        assert!(failed.iter().all(|code| *code == ErrorCode::PreconditionFailed), "{failed:?}");
        assert_eq!(read(&*fixture.storage().open(&path(b"file")).unwrap()).unwrap(), [1]);
    }
}

/// Calls `act` with the numbers of many rounds, while another caller moves `hot` away again and again.
fn while_moved_away(storage: &dyn Storage, act: impl Fn(u8) -> Result<(), StorageError>) -> Vec<ErrorCode> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut moved = 0_u32;
            while !done.load(Ordering::Relaxed) {
                let away = format!("away {moved}");
                moved +=
                    u32::from(storage.rename(&path(b"hot"), None, &path(away.as_bytes()), &Expected::Nothing).is_ok());
            }
        });
        let failed = (0..ROUNDS).filter_map(|round| code(act(round))).collect();
        done.store(true, Ordering::Relaxed);
        failed
    })
}

#[test]
fn what_takes_a_place_is_done_whether_or_not_the_old_or_the_new_entry_is_moved_away() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let storage = fixture.storage();
        let attributes = |round| Attributes { keep: Some(keeping(1, round)), ..Attributes::default() };
        for round in 0..ROUNDS {
            fixture.file(format!("new {round}").as_bytes(), &[round]);
        }
        let failed = while_moved_away(storage, |round| {
            let new = path(format!("new {round}").as_bytes());
            storage.replace(&Replacement::Entry(&new, None), &path(b"hot"), &keeping(2, round)).map(drop)
        });
        assert_eq!(failed, [], "{containment:?}: a move");
        let failed = while_moved_away(storage, |round| store(storage, b"hot", 3, round, attributes(round)));
        assert_eq!(failed, [], "{containment:?}: an upload");
        let failed = while_moved_away(storage, |_| {
            storage.make_folder(&path(b"hot")).map(drop).or_else(|error| match error.code {
                ErrorCode::AlreadyExists => Ok(()),
                _ => Err(error),
            })
        });
        assert_eq!(failed, [], "{containment:?}: a new folder");
    }
}
