//! The items of the trash on a real disk: as this version and earlier ones store them, and what a crash leaves.
#![cfg(target_os = "linux")]

use std::fs;

use backend::storage::local::Containment;
use backend::storage::{ToRestore, ToTrash, TrashQuery};
use shared::{ErrorCode, Timestamp};

use super::local::{CONTAINMENTS, LocalFixture};
use super::{Fixture, code, content, grouped_id, path, trash_id, upload_id};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

#[test]
fn a_damaged_item_of_the_trash_is_listed_and_can_be_restored() {
    let fixture = LocalFixture::new(Containment::Kernel);
    fixture.file(b"file", b"content");
    let storage = fixture.storage();
    storage.trash(&path(b"file"), None, trash_id(1), NOW).unwrap();
    let info = fixture.at(b".passerelle/trash/0101010101010101-0.json");
    fs::write(&info, "spoilt").unwrap();
    // An item with its information but without data.
    let half_made = fixture.at(b".passerelle/trash").join(trash_id(2).to_string());
    fs::create_dir(&half_made).unwrap();
    fs::write(half_made.join("info.json"), "{}").unwrap();
    let items = storage.list_trash(&TrashQuery::default()).unwrap().items;
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].id, items[0].entry.size), (trash_id(1), 7));
    assert!(!half_made.exists());
    storage.restore(trash_id(1), &path(b"back")).unwrap();
    assert_eq!(content(&fixture, b"back").unwrap(), b"content");
    assert!(!info.exists());
}

#[test]
fn an_item_of_an_earlier_version_is_listed_restored_and_purged() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.storage().stage(upload_id(1)).unwrap();
        fixture.storage().unstage(upload_id(1)).unwrap();
        for number in [1, 2] {
            let item = fixture.at(b".passerelle/trash").join(trash_id(number).to_string());
            fs::create_dir(&item).unwrap();
            fs::write(item.join("data"), "content").unwrap();
            let info = r#"{"path":"old/file","kind":"file","size":7,"modified":5,"executable":false,"trashed":9}"#;
            fs::write(item.join("info.json"), info).unwrap();
        }
        let storage = fixture.storage();
        let items = storage.list_trash(&TrashQuery::default()).unwrap().items;
        assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), [trash_id(1), trash_id(2)]);
        let first = (&items[0].entry.path, items[0].entry.size, items[0].trashed, items[0].replaced);
        assert_eq!(first, (&path(b"old/file"), 7, Timestamp(9), false));
        storage.restore(trash_id(1), &path(b"back")).unwrap();
        assert_eq!(content(&fixture, b"back").unwrap(), b"content");
        storage.purge(trash_id(2), &mut || backend::storage::Visit::Continue).unwrap();
        assert!(fs::read_dir(fixture.at(b".passerelle/trash")).unwrap().next().is_none());
    }
}

/// A version before this one gave the file with the texts of a group a name for each item.
#[test]
fn items_of_a_group_of_an_earlier_version_are_listed_restored_and_purged() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let storage = fixture.storage();
        storage.stage(upload_id(1)).unwrap();
        storage.unstage(upload_id(1)).unwrap();
        let trash = fixture.at(b".passerelle/trash");
        // A line with id, offset and length for each item, then their texts.
        let (mut table, mut texts) = (String::new(), String::new());
        for number in 1..=4 {
            let text = format!(
                r#"{{"path":"old/{number}","kind":"file","size":7,"modified":5,"executable":false,"trashed":9}}"#
            );
            table += &format!("{} {:010} {:06}\n", grouped_id(number), 4 * 51 + texts.len(), text.len());
            texts += &format!("{text}\n");
        }
        let info = |number| trash.join(format!("{}.json", grouped_id(number)));
        fs::write(info(1), table + &texts).unwrap();
        (2..=4).for_each(|number| fs::hard_link(info(1), info(number)).unwrap());
        // The entry of the last one was not moved before a crash.
        for number in 1..=3 {
            fs::write(trash.join(format!("{}.data", grouped_id(number))), "content").unwrap();
        }
        let items = storage.list_trash(&TrashQuery::default()).unwrap().items;
        let listed: Vec<_> = items.iter().map(|item| (item.id, item.entry.path.clone(), item.trashed)).collect();
        let expected =
            [1, 2, 3].map(|number| (grouped_id(number), path(format!("old/{number}").as_bytes()), Timestamp(9)));
        assert_eq!(listed, expected);
        assert!(!info(4).exists());
        // A new item of the group.
        fixture.file(b"file", b"content");
        storage.trash(&path(b"file"), None, grouped_id(5), NOW).unwrap();
        storage.restore(grouped_id(1), &path(b"back")).unwrap();
        assert_eq!(content(&fixture, b"back").unwrap(), b"content");
        storage.purge(grouped_id(2), &mut || backend::storage::Visit::Continue).unwrap();
        assert_eq!(storage.stat_trash(grouped_id(3)).unwrap().entry.path, path(b"old/3"));
        let to = [path(b"three"), path(b"five")];
        let both = [3, 5].map(grouped_id);
        let both: Vec<_> = both.iter().zip(&to).map(|(id, to)| ToRestore { id: *id, to }).collect();
        assert!(storage.restore_all(&both).iter().all(Result::is_ok));
        assert!(fs::read_dir(&trash).unwrap().next().is_none());
    }
}

#[test]
fn the_file_about_a_group_goes_with_its_last_item() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let storage = fixture.storage();
        let paths: Vec<_> = (1..=5).map(|number| path(format!("file {number}").as_bytes())).collect();
        paths.iter().for_each(|path| fixture.file(path.as_bytes(), path.as_bytes()));
        let trash = |numbers: &[u8]| {
            let entry =
                |number: &u8| ToTrash { path: &paths[usize::from(*number) - 1], etag: None, id: grouped_id(*number) };
            storage.trash_all(&numbers.iter().map(entry).collect::<Vec<_>>(), NOW)
        };
        let infos = || {
            let names = fs::read_dir(fixture.at(b".passerelle/trash")).unwrap();
            names.filter(|name| name.as_ref().unwrap().path().extension().is_some_and(|it| it == "json")).count()
        };
        assert!(trash(&[1, 2, 3]).iter().all(Result::is_ok));
        assert_eq!(infos(), 1);
        // As after a crash, the rest of the group follows; one of its items is there already.
        fixture.file(b"file 3", b"another");
        let results: Vec<_> = trash(&[3, 4, 5]).into_iter().map(code).collect();
        assert_eq!(results, [Some(ErrorCode::AlreadyExists), None, None]);
        assert_eq!(infos(), 2);
        fs::remove_file(fixture.at(b"file 3")).unwrap();
        let items = storage.list_trash(&TrashQuery::default()).unwrap().items;
        let listed: Vec<_> = items.iter().map(|item| (item.id, &item.entry.path, item.entry.size)).collect();
        let expected: Vec<_> = (1..=5).zip(&paths).map(|(number, path)| (grouped_id(number), path, 6)).collect();
        assert_eq!(listed, expected);
        for (number, path) in (1..=5).zip(&paths) {
            assert_eq!(infos(), 2);
            match number {
                4 => storage.purge(grouped_id(number), &mut || backend::storage::Visit::Continue).unwrap(),
                _ => drop(storage.restore(grouped_id(number), path).unwrap()),
            }
        }
        assert_eq!(infos(), 0);
        assert_eq!(content(&fixture, b"file 3").unwrap(), b"file 3");
    }
}

#[test]
fn a_listing_deletes_what_a_crash_leaves_of_a_group() {
    let fixture = LocalFixture::new(Containment::Kernel);
    fixture.file(b"file", b"content");
    let storage = fixture.storage();
    storage.trash(&path(b"file"), None, grouped_id(1), NOW).unwrap();
    let trash = fixture.at(b".passerelle/trash");
    let (left, foreign) = (trash.join("00000000000000ff-0.json"), trash.join("00000000000000FF-1.json"));
    fs::write(&left, "").unwrap();
    fs::write(&foreign, "").unwrap();
    // The crash has removed the first of two files, and kept the second.
    let past_a_gap = trash.join("00000000000000fe-1.json");
    fs::write(&past_a_gap, "").unwrap();
    assert_eq!(storage.list_trash(&TrashQuery::default()).unwrap().items.len(), 1);
    assert!(!left.exists() && !past_a_gap.exists() && foreign.exists());
    assert!(trash.join("0000000000000007-0.json").exists());
}

#[test]
fn an_item_without_data_is_replaced_and_one_with_data_is_not() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"file", b"content");
        fixture.file(b"other", b"other");
        let half_made = fixture.at(b".passerelle/trash").join(trash_id(1).to_string());
        fs::create_dir_all(&half_made).unwrap();
        fs::write(half_made.join("info.json"), "{}").unwrap();
        let storage = fixture.storage();
        assert_eq!(code(storage.stat_trash(trash_id(1))), Some(ErrorCode::Gone));
        storage.trash(&path(b"file"), None, trash_id(1), NOW).unwrap();
        assert_eq!(storage.stat_trash(trash_id(1)).unwrap().entry.path, path(b"file"));
        assert_eq!(code(storage.trash(&path(b"other"), None, trash_id(1), NOW)), Some(ErrorCode::AlreadyExists));
        storage.restore(trash_id(1), &path(b"file")).unwrap();
        assert_eq!(content(&fixture, b"file").unwrap(), b"content");
        assert_eq!(content(&fixture, b"other").unwrap(), b"other");
    }
}

/// As a restore leaves it until its information is deleted.
#[test]
fn a_purge_of_an_item_without_data_says_that_it_is_gone() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let storage = fixture.storage();
        storage.stage(upload_id(1)).unwrap();
        storage.unstage(upload_id(1)).unwrap();
        let item = fixture.at(b".passerelle/trash").join(trash_id(1).to_string());
        fs::create_dir(&item).unwrap();
        fs::write(item.join("info.json"), "{}").unwrap();
        let purged = storage.purge(trash_id(1), &mut || backend::storage::Visit::Continue);
        assert_eq!((code(purged), item.exists()), (Some(ErrorCode::Gone), false));
    }
}
