//! Tests that need a real directory: races, sockets, devices.
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

pub(super) struct LocalFixture {
    folder: tempfile::TempDir,
    storage: LocalStorage,
}

impl LocalFixture {
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

    fn create_parents(&self, path: &[u8]) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

impl Fixture for LocalFixture {
    fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    fn root(&self) -> Vec<u8> {
        self.folder.path().canonicalize().unwrap().join("root").as_os_str().as_bytes().to_vec()
    }

    fn file(&self, path: &[u8], content: &[u8]) {
        fs::write(self.create_parents(path), content).unwrap();
    }

    fn folder(&self, path: &[u8]) {
        fs::create_dir_all(self.at(path)).unwrap();
    }

    fn link(&self, path: &[u8], target: &[u8]) {
        symlink(OsStr::from_bytes(target), self.create_parents(path)).unwrap();
    }

    fn special(&self, path: &[u8]) -> bool {
        make_fifo(&self.create_parents(path));
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
        // Longer than one tick of the coarsest clock of a file system on Linux, 100 Hz.
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
        let fixture = LocalFixture::new(containment);
        let _listener = std::os::unix::net::UnixListener::bind(fixture.at(b"socket")).unwrap();
        assert_eq!(stat(&fixture, b"socket").unwrap().kind, Kind::Other);
        assert_eq!(code(open(&fixture, b"socket")), Some(ErrorCode::NotRegular));
    }
    // Every Linux has this tree of devices and of links that only the kernel can follow.
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
    let fixture = LocalFixture::new(Containment::Kernel);
    fixture.file(b"real/file", b"content");
    fixture.link(b"real/absolute", &[fixture.root().as_slice(), b"/alias/file"].concat());
    fixture.link(b"alias", b"real");
    for containment in CONTAINMENTS {
        let open = |name: &[u8]| LocalStorage::open_with(&fixture.at(name), None, containment);
        let storage = open(b"alias").unwrap();
        assert_eq!(storage.stat(&path(b"file")).unwrap().size, 7);
        // A link may begin with the configured or with the canonical path of the root.
        assert_eq!(storage.stat(&path(b"absolute")).unwrap().link, Some(Link::Inside(b"file".to_vec())));
        assert_eq!(code(open(b"nothing")), Some(ErrorCode::NotFound));
        let hiding = |name: &[u8]| LocalStorage::open_with(&fixture.at(b"real"), Some(&fixture.at(name)), containment);
        assert_eq!(code(hiding(b"real/nothing")), Some(ErrorCode::NotFound));
        assert!(hiding(b"real/.passerelle").is_ok(), "it may be made later");
        assert_eq!(code(open(b"real/file")), Some(ErrorCode::NotFolder));
    }
}

#[test]
fn a_state_directory_of_another_name_is_hidden_wherever_it_is_moved() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"a/state/secret", b"secret");
        fixture.file(b"a/state/deep/secret", b"secret");
        fixture.link(b"link", b"a/state");
        let hidden = fixture.at(b"a/state");
        let storage = LocalStorage::open_with(&fixture.at(b""), Some(&hidden), containment).unwrap();
        let check = |name: &[u8], expected: ErrorCode| {
            assert_eq!(code(storage.stat(&path(name))), Some(expected));
            assert_eq!(code(storage.open(&path(name))), Some(expected));
            assert_eq!(list_in(&*storage, &path(name)).unwrap_err(), expected);
        };
        check(b"a/state", ErrorCode::NotFound);
        check(b"a/state/secret", ErrorCode::NotFound);
        check(b"a/state/deep/secret", ErrorCode::NotFound);
        check(b"link/secret", ErrorCode::LinkBroken);
        assert_eq!(storage.stat(&path(b"link")).unwrap().link, Some(Link::Broken));
        assert!(list_in(&*storage, &path(b"a")).unwrap().is_empty());
        fs::rename(fixture.at(b"a"), fixture.at(b"b")).unwrap();
        check(b"b/state/deep/secret", ErrorCode::NotFound);
        assert!(list_in(&*storage, &path(b"b")).unwrap().is_empty());
    }
}

/// Bytes that were just written are in memory. Links are left to the walk, and hidden entries stay hidden.
#[cfg(target_os = "linux")]
#[test]
fn non_blocking_calls_answer_only_from_memory() {
    let fixture = LocalFixture::new(Containment::Kernel);
    let system = rustix::fs::statfs(fixture.at(b"")).unwrap();
    fixture.file(b"folder/file", b"content");
    fixture.file(b".passerelle/secret", b"secret");
    fixture.link(b"link", b"folder/file");
    fixture.link(b"folder link", b"folder");
    fixture.special(b"fifo");
    let storage = fixture.storage();
    let at_once = |name: &[u8]| try_content(storage, name);
    for name in [b"link".as_slice(), b"folder link/file", b"fifo", b"folder", b"", b"nothing", b".passerelle/secret"] {
        assert_eq!(at_once(name), None, "{}", name.escape_ascii());
    }
    for name in [b"link".as_slice(), b"folder link/file", b"nothing", b".passerelle", b".passerelle/secret"] {
        assert_eq!(storage.try_stat(&path(name)), None, "{}", name.escape_ascii());
    }
    // Other file systems and kernels before 5.12 may always answer `None`.
    const EXT4: u32 = 0xef53;
    if system.f_type as u32 == EXT4 {
        assert_eq!(at_once(b"folder/file").as_deref(), Some(b"content".as_slice()));
        assert_eq!(storage.try_stat(&path(b"fifo")), storage.stat(&path(b"fifo")).ok());
    }
    for containment in [Containment::Walk, Containment::Portable] {
        let other = LocalStorage::open_with(&fixture.at(b""), None, containment).unwrap();
        assert!(other.try_open(&path(b"folder/file")).is_none());
    }
}

#[cfg(target_os = "linux")]
fn try_content(storage: &dyn Storage, name: &[u8]) -> Option<Vec<u8>> {
    let file = storage.try_open(&path(name))?;
    let mut bytes = [0; 16];
    let count = file.try_read_at(&mut bytes, 0)?;
    Some(bytes[..count].to_vec())
}

/// Reads while names are swapped. The non-blocking calls return the content inside or `None`.
#[cfg(target_os = "linux")]
fn read_during_swap(fixture: &LocalFixture, name: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    if let Some(bytes) = try_content(fixture.storage(), name) {
        assert_eq!(bytes, b"inside");
    }
    read(&*fixture.storage().open(&path(name)).map_err(|error| error.code)?)
}

/// Swaps two names in a thread, as fast as possible, while `look` runs.
#[cfg(target_os = "linux")]
pub(super) fn while_swapping(fixture: &LocalFixture, left: &[u8], right: &[u8], rounds: usize, look: impl Fn()) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (swapped, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let (left, right) = (fixture.at(left), fixture.at(right));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, &left, CWD, &right, rustix::fs::RenameFlags::EXCHANGE).unwrap();
                swapped.store(true, Ordering::Relaxed);
            }
        });
        // On a loaded machine the other thread may begin late.
        while !swapped.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (0..rounds).for_each(|_| look())));
        done.store(true, Ordering::Relaxed);
        looked.unwrap();
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_swapped_for_a_link_never_leads_out() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"swapped/deep/secret", b"inside");
        fs::create_dir(fixture.folder.path().join("root2/deep")).unwrap();
        fs::write(fixture.folder.path().join("root2/deep/secret"), "outside").unwrap();
        fixture.link(b"link", b"../root2");
        let mut seen = BTreeMap::new();
        let seen = std::cell::RefCell::new(&mut seen);
        while_swapping(&fixture, b"swapped", b"link", 5_000, || {
            let got = match read_during_swap(&fixture, b"swapped/deep/secret") {
                Ok(bytes) => String::from_utf8(bytes).unwrap(),
                Err(code) => code.name().to_owned(),
            };
            assert!(matches!(&*got, "inside" | "link_escapes" | "link_broken" | "not_found" | "changed"), "{got}");
            *seen.borrow_mut().entry(got).or_insert(0) += 1;
            if let Ok(listed) = list(&fixture, b"swapped/deep") {
                assert!(listed.values().all(|entry| entry.size == 6));
            }
        });
        assert!(seen.borrow().len() > 1, "{containment:?}: the exchange was never seen: {:?}", seen.borrow());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_swapped_for_a_link_or_fifo_is_read_or_refused() {
    for containment in CONTAINMENTS {
        let fixture = LocalFixture::new(containment);
        fixture.file(b"file", b"inside");
        fixture.link(b"link", b"../secret");
        make_fifo(&fixture.at(b"fifo"));
        for other in [b"link".as_slice(), b"fifo"] {
            while_swapping(&fixture, b"file", other, 5_000, || match read_during_swap(&fixture, b"file") {
                Ok(bytes) => assert_eq!(bytes, b"inside"),
                Err(
                    ErrorCode::LinkEscapes
                    | ErrorCode::LinkBroken
                    | ErrorCode::NotRegular
                    | ErrorCode::NotFound
                    | ErrorCode::Changed,
                ) => {}
                Err(code) => panic!("{code}"),
            });
            // After an odd number of swaps, swap once more.
            if !fs::symlink_metadata(fixture.at(b"file")).unwrap().is_file() {
                let (file, other) = (fixture.at(b"file"), fixture.at(other));
                rustix::fs::renameat_with(CWD, file, CWD, other, rustix::fs::RenameFlags::EXCHANGE).unwrap();
            }
        }
    }
}
