//! What only a real directory can show: races and sockets.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use backend::storage::local::{Containment, LocalStorage};
use rustix::fs::{CWD, Timestamps};

use super::*;

pub(super) const CONTAINMENTS: [Containment; 3] = [Containment::Kernel, Containment::Walk, Containment::Portable];

pub(super) struct LocalWorld {
    folder: tempfile::TempDir,
    storage: LocalStorage,
}

impl LocalWorld {
    pub(super) fn new(containment: Containment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root")).unwrap();
        fs::create_dir_all(folder.path().join("root2")).unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        fs::write(folder.path().join("root2/secret"), "secret").unwrap();
        let storage = LocalStorage::open_with(&folder.path().join("root"), None, containment).unwrap();
        Self { folder, storage }
    }

    pub(super) fn at(&self, path: &[u8]) -> PathBuf {
        self.folder.path().join("root").join(OsStr::from_bytes(path))
    }

    fn make_way(&self, path: &[u8]) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

impl World for LocalWorld {
    fn storage(&self) -> &dyn Storage {
        &self.storage
    }

    fn root(&self) -> Vec<u8> {
        self.folder.path().canonicalize().unwrap().join("root").as_os_str().as_bytes().to_vec()
    }

    fn file(&self, path: &[u8], content: &[u8]) {
        fs::write(self.make_way(path), content).unwrap();
    }

    fn folder(&self, path: &[u8]) {
        fs::create_dir_all(self.at(path)).unwrap();
    }

    fn link(&self, path: &[u8], target: &[u8]) {
        symlink(OsStr::from_bytes(target), self.make_way(path)).unwrap();
    }

    fn special(&self, path: &[u8]) -> bool {
        make_fifo(&self.make_way(path));
        true
    }

    fn write(&self, path: &[u8], content: &[u8]) {
        fs::File::create(self.at(path)).unwrap().write_all(content).unwrap();
    }

    fn truncate(&self, path: &[u8], length: usize) {
        fs::File::options().write(true).open(self.at(path)).unwrap().set_len(length as u64).unwrap();
    }

    fn replace(&self, path: &[u8], content: &[u8]) {
        fs::write(self.at(b"replacement"), content).unwrap();
        fs::rename(self.at(b"replacement"), self.at(path)).unwrap();
    }

    fn remove(&self, path: &[u8]) {
        fs::remove_file(self.at(path)).unwrap();
    }

    fn set_modified(&self, path: &[u8], modified: Timestamp) {
        let moment =
            rustix::fs::Timespec { tv_sec: modified.seconds(), tv_nsec: modified.subsecond_nanoseconds().into() };
        let times = Timestamps { last_access: moment, last_modification: moment };
        rustix::fs::utimensat(CWD, self.at(path), &times, rustix::fs::AtFlags::empty()).unwrap();
    }

    fn set_executable(&self, path: &[u8]) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn deny(&self, path: &[u8]) -> bool {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o000)).unwrap();
        fs::File::open(self.at(path)).is_err()
    }

    fn check_outside(&self) {
        let names = |folder: &str| -> Vec<_> {
            let mut names: Vec<_> = fs::read_dir(self.folder.path().join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(""), ["root", "root2", "secret"]);
        assert_eq!(names("root2"), ["secret"]);
        for secret in ["secret", "root2/secret"] {
            assert_eq!(fs::read(self.folder.path().join(secret)).unwrap(), b"secret");
        }
    }

    fn takes(&self, name: &[u8]) -> bool {
        !cfg!(target_vendor = "apple") || str::from_utf8(name).is_ok()
    }

    fn tick(&self) {
        // Longer than the coarsest clock of a file system on Linux, which ticks at 100 Hz.
        std::thread::sleep(Duration::from_millis(12));
    }
}

#[cfg(target_os = "linux")]
fn make_fifo(path: &std::path::Path) {
    use rustix::fs::{FileType, Mode};
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn make_fifo(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn sockets_and_devices_are_shown_and_refused() {
    for containment in CONTAINMENTS {
        let world = LocalWorld::new(containment);
        let _listener = std::os::unix::net::UnixListener::bind(world.at(b"socket")).unwrap();
        assert_eq!(stat(&world, b"socket").unwrap().kind, Kind::Other);
        assert_eq!(code(open(&world, b"socket")), Some(ErrorCode::NotRegular));
    }
    // A tree with devices and links that only the kernel can follow, on every Linux.
    if cfg!(target_os = "linux") {
        for containment in CONTAINMENTS {
            let devices = LocalStorage::open_with("/dev".as_ref(), None, containment).unwrap();
            assert_eq!(code(devices.open(&path(b"null"))), Some(ErrorCode::NotRegular));
            let processes = LocalStorage::open_with("/proc/self".as_ref(), None, containment).unwrap();
            assert_eq!(code(processes.open(&path(b"root/etc/passwd"))), Some(ErrorCode::LinkEscapes));
            assert_eq!(code(processes.open(&path(b"cwd/Cargo.toml"))), Some(ErrorCode::LinkEscapes));
            assert_eq!(processes.stat(&path(b"exe")).unwrap().link, Some(Link::Escapes));
        }
    }
}

#[test]
fn a_root_is_a_directory_or_a_link_to_one() {
    let world = LocalWorld::new(Containment::Kernel);
    world.file(b"real/file", b"content");
    world.link(b"real/absolute", &[world.root().as_slice(), b"/alias/file"].concat());
    world.link(b"alias", b"real");
    for containment in CONTAINMENTS {
        let open = |name: &[u8]| LocalStorage::open_with(&world.at(name), None, containment);
        let storage = open(b"alias").unwrap();
        assert_eq!(storage.stat(&path(b"file")).unwrap().size, 7);
        // A link may name the root as it was given or as it is.
        assert_eq!(storage.stat(&path(b"absolute")).unwrap().link, Some(Link::Inside(b"file".to_vec())));
        assert_eq!(code(open(b"nothing")), Some(ErrorCode::NotFound));
        let hiding = |name: &[u8]| LocalStorage::open_with(&world.at(b"real"), Some(&world.at(name)), containment);
        assert_eq!(code(hiding(b"real/nothing")), Some(ErrorCode::NotFound));
        assert!(hiding(b"real/.passerelle").is_ok(), "it may be made later");
        assert_eq!(code(open(b"real/file")), Some(ErrorCode::NotFolder));
    }
}

#[test]
fn a_state_directory_of_another_name_is_hidden_wherever_it_is_moved() {
    for containment in CONTAINMENTS {
        let world = LocalWorld::new(containment);
        world.file(b"a/state/secret", b"secret");
        world.file(b"a/state/deep/secret", b"secret");
        world.link(b"link", b"a/state");
        let hidden = world.at(b"a/state");
        let storage = LocalStorage::open_with(&world.at(b""), Some(&hidden), containment).unwrap();
        let check = |name: &[u8], expected: ErrorCode| {
            assert_eq!(code(storage.stat(&path(name))), Some(expected));
            assert_eq!(code(storage.open(&path(name))), Some(expected));
            assert_eq!(list_in(&storage, &path(name)).unwrap_err(), expected);
        };
        check(b"a/state", ErrorCode::NotFound);
        check(b"a/state/secret", ErrorCode::NotFound);
        check(b"a/state/deep/secret", ErrorCode::NotFound);
        check(b"link/secret", ErrorCode::LinkEscapes);
        assert_eq!(storage.stat(&path(b"link")).unwrap().link, Some(Link::Broken));
        assert!(list_in(&storage, &path(b"a")).unwrap().is_empty());
        fs::rename(world.at(b"a"), world.at(b"b")).unwrap();
        check(b"b/state/deep/secret", ErrorCode::NotFound);
        assert!(list_in(&storage, &path(b"b")).unwrap().is_empty());
    }
}

/// What was just written is in memory. Everything that takes a decision is left to the walk, and nothing is told of what
/// is hidden.
#[cfg(target_os = "linux")]
#[test]
fn what_is_in_memory_is_had_at_once_and_nothing_else() {
    let world = LocalWorld::new(Containment::Kernel);
    let system = rustix::fs::statfs(world.at(b"")).unwrap();
    world.file(b"folder/file", b"content");
    world.file(b".passerelle/secret", b"secret");
    world.link(b"link", b"folder/file");
    world.link(b"folder link", b"folder");
    world.special(b"fifo");
    let storage = world.storage();
    let at_once = |name: &[u8]| content_at_once(storage, name);
    for name in [b"link".as_slice(), b"folder link/file", b"fifo", b"folder", b"", b"nothing", b".passerelle/secret"] {
        assert_eq!(at_once(name), None, "{}", name.escape_ascii());
    }
    for name in [b"link".as_slice(), b"folder link/file", b"nothing", b".passerelle", b".passerelle/secret"] {
        assert_eq!(storage.try_stat(&path(name)), None, "{}", name.escape_ascii());
    }
    // Another file system, or a kernel before 5.12, may always say none.
    const EXT4: u32 = 0xef53;
    if system.f_type as u32 == EXT4 {
        assert_eq!(at_once(b"folder/file").as_deref(), Some(b"content".as_slice()));
        assert_eq!(storage.try_stat(&path(b"fifo")), storage.stat(&path(b"fifo")).ok());
    }
    for containment in [Containment::Walk, Containment::Portable] {
        let other = LocalStorage::open_with(&world.at(b""), None, containment).unwrap();
        assert!(other.try_open(&path(b"folder/file")).is_none());
    }
}

#[cfg(target_os = "linux")]
fn content_at_once(storage: &dyn Storage, name: &[u8]) -> Option<Vec<u8>> {
    let file = storage.try_open(&path(name))?;
    let mut bytes = [0; 16];
    let count = file.try_read_at(&mut bytes, 0)?;
    Some(bytes[..count].to_vec())
}

/// What a reader gets while names are exchanged; at once it is what lies inside, or nothing.
#[cfg(target_os = "linux")]
fn raced(world: &LocalWorld, name: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    if let Some(bytes) = content_at_once(world.storage(), name) {
        assert_eq!(bytes, b"inside");
    }
    read(&*world.storage().open(&path(name)).map_err(|error| error.code)?)
}

/// Somebody exchanges two names as fast as they can, while another reads through one of them.
#[cfg(target_os = "linux")]
pub(super) fn while_exchanging(world: &LocalWorld, left: &[u8], right: &[u8], rounds: usize, look: impl Fn()) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let done = AtomicBool::new(false);
    let (left, right) = (world.at(left), world.at(right));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &left, CWD, &right, rustix::fs::RenameFlags::EXCHANGE).unwrap();
            }
        });
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (0..rounds).for_each(|_| look())));
        done.store(true, Ordering::Relaxed);
        looked.unwrap();
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_exchanged_for_a_link_never_leads_out() {
    for containment in CONTAINMENTS {
        let world = LocalWorld::new(containment);
        world.file(b"swapped/deep/secret", b"inside");
        fs::create_dir(world.folder.path().join("root2/deep")).unwrap();
        fs::write(world.folder.path().join("root2/deep/secret"), "outside").unwrap();
        world.link(b"link", b"../root2");
        let mut seen = BTreeMap::new();
        let seen = std::cell::RefCell::new(&mut seen);
        while_exchanging(&world, b"swapped", b"link", 5_000, || {
            let got = match raced(&world, b"swapped/deep/secret") {
                Ok(bytes) => String::from_utf8(bytes).unwrap(),
                Err(code) => code.name().to_owned(),
            };
            assert!(matches!(&*got, "inside" | "link_escapes" | "not_found" | "changed"), "{got}");
            *seen.borrow_mut().entry(got).or_insert(0) += 1;
            if let Ok(listed) = list(&world, b"swapped/deep") {
                assert!(listed.values().all(|entry| entry.size == 6));
            }
        });
        eprintln!("{containment:?}: {:?}", seen.borrow());
        assert!(seen.borrow().len() > 1, "the exchange was never seen");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_exchanged_for_a_link_or_a_fifo_is_the_file_or_refused() {
    for containment in CONTAINMENTS {
        let world = LocalWorld::new(containment);
        world.file(b"file", b"inside");
        world.link(b"link", b"../secret");
        make_fifo(&world.at(b"fifo"));
        for other in [b"link".as_slice(), b"fifo"] {
            while_exchanging(&world, b"file", other, 5_000, || match raced(&world, b"file") {
                Ok(bytes) => assert_eq!(bytes, b"inside"),
                Err(ErrorCode::LinkEscapes | ErrorCode::NotRegular | ErrorCode::NotFound | ErrorCode::Changed) => {}
                Err(code) => panic!("{code}"),
            });
            // Both are in their own place again, whichever way the last exchange went.
            if !fs::symlink_metadata(world.at(b"file")).unwrap().is_file() {
                let (file, other) = (world.at(b"file"), world.at(other));
                rustix::fs::renameat_with(CWD, file, CWD, other, rustix::fs::RenameFlags::EXCHANGE).unwrap();
            }
        }
    }
}
