//! Writing tests that need a real directory: modes, attributes, planted links, races, other file systems.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use backend::storage::local::{Containment, LocalStorage};
use backend::storage::{Attributes, Expected, TrashQuery};
use rustix::fs::XattrFlags;
use shared::{ErrorCode, Timestamp};

use super::local::{CONTAINMENTS, LocalFixture, while_swapping};
use super::{Fixture, code, content, path, stage, stat, trash_id, upload, upload_id};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

#[test]
fn links_in_place_of_the_private_directory_are_refused() {
    let plant: [fn(&Path, &Path); 6] = [
        |root, outside| symlink(outside, root.join(".passerelle")).unwrap(),
        |root, _| fs::write(root.join(".passerelle"), "a file").unwrap(),
        |root, outside| {
            fs::create_dir(root.join(".passerelle")).unwrap();
            symlink(outside, root.join(".passerelle/staging")).unwrap();
        },
        |root, outside| {
            fs::create_dir(root.join(".passerelle")).unwrap();
            symlink(outside, root.join(".passerelle/trash")).unwrap();
        },
        |root, outside| {
            fs::create_dir(root.join(".passerelle")).unwrap();
            symlink(outside.join("secret"), root.join(".passerelle/vault.lock")).unwrap();
        },
        |root, outside| {
            fs::create_dir_all(root.join(".passerelle/staging")).unwrap();
            let name = upload_id(1).to_string();
            symlink(outside.join("secret"), root.join(".passerelle/staging").join(name)).unwrap();
        },
    ];
    for (containment, plant) in CONTAINMENTS.into_iter().flat_map(|containment| plant.map(|plant| (containment, plant)))
    {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"file", b"content");
        plant(&fixture.at(b""), &fixture.at(b"../root2"));
        let storage = fixture.storage();
        assert!(storage.stage(upload_id(1)).is_err());
        assert!(storage.staged(upload_id(1), None).is_err());
        let _ = storage.trash(&path(b"file"), None, trash_id(1), NOW);
        let _ = storage.list_staged();
        let _ = storage.list_trash(&TrashQuery::default());
        fixture.check_outside();
    }
}

#[test]
fn one_server_writes_into_a_directory() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let second = LocalStorage::open_with(&fixture.at(b""), None, containment).unwrap();
        stage(&fixture, 1);
        assert_eq!(code(second.stage(upload_id(2))), Some(ErrorCode::Locked));
        // Reading still works.
        assert_eq!(code(second.stat(&path(b""))), None);
        assert_eq!(fs::metadata(fixture.at(b".passerelle")).unwrap().mode() & 0o7777, 0o700);
    }
}

#[test]
fn a_new_file_has_the_usual_mode() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let mode = |name: &[u8]| fs::metadata(fixture.at(name)).unwrap().mode() & 0o7777;
        let set_mode =
            |name: &[u8], mode| fs::set_permissions(fixture.at(name), PermissionsExt::from_mode(mode)).unwrap();
        fixture.file(b"plain", b"");
        upload(&fixture, 1, b"new", b"content", &Expected::Nothing).unwrap();
        assert_eq!(mode(b"new"), mode(b"plain"));
        let attributes = Attributes { executable: Some(true), ..Attributes::default() };
        stage(&fixture, 1);
        fixture.storage().publish(upload_id(1), &path(b"script"), &Expected::Nothing, &attributes).unwrap();
        assert_eq!(mode(b"script"), mode(b"plain") | ((mode(b"plain") & 0o444) >> 2));

        set_mode(b"plain", 0o640);
        upload(&fixture, 1, b"plain", b"content", &Expected::Anything).unwrap();
        assert_eq!(mode(b"plain"), 0o640);
        // Set-user-ID is not passed on to other content.
        set_mode(b"plain", 0o4755);
        upload(&fixture, 1, b"plain", b"content", &Expected::Anything).unwrap();
        assert_eq!(mode(b"plain"), 0o755);
        fixture.storage().make_folder(&path(b"folder")).unwrap();
        fs::create_dir(fixture.at(b"other")).unwrap();
        assert_eq!(mode(b"folder"), mode(b"other"));
    }
}

#[test]
fn extended_attributes_and_owners_are_passed_on() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"file", b"old");
        let at = fixture.at(b"file");
        if rustix::fs::setxattr(&at, c"user.colour", b"blue", XattrFlags::empty()).is_err() {
            eprintln!("skipped: this file system has no extended attributes");
            return;
        }
        // The access list allows one more user to read.
        let list = access_list(&[(1, 6, !0), (2, 4, 12_345), (4, 4, !0), (0x10, 4, !0), (0x20, 0, !0)]);
        let listed = rustix::fs::setxattr(&at, c"system.posix_acl_access", &list, XattrFlags::empty()).is_ok();
        // Only root can change the owner.
        let owned = std::os::unix::fs::chown(&at, Some(12_345), Some(23_456)).is_ok();
        upload(&fixture, 1, b"file", b"new", &Expected::Anything).unwrap();
        assert_eq!(attribute(&at, "user.colour").unwrap(), b"blue");
        assert_eq!(listed, attribute(&at, "system.posix_acl_access").is_some_and(|kept| kept == list));
        let metadata = fs::metadata(&at).unwrap();
        assert_eq!(owned, (metadata.uid(), metadata.gid()) == (12_345, 23_456));
        assert_eq!(content(&fixture, b"file").unwrap(), b"new");
    }
}

#[test]
fn a_new_file_inherits_from_its_folder() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.folder(b"shared");
        let at = fixture.at(b"shared");
        let _ = std::os::unix::fs::chown(&at, None, Some(23_456));
        fs::set_permissions(&at, PermissionsExt::from_mode(0o2775)).unwrap();
        let list = access_list(&[(1, 7, !0), (2, 7, 12_345), (4, 5, !0), (0x10, 7, !0), (0x20, 0, !0)]);
        let listed = rustix::fs::setxattr(&at, c"system.posix_acl_default", &list, XattrFlags::empty());
        for with_list in [true, false] {
            if with_list && listed.is_err() {
                continue;
            }
            if !with_list {
                let _ = rustix::fs::removexattr(&at, c"system.posix_acl_default");
            }
            fixture.file(b"shared/theirs", b"");
            upload(&fixture, 1, b"shared/ours", b"", &Expected::Nothing).unwrap();
            let described = |name: &[u8]| {
                let metadata = fs::metadata(fixture.at(name)).unwrap();
                (metadata.mode(), metadata.gid(), attribute(&fixture.at(name), "system.posix_acl_access"))
            };
            assert_eq!(described(b"shared/ours"), described(b"shared/theirs"));
            for name in [b"shared/ours".as_slice(), b"shared/theirs"] {
                fixture.remove(name);
            }
        }
    }
}

#[test]
fn a_folder_swapped_for_a_link_loses_nothing_outside() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.folder(b"swapped");
        fixture.link(b"link", b"../root2");
        let storage = fixture.storage();
        let number = std::cell::Cell::new(0_u32);
        let refused = |code: ErrorCode| {
            use ErrorCode::{AlreadyExists, Changed, LinkBroken, LinkEscapes, NotFolder, NotFound, ParentMissing};
            let known = [AlreadyExists, Changed, LinkBroken, LinkEscapes, NotFolder, NotFound, ParentMissing];
            assert!(known.contains(&code), "{code}");
        };
        while_swapping(&fixture, b"swapped", b"link", 150, || {
            number.set(number.get() + 1);
            let name = format!("swapped/file {}", number.get());
            let name = name.as_bytes();
            if let Err(code) = upload(&fixture, 1, name, b"content", &Expected::Anything) {
                refused(code);
                storage.unstage(upload_id(1)).unwrap();
            }
            let moved = path(&[name, b" moved".as_slice()].concat());
            let _ = storage.rename(&path(name), None, &moved, &Expected::Anything).map_err(|error| refused(error.code));
            let _ = storage
                .make_folder(&path(&[name, b" folder".as_slice()].concat()))
                .map_err(|error| refused(error.code));
            let _ = storage
                .make_link(&path(&[name, b" link".as_slice()].concat()), b"x")
                .map_err(|error| refused(error.code));
            // Entries outside are neither moved nor removed.
            let outside = path(b"swapped/secret");
            assert!(storage.trash(&outside, None, trash_id(1), NOW).is_err());
            assert!(storage.remove(&outside, None).is_err());
        });
        fixture.check_outside();
    }
}

#[test]
fn an_upload_with_a_second_name_is_not_opened() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        stage(&fixture, 1).write_at(b"content", 0).unwrap();
        let staged = fixture.at(b".passerelle/staging").join(upload_id(1).to_string());
        fs::hard_link(&staged, fixture.at(b"file")).unwrap();
        assert_eq!(code(fixture.storage().staged(upload_id(1), None)), Some(ErrorCode::NotFound));
        let published = upload_again(&fixture);
        assert_eq!(published, Some(ErrorCode::NotFound));
        fixture.storage().unstage(upload_id(1)).unwrap();
        assert_eq!(content(&fixture, b"file").unwrap(), b"content");
    }
}

fn upload_again(fixture: &dyn Fixture) -> Option<ErrorCode> {
    code(fixture.storage().publish(upload_id(1), &path(b"other"), &Expected::Anything, &Attributes::default()))
}

#[test]
fn uploads_go_to_another_file_system_below_the_root() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let Some(_mount) = Mount::new(fixture.at(b"mounted")) else { return };
        fixture.file(b"mounted/old", b"old");
        fixture.set_executable(b"mounted/old");
        fixture.file(b"here", b"content");
        let storage = fixture.storage();
        let bytes = vec![7; 300_000];
        let published = upload(&fixture, 1, b"mounted/new", &bytes, &Expected::Nothing).unwrap();
        assert_eq!(stat(&fixture, b"mounted/new").unwrap(), published.entry);
        assert_eq!(fs::read(fixture.at(b"mounted/new")).unwrap(), bytes);
        let published = upload(&fixture, 1, b"mounted/old", b"newer", &Expected::Anything).unwrap();
        assert!(published.replaced && published.entry.executable);
        assert_eq!(upload(&fixture, 1, b"mounted/old", b"", &Expected::Nothing), Err(ErrorCode::AlreadyExists));
        storage.unstage(upload_id(1)).unwrap();
        // Nothing is left on either file system.
        let staging = fixture.at(b"mounted/.passerelle/staging-of-tree");
        assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
        assert!(storage.list_staged().unwrap().is_empty());

        let rename = |from: &[u8], to: &[u8]| storage.rename(&path(from), None, &path(to), &Expected::Nothing);
        assert_eq!(code(rename(b"here", b"mounted/there")), Some(ErrorCode::CrossDevice));
        assert_eq!(code(rename(b"mounted/new", b"there")), Some(ErrorCode::CrossDevice));
        storage.trash(&path(b"mounted/new"), None, trash_id(1), NOW).unwrap();
        assert_eq!(storage.list_trash(&TrashQuery::default()).unwrap().items[0].entry.path, path(b"mounted/new"));
        assert_eq!(code(rename(b"mounted", b"elsewhere")), Some(ErrorCode::Mounted));
    }
}

#[test]
fn a_full_disk_and_a_read_only_one_are_reported() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        let Some(mount) = Mount::new(fixture.at(b"mounted")) else { return };
        let storage = LocalStorage::open_with(&mount.0, None, containment).unwrap();
        let room = storage.space(&path(b"")).unwrap().unwrap();
        assert!((500_000..=1 << 20).contains(&room), "{room}");
        let staged = storage.stage(upload_id(1)).unwrap();
        staged.write_at(b"durable", 0).unwrap();
        staged.sync().unwrap();
        assert_eq!(code(staged.write_at(&vec![1; 2 << 20], 7)), Some(ErrorCode::NoSpace));
        // Durable bytes are there, and space is free again.
        staged.truncate(7).unwrap();
        staged.sync().unwrap();
        assert_eq!(super::staged_bytes(&*staged), b"durable");
        storage.publish(upload_id(1), &path(b"file"), &Expected::Nothing, &Attributes::default()).unwrap();
        drop(staged);
        drop(storage);

        assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(&mount.0).status().unwrap().success());
        let storage = LocalStorage::open_with(&mount.0, None, containment).unwrap();
        assert_eq!(storage.open(&path(b"file")).unwrap().entry().size, 7);
        assert_eq!(code(storage.stage(upload_id(1))), Some(ErrorCode::ReadOnly));
        assert_eq!(code(storage.make_folder(&path(b"folder"))), Some(ErrorCode::ReadOnly));
        assert_eq!(code(storage.trash(&path(b"file"), None, trash_id(1), NOW)), Some(ErrorCode::ReadOnly));
        assert_eq!(code(storage.remove(&path(b"file"), None)), Some(ErrorCode::ReadOnly));
        assert!(storage.list_staged().unwrap().is_empty());
    }
}

/// A small tmpfs, if the user who runs this may mount one.
struct Mount(PathBuf);

impl Mount {
    fn new(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&at).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(at));
        }
        eprintln!("skipped: this user may not mount a file system");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 4096];
    let length = rustix::fs::getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// The bytes of an access list on Linux: version 2, then tag, permissions and id of each entry.
fn access_list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

#[test]
fn the_kernel_copies_between_files() {
    let fixture = LocalFixture::new(Containment::Kernel);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    fixture.file(b"source", &bytes);
    let source = fixture.storage().open(&path(b"source")).unwrap();
    let staged = stage(&fixture, 1);
    assert!(staged.as_file().is_some());
    assert_eq!(staged.copy_from(&*source, 0, u64::MAX, 0).unwrap(), bytes.len() as u64);
    assert_eq!(super::staged_bytes(&*staged), bytes);
}

#[test]
fn two_names_of_one_file_do_not_replace_each_other() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"one", b"content");
        fs::hard_link(fixture.at(b"one"), fixture.at(b"two")).unwrap();
        // rename(2) would do nothing and report success.
        let renamed = fixture.storage().rename(&path(b"one"), None, &path(b"two"), &Expected::Anything);
        assert_eq!(code(renamed), Some(ErrorCode::AlreadyExists));
        assert!(upload(&fixture, 1, b"two", b"new", &Expected::Anything).unwrap().replaced);
        assert_eq!(content(&fixture, b"one").unwrap(), b"content");
    }
}

#[test]
fn a_folder_that_holds_the_state_directory_stays_where_it_is() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"a/in/state/secret", b"secret");
        fixture.file(b"a/file", b"content");
        let hidden = fixture.at(b"a/in/state");
        let storage = LocalStorage::open_with(&fixture.at(b""), Some(&hidden), containment).unwrap();
        let name = path(b"a/in/state");
        assert_eq!(code(storage.trash(&name, None, trash_id(1), NOW)), Some(ErrorCode::NotFound));
        assert_eq!(code(storage.rename(&name, None, &path(b"b"), &Expected::Nothing)), Some(ErrorCode::NotFound));
        assert_eq!(code(storage.make_folder(&name)), Some(ErrorCode::NameReserved));
        for above in [path(b"a"), path(b"a/in")] {
            let reserved = Some(ErrorCode::NameReserved);
            assert_eq!(code(storage.trash(&above, None, trash_id(1), NOW)), reserved);
            assert_eq!(code(storage.rename(&above, None, &path(b"b"), &Expected::Nothing)), reserved);
            assert_eq!(code(storage.remove(&above, None)), reserved);
            assert_eq!(code(storage.remove_tree(&above, &mut || backend::storage::Visit::Continue)), reserved);
        }
        assert_eq!(fs::read(fixture.at(b"a/in/state/secret")).unwrap(), b"secret");
    }
}
