//! Copies on a real disk, and moves between two: attributes, owners, holes.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend::storage::local::LocalStorage;
use rustix::fs::XattrFlags;
use shared::change::PathPair;
use shared::{Change, Conflict, Outcome};

use crate::changes::change;
use crate::test_server::{TestServer, path};

const OLD: Duration = Duration::from_secs(1_500_000_000);

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn modified(path: &Path) -> SystemTime {
    fs::symlink_metadata(path).unwrap().modified().unwrap()
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 4096];
    let length = rustix::fs::getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) -> bool {
    rustix::fs::setxattr(path, name, value, XattrFlags::empty()).is_ok()
}

/// An access list that allows one more user to read: version 2, then tag, permissions and id of each entry.
fn access_list() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] = [(1, 6, !0), (2, 4, 12_345), (4, 4, !0), (0x10, 4, !0), (0x20, 0, !0)];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

/// `tree`, with everything that a copy keeps and some that it must not. Gives the attributes that the file system takes.
fn build_tree(root: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let tree = root.join("tree");
    fs::create_dir_all(tree.join("private/in")).unwrap();
    fs::write(tree.join("private/key"), "secret").unwrap();
    set_mode(&tree.join("private/key"), 0o600);
    fs::write(tree.join("tool"), "run").unwrap();
    fs::write(tree.join("read-only"), "kept").unwrap();
    set_mode(&tree.join("read-only"), 0o440);
    symlink("private/key", tree.join("link")).unwrap();
    symlink("/etc/none", tree.join("out")).unwrap();
    let candidates = [
        ("user.colour", b"blue".to_vec()),
        ("system.posix_acl_access", access_list()),
        ("trusted.note", b"not copied".to_vec()),
    ];
    let taken = candidates.into_iter().filter(|(name, value)| set_attribute(&tree.join("tool"), name, value)).collect();
    let _ = std::os::unix::fs::chown(tree.join("tool"), Some(12_345), Some(23_456));
    let _ = std::os::unix::fs::lchown(tree.join("out"), Some(12_345), Some(23_456));
    set_mode(&tree.join("tool"), 0o6754);
    set_attribute(&tree.join("private"), "user.label", b"folder");
    set_mode(&tree.join("private/in"), 0o500);
    set_mode(&tree.join("private"), 0o1700);
    set_mode(&tree, 0o750);
    for name in ["private/key", "tool", "read-only", "private/in", "private", ""] {
        File::open(tree.join(name)).unwrap().set_modified(UNIX_EPOCH + OLD).unwrap();
    }
    Command::new("touch")
        .args(["-h", "-d", "2017-07-14T02:40:00Z"])
        .args([tree.join("link"), tree.join("out")])
        .status()
        .unwrap();
    taken
}

/// Checks the copy of [`build_tree`].
fn check_copy(copy: &Path, attributes: &[(&'static str, Vec<u8>)]) {
    let modes = [("", 0o750), ("private", 0o700), ("private/in", 0o500), ("private/key", 0o600), ("tool", 0o754)];
    for (name, expected) in modes.into_iter().chain([("read-only", 0o440)]) {
        assert_eq!(mode(&copy.join(name)), expected, "{name}");
        assert_eq!(modified(&copy.join(name)), UNIX_EPOCH + OLD, "{name}");
    }
    for name in ["link", "out"] {
        assert_eq!(modified(&copy.join(name)), UNIX_EPOCH + OLD, "{name}");
    }
    assert_eq!(fs::read_link(copy.join("link")).unwrap(), Path::new("private/key"));
    assert_eq!(fs::read_link(copy.join("out")).unwrap(), Path::new("/etc/none"));
    assert_eq!(fs::read(copy.join("private/key")).unwrap(), b"secret");
    for (name, value) in attributes {
        let expected = (!name.starts_with("trusted.")).then_some(value);
        assert_eq!(attribute(&copy.join("tool"), name).as_ref(), expected, "{name}");
    }
    if attributes.iter().any(|(name, _)| *name == "user.colour") {
        assert_eq!(attribute(&copy.join("private"), "user.label").unwrap(), b"folder");
    }
}

fn pair(from: &str, to: &str) -> Vec<PathPair> {
    vec![PathPair { from: path(from), to: path(to), if_etag: None }]
}

#[tokio::test]
async fn a_copy_has_the_attributes_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let mut attributes = build_tree(folder.path());
    // The access list decides about the group's rights; those of the mode are its mask.
    attributes
        .iter_mut()
        .for_each(|(name, value)| *value = attribute(&folder.path().join("tree/tool"), name).unwrap_or_default());
    let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
    let job = change(&server.client, 1, Change::Copy { items: pair("tree", "copy"), conflict: Conflict::Fail }).await;
    assert!(matches!(&job.outcomes[..], [Outcome::Done { left_out, .. }] if left_out.is_empty()), "{:?}", job.outcomes);
    check_copy(&folder.path().join("copy"), &attributes);
    let (own, tool) = (fs::metadata(folder.path()).unwrap(), fs::metadata(folder.path().join("copy/tool")).unwrap());
    assert_eq!(tool.uid(), own.uid());
    server.stop().await;
}

#[tokio::test]
async fn a_move_to_another_disk_keeps_the_owner_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(folder.path().join("disk")) else { return };
    build_tree(folder.path());
    let attributes: Vec<_> = [("user.colour", b"blue".to_vec())]
        .into_iter()
        .filter(|(name, value)| set_attribute(&folder.path().join("disk"), name, value))
        .collect();
    let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
    let items = pair("tree", "disk/tree");
    let job = change(&server.client, 1, Change::Move { items, conflict: Conflict::Fail }).await;
    assert!(matches!(&job.outcomes[..], [Outcome::Done { left_out, .. }] if left_out.is_empty()), "{:?}", job.outcomes);
    let moved = folder.path().join("disk/tree");
    check_copy(&moved, &attributes);
    for name in ["tool", "out"] {
        let metadata = fs::symlink_metadata(moved.join(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12_345, 23_456), "{name}");
    }
    assert!(!folder.path().join("tree").exists());
    server.stop().await;
}

#[tokio::test]
async fn holes_stay_holes() {
    const LENGTH: u64 = 256 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::new(folder.path().join("disk"));
    let file = File::create(folder.path().join("sparse")).unwrap();
    file.set_len(LENGTH).unwrap();
    file.write_all_at(&[7; 16 << 10], 100 << 20).unwrap();
    drop(file);
    let allocated = |name: &str| fs::metadata(folder.path().join(name)).unwrap().blocks() * 512;
    assert!(allocated("sparse") < 1 << 20, "this file system has no holes");
    let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
    let targets = ["copy", "disk/copy"];
    for (number, to) in targets[..1 + usize::from(mount.is_some())].iter().enumerate() {
        let job =
            change(&server.client, number as u8, Change::Copy { items: pair("sparse", to), conflict: Conflict::Fail });
        assert!(matches!(&job.await.outcomes[..], [Outcome::Done { .. }]), "{to}");
        assert_eq!(fs::metadata(folder.path().join(to)).unwrap().len(), LENGTH, "{to}");
        assert!(allocated(to) < 1 << 20, "{to} takes {} bytes", allocated(to));
        let mut bytes = vec![0; 32 << 10];
        File::open(folder.path().join(to)).unwrap().read_exact_at(&mut bytes, (100 << 20) - (8 << 10)).unwrap();
        let expected = [&[0; 8 << 10][..], &[7; 16 << 10], &[0; 8 << 10]].concat();
        assert!(bytes == expected, "{to}");
    }
    server.stop().await;
}

/// A small tmpfs, if the user who runs this may mount one.
struct Mount(PathBuf);

impl Mount {
    fn new(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&at).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(at));
        }
        let _ = writeln!(std::io::stderr(), "skipped: this user may not mount a file system");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
