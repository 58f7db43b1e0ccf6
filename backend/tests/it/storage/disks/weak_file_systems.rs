//! Disks without a private directory, without free space and without links.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use backend::storage::Expected;
use shared::{Change, ErrorCode, Outcome};
use tempfile::NamedTempFile;

use super::{Disks, NOW, mount, purge, trash_id, trashed, upload_id, write, write_and_trash};
use crate::changes::{change, path_items};
use crate::storage::code;
use crate::test_server::{TestServer, path};

impl Disks {
    /// The path of a folder on a disk that has no private directory, as where the system denies it, which it does not
    /// deny root.
    fn add_folder_without_private_directory(&self) -> PathBuf {
        fs::write(self.at("holder/ram/.passerelle"), "").unwrap();
        let folder = self.at("holder/ram/folder");
        fs::create_dir(&folder).unwrap();
        folder
    }
}

#[test]
fn a_disk_without_a_private_directory_takes_uploads_and_deletes_for_good() {
    let Some(disks) = Disks::of(a_disk_without_a_private_directory_takes_uploads_and_deletes_for_good) else { return };
    let folder = disks.add_folder_without_private_directory();
    let storage = disks.storage();
    assert_eq!(write(&storage, 1, "holder/ram/folder/file", b"old"), None);
    assert_eq!(write(&storage, 2, "holder/ram/folder/file", b"new"), None);
    assert_eq!(fs::read(folder.join("file")).unwrap(), b"new");
    assert!(!folder.join(".passerelle").exists());
    let file = path("holder/ram/folder/file");
    assert_eq!(code(storage.trash(&file, None, trash_id(3), NOW)), Some(ErrorCode::CrossDevice));
    storage.remove(&file, None).unwrap();
    assert_eq!(storage.list_staged().unwrap(), []);
}

/// Uploads of one folder share the hidden folder beside their destinations, which each removes when it is empty.
#[test]
fn parallel_uploads_to_a_disk_without_a_private_directory_succeed() {
    let Some(disks) = Disks::of(parallel_uploads_to_a_disk_without_a_private_directory_succeed) else { return };
    let folder = disks.add_folder_without_private_directory();
    let storage = disks.storage();
    std::thread::scope(|scope| {
        for first in (0..200).step_by(25) {
            let storage = &storage;
            scope.spawn(move || {
                (first..first + 25).for_each(|number| {
                    write(storage, number, &format!("holder/ram/folder/{number}"), b"content");
                });
            });
        }
    });
    assert_eq!(
        fs::read_dir(&folder).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != ".passerelle").count(),
        200
    );
    // A crash leaves a copy there, which does not keep the folder.
    fs::create_dir_all(folder.join("inner/.passerelle")).unwrap();
    fs::write(folder.join(format!("inner/.passerelle/{}.copy", upload_id(1))), "").unwrap();
    let inner = path("holder/ram/folder/inner");
    fs::write(folder.join("inner/file"), "").unwrap();
    assert_eq!(code(storage.remove(&inner, None)), Some(ErrorCode::NotEmpty));
    assert_eq!(fs::read_dir(folder.join("inner/.passerelle")).unwrap().count(), 1);
    fs::remove_file(folder.join("inner/file")).unwrap();
    storage.remove(&inner, None).unwrap();
    assert!(!folder.join("inner").exists());
}

/// Deleting frees space also where there is none for the information about an item of the trash.
#[tokio::test]
async fn a_folder_on_a_full_disk_is_deleted() {
    let Some(disks) = Disks::of(a_folder_on_a_full_disk_is_deleted) else { return };
    mount(&["-t", "tmpfs", "-o", "nr_inodes=40", "none"], &disks.at("full"));
    let storage = disks.storage();
    write_and_trash(&storage, 1, "full/file");
    fs::create_dir_all(disks.at("full/folder/inner")).unwrap();
    let number = (0..40).find(|number| fs::write(disks.at(&format!("full/folder/inner/{number}")), "").is_err());
    assert!(number.is_some());
    let server = TestServer::with_storage(storage.into()).await;
    let job = change(&server.client, 1, Change::Delete { items: path_items(&["full/folder"]) }).await;
    assert!(matches!(job.outcomes[..], [Outcome::Done { .. }]), "{job:?}");
    assert!(!disks.at("full/folder").exists());
    server.stop().await;
}

/// An exFAT file system in a file, by FUSE, which ends when it is dropped.
struct Exfat {
    at: PathBuf,
    device: String,
    _image: NamedTempFile,
}

impl Exfat {
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let image = NamedTempFile::new().unwrap();
        image.as_file().set_len(64 << 20).unwrap();
        let run = |program: &str, arguments: &[&OsStr]| {
            let output = Command::new(program).args(arguments).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        run("mkfs.exfat", &[image.path().as_ref()])?;
        let device = run("losetup", &["-f".as_ref(), "--show".as_ref(), image.path().as_ref()])?;
        let mounted = Self { at, device, _image: image };
        run("mount.exfat-fuse", &[mounted.device.as_ref(), mounted.at.as_ref()])?;
        Some(mounted)
    }
}

impl Drop for Exfat {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).output();
        let _ = Command::new("losetup").args(["-d", &self.device]).output();
    }
}

/// exFAT by FUSE has neither `RENAME_NOREPLACE` nor links of any kind, and folds letter case.
#[test]
fn a_file_system_without_links_is_written_to_and_renames_by_letter_case() {
    let Some(disks) = Disks::of(a_file_system_without_links_is_written_to_and_renames_by_letter_case) else { return };
    let Some(_exfat) = Exfat::mount(disks.at("exfat")) else {
        eprintln!("skipped: needs mkfs.exfat, mount.exfat-fuse and a loop device");
        return;
    };
    let storage = disks.storage();
    let publish = |number: u8, name: &str, bytes: &[u8], expected: &Expected| {
        super::publish(&storage, number, name, bytes, expected)
    };
    let names = |folder: &str| {
        let listed = fs::read_dir(disks.at(folder)).unwrap();
        let mut names: Vec<_> = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".passerelle");
        names.sort();
        names
    };
    publish(1, "exfat/file", b"old", &Expected::Nothing).unwrap();
    assert_eq!(code(publish(2, "exfat/file", b"other", &Expected::Nothing)), Some(ErrorCode::AlreadyExists));
    storage.unstage(upload_id(2)).unwrap();
    // Nothing can keep what is replaced, and the answer says so.
    let published = publish(3, "exfat/file", b"new", &Expected::Anything).unwrap();
    assert!(published.replaced && published.kept.is_none());
    assert_eq!(fs::read(disks.at("exfat/file")).unwrap(), b"new");
    assert_eq!((names("exfat"), trashed(&storage)), (vec!["file".to_owned()], vec![]));

    let rename = |from: &str, to: &str| storage.rename(&path(from), None, &path(to), &Expected::Nothing).map(drop);
    storage.make_folder(&path("exfat/folder")).unwrap();
    rename("exfat/file", "exfat/File").unwrap();
    rename("exfat/folder", "exfat/FOLDER").unwrap();
    assert_eq!(names("exfat"), ["FOLDER", "File"]);
    rename("exfat/File", "exfat/FOLDER/moved").unwrap();
    publish(4, "exfat/taken", b"taken", &Expected::Nothing).unwrap();
    assert_eq!(code(rename("exfat/FOLDER/moved", "exfat/TAKEN")), Some(ErrorCode::AlreadyExists));
    storage.trash(&path("exfat/FOLDER"), None, trash_id(5), NOW).unwrap();
    assert_eq!(trashed(&storage).len(), 1);
    storage.restore(trash_id(5), &path("exfat/FOLDER")).unwrap();
    assert_eq!(fs::read(disks.at("exfat/FOLDER/moved")).unwrap(), b"new");
    storage.trash(&path("exfat/taken"), None, trash_id(6), NOW).unwrap();
    purge(&storage, 6).unwrap();
    assert_eq!(names("exfat"), ["FOLDER"]);
}
