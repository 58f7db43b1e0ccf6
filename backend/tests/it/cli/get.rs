//! `passerelle get`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;
use backend::storage::{OpenFile, Storage, StorageError, Visit};
use serde_json::Value;
use shared::{ETag, Entry, Link, VPath};
use tokio::net::TcpListener;

use super::shell::{ChildProcess, Shell, names, pattern, wait_until};
use crate::test_server::{TestServer, small_tree};

/// A few files and folders with names that are valid on every system.
fn plain_tree() -> MemoryStorage {
    let storage = small_tree();
    storage.remove(b"docs/latin\xe9.txt").unwrap();
    storage
}

/// A storage whose readers wait at an offset until the gate opens. Records the offsets of reads.
struct GatedStorage {
    inner: MemoryStorage,
    gate: Arc<Gate>,
}

struct Gate {
    limit: Mutex<u64>,
    opened: Condvar,
    offsets: Mutex<Vec<u64>>,
}

impl Gate {
    fn at(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit: Mutex::new(limit), opened: Condvar::new(), offsets: Mutex::default() })
    }

    fn open(&self) {
        *self.limit.lock().unwrap() = u64::MAX;
        self.opened.notify_all();
    }

    fn pass(&self, offset: u64) {
        self.offsets.lock().unwrap().push(offset);
        let limit = self.limit.lock().unwrap();
        drop(self.opened.wait_while(limit, |limit| offset >= *limit).unwrap());
    }

    fn take_offsets(&self) -> Vec<u64> {
        std::mem::take(&mut self.offsets.lock().unwrap())
    }
}

struct GatedFile {
    inner: Box<dyn OpenFile>,
    gate: Arc<Gate>,
}

impl Storage for GatedStorage {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.inner.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.inner.list(path, visit)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        Ok(Box::new(GatedFile { inner: self.inner.open(path)?, gate: Arc::clone(&self.gate) }))
    }

    backend::read_only_methods!();
}

impl OpenFile for GatedFile {
    fn entry(&self) -> &Entry {
        self.inner.entry()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        self.gate.pass(offset);
        self.inner.read_at(buffer, offset)
    }

    fn size_now(&self) -> Result<u64, StorageError> {
        self.inner.size_now()
    }

    fn identity(&self) -> u128 {
        self.inner.identity()
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        self.inner.etag_now()
    }
}

/// A storage that reports links as inside the root although they are not.
struct MaliciousStorage(MemoryStorage);

impl Storage for MaliciousStorage {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.0.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.0.list(path, &mut |entry| {
            if entry.link != Some(Link::Escapes) {
                return visit(entry);
            }
            // The name determines the target.
            let target = entry.path.display_name().replace('!', "/").into_bytes();
            visit(Entry { link: Some(Link::Inside(target)), ..entry })
        })
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.0.open(path)
    }

    backend::read_only_methods!();
}

/// The number of bytes that the mark of an unfinished download records.
fn marked(mark: &Path) -> Option<u64> {
    let text = fs::read_to_string(mark).ok()?;
    text.split_whitespace().nth(2)?.parse().ok().filter(|offset| *offset > 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn get_uses_the_destinations_of_cp() {
    let server = TestServer::with_storage(Arc::new(plain_tree())).await;
    let shell = Shell::at(&server);
    let everything = ["docs/a b.txt", "docs/deep/er/file.bin", "empty", "hello.txt"];
    assert!(shell.expect_exit(&["get", "/", "new"], 0).out.starts_with("4 files, 300 kB in "));
    let new = shell.tree("new");
    assert_eq!(names(&new), everything);
    assert_eq!(new[Path::new("hello.txt")], b"hello, world\n");
    assert!(shell.path("new/docs/nothing").is_dir());
    assert!(shell.expect_exit(&["get", "/", "new"], 0).out.contains("0 files, 0 B in "));
    let again = shell.expect_exit(&["get", "--json", "/", "new"], 0);
    assert_eq!((&again.summary()["files"], &again.summary()["skipped"]), (&0.into(), &4.into()));

    fs::create_dir(shell.path("old")).unwrap();
    shell.expect_exit(&["get", "docs", "old"], 0);
    assert!(shell.path("old/docs/a b.txt").is_file());
    shell.expect_exit(&["get", "docs/", "copy"], 0);
    assert!(shell.path("copy/a b.txt").is_file());
    shell.expect_exit(&["get", "hello.txt", "renamed"], 0);
    assert_eq!(fs::read(shell.path("renamed")).unwrap(), b"hello, world\n");
    shell.expect_exit(&["get", "hello.txt", "docs/deep", "several"], 0);
    assert_eq!(names(&shell.tree("several")), ["deep/er/file.bin", "hello.txt"]);
    let streamed = shell.expect_exit(&["get", "hello.txt", "-"], 0);
    assert_eq!((&*streamed.out, &*streamed.err), ("hello, world\n", ""));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_get_goes_on_in_the_folder_that_it_made() {
    let server = TestServer::with_storage(Arc::new(plain_tree())).await;
    let shell = Shell::at(&server);
    shell.expect_exit(&["get", "docs", "./copy"], 0);
    fs::remove_file(shell.path("copy/a b.txt")).unwrap();
    for typed in ["./copy", "copy", "copy/"] {
        shell.expect_exit(&["get", "/docs/", typed], 0);
        assert_eq!(names(&shell.tree("copy")), ["a b.txt", "deep/er/file.bin"], "{typed}");
    }
    // Another source goes inside, as with `cp -r`.
    shell.expect_exit(&["get", "docs/deep", "copy"], 0);
    assert!(shell.path("copy/deep/er/file.bin").is_file());
    // A folder that the user made after it is no longer the one that this command made.
    fs::remove_dir_all(shell.path("copy")).unwrap();
    fs::create_dir(shell.path("copy")).unwrap();
    shell.expect_exit(&["get", "docs", "copy"], 0);
    assert!(shell.path("copy/docs/a b.txt").is_file());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successful_get_leaves_no_unfinished_files() {
    let server = TestServer::with_storage(Arc::new(plain_tree())).await;
    let shell = Shell::at(&server);
    shell.expect_exit(&["get", "docs", "copy"], 0);
    // What a kill leaves of files that are complete now, and of files that the server no longer has.
    for name in ["copy/.a b.txt.passerelle-part", "copy/deep/.gone.passerelle-part", "copy/deep/.gone.passerelle-mark"]
    {
        fs::write(shell.path(name), "half").unwrap();
    }
    shell.expect_exit(&["get", "docs", "copy"], 0);
    assert_eq!(names(&shell.tree("copy")), ["a b.txt", "deep/er/file.bin"]);
    shell.expect_exit(&["get", "hello.txt", "docs/a b.txt", "copy"], 0);
    fs::write(shell.path("copy/.hello.txt.passerelle-part"), "half").unwrap();
    shell.expect_exit(&["get", "hello.txt", "copy"], 0);
    assert_eq!(names(&shell.tree("copy")), ["a b.txt", "deep/er/file.bin", "hello.txt"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_replaces_a_file_that_differs_only_with_force() {
    let storage = plain_tree();
    storage.set_executable("hello.txt", true).unwrap();
    let server = TestServer::with_storage(Arc::new(storage.clone())).await;
    let shell = Shell::at(&server);
    shell.expect_exit(&["get", "/", "new"], 0);
    storage.write("empty", "no longer").unwrap();
    let ran = shell.expect_exit(&["get", "--json", "/", "new"], 6);
    let error: Value = serde_json::from_str(ran.err.trim()).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["path"]), (&"exists".into(), &"empty".into()));
    assert_eq!(ran.summary()["failed"], 1);
    assert_eq!(fs::read(shell.path("new/empty")).unwrap(), b"");
    shell.expect_exit(&["get", "empty", "new"], 1);
    assert!(shell.expect_exit(&["get", "-q", "--force", "/", "new"], 0).out.is_empty());
    assert_eq!(fs::read(shell.path("new/empty")).unwrap(), b"no longer");
    let metadata = fs::metadata(shell.path("new/hello.txt")).unwrap();
    let modified = storage.stat(&VPath::parse("hello.txt").unwrap()).unwrap().modified.seconds();
    let local = metadata.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(local.as_secs() as i64, modified);
    #[cfg(unix)]
    assert_ne!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_reports_failures_and_downloads_the_rest() {
    let storage = plain_tree();
    storage.set_denied("docs/deep", true).unwrap();
    storage.add_other("pipe").unwrap();
    storage.add_file(".x.passerelle-part", "of another download").unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let shell = Shell::at(&server);
    let ran = shell.expect_exit(&["get", "/", "new", "--json"], 6);
    assert!(ran.err.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", ran.err);
    assert!(ran.err.contains("access_denied") && ran.err.contains("\"docs/deep\""), "{}", ran.err);
    assert_eq!((&ran.summary()["failed"], &ran.summary()["left_out"]), (&1.into(), &2.into()));
    assert_eq!(names(&shell.tree("new")), ["docs/a b.txt", "empty", "hello.txt"]);
    shell.expect_exit(&["get", "gone", "hello.txt", "some"], 6);
    assert_eq!(names(&shell.tree("some")), ["hello.txt"]);
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn get_makes_only_links_to_downloaded_entries() {
    let storage = plain_tree();
    storage.add_link("docs/near", "a b.txt").unwrap();
    storage.add_link("docs/far", "../hello.txt").unwrap();
    storage.add_link("folder", "docs/deep").unwrap();
    storage.add_link("passwd", "/etc/passwd").unwrap();
    storage.add_link("nowhere", "gone").unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let shell = Shell::at(&server);
    let ran = shell.expect_exit(&["get", "/", "new"], 0);
    assert!(ran.out.contains("3 links, 2 left out"), "{}", ran.out);
    assert!(ran.err.contains("warning: passwd: ") && ran.err.contains("warning: nowhere: "), "{}", ran.err);
    let new = shell.tree("new");
    assert_eq!(new[Path::new("docs/near")], b"a b.txt");
    assert_eq!(new[Path::new("docs/far")], b"../hello.txt");
    assert_eq!(new[Path::new("folder")], b"docs/deep");
    assert!(!new.contains_key(Path::new("passwd")) && !new.contains_key(Path::new("nowhere")));
    shell.expect_exit(&["get", "/", "new"], 0);

    // A link of the folder has its target outside the folder.
    let ran = shell.expect_exit(&["get", "docs", "alone"], 0);
    assert!(ran.err.contains("docs/far"), "{}", ran.err);
    // A link named as SRC is followed.
    shell.expect_exit(&["get", "folder", "docs/near", "followed"], 0);
    assert_eq!(names(&shell.tree("followed")), ["folder/er/file.bin", "near"]);
    assert_eq!(shell.tree("followed")[Path::new("near")], b"spaces");
    shell.expect_exit(&["get", "passwd", "x"], 4);
    server.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn downloaded_names_have_the_same_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let names = [&b"latin\xe9.txt"[..], b"line\nfeed", b"a\\b", b"C:", b"NUL", b" .", b"100%25", &[b'x'; 255]];
    let storage = MemoryStorage::new();
    for name in names {
        storage.add_file(name, name).unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let shell = Shell::at(&server);
    shell.expect_exit(&["get", "/", "new"], 0);
    let expected: BTreeMap<_, _> =
        names.iter().map(|name| (std::path::PathBuf::from(OsStr::from_bytes(name)), name.to_vec())).collect();
    assert!(shell.tree("new") == expected);
    shell.expect_exit(&["get", "latin%E9.txt", "."], 0);
    assert!(shell.folder.path().join(OsStr::from_bytes(b"latin\xe9.txt")).is_file());
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn get_writes_nothing_through_a_link_below_the_destination() {
    let server = TestServer::start().await;
    let shell = Shell::at(&server);
    for folder in ["outside", "new", "new/docs"] {
        fs::create_dir(shell.path(folder)).unwrap();
    }
    fs::write(shell.path("outside/precious"), "kept").unwrap();
    std::os::unix::fs::symlink("../../outside", shell.path("new/docs/deep")).unwrap();
    std::os::unix::fs::symlink("../outside/precious", shell.path("new/hello.txt")).unwrap();
    std::os::unix::fs::symlink("../outside/precious", shell.path("new/.empty.passerelle-part")).unwrap();
    let ran = shell.expect_exit(&["get", "/", "new"], 6);
    assert!(ran.err.contains("docs/deep") && ran.err.contains("hello.txt") && ran.err.contains("empty"), "{}", ran.err);
    shell.expect_exit(&["get", "--force", "/", "new"], 6);
    // With force, the link is replaced, not its target.
    assert_eq!(fs::read(shell.path("new/hello.txt")).unwrap(), b"hello, world\n");
    assert!(!fs::symlink_metadata(shell.path("new/hello.txt")).unwrap().is_symlink());
    let outside = shell.tree("outside");
    assert_eq!((names(&outside), &*outside[Path::new("precious")]), (vec!["precious".to_owned()], &b"kept"[..]));
    // The destination itself may be a link.
    std::os::unix::fs::symlink("outside", shell.path("named")).unwrap();
    shell.expect_exit(&["get", "hello.txt", "named"], 0);
    assert!(shell.path("outside/hello.txt").is_file());
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn get_makes_no_link_outside_for_a_malicious_server() {
    let storage = MemoryStorage::new();
    for name in ["..!outside", "!etc!passwd", "a!..!..!outside", "a!..!x"] {
        storage.add_link(name, "/etc").unwrap();
    }
    storage.add_file("a/file", "x").unwrap();
    let server = TestServer::with_storage(Arc::new(MaliciousStorage(storage))).await;
    let shell = Shell::at(&server);
    fs::create_dir(shell.path("outside")).unwrap();
    let ran = shell.expect_exit(&["get", "--json", "/", "new"], 0);
    assert_eq!((&ran.summary()["left_out"], &ran.summary()["links"]), (&4.into(), &0.into()));
    assert_eq!(names(&shell.tree("new")), ["a/file"]);
    assert!(shell.tree("outside").is_empty());
    server.stop().await;
}

const BIG: usize = 6 << 20;

/// A server that stops in the middle of a large file, and a download of it that was killed there.
async fn killed_halfway() -> (TestServer, Shell, MemoryStorage, Arc<Gate>, u64) {
    let storage = MemoryStorage::new();
    storage.add_file("big", pattern(BIG, 1)).unwrap();
    let gate = Gate::at(3 << 20);
    let server =
        TestServer::with_storage(Arc::new(GatedStorage { inner: storage.clone(), gate: Arc::clone(&gate) })).await;
    let shell = Shell::at(&server);
    let mut running = shell.start(&["get", "/", "new"]);
    let offset = wait_until("some bytes on the disk", || marked(&shell.path("new/.big.passerelle-mark")));
    running.kill();
    assert_eq!(names(&shell.tree("new")), [".big.passerelle-mark", ".big.passerelle-part"]);
    gate.open();
    gate.take_offsets();
    (server, shell, storage, gate, offset)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_download_resumes() {
    let (_server, shell, _storage, gate, offset) = killed_halfway().await;
    let ran = shell.expect_exit(&["get", "--json", "/", "new"], 0);
    assert_eq!(ran.json()[0]["file"]["status"], "resumed");
    assert_eq!(ran.summary()["bytes"], BIG as u64 - offset);
    let first = gate.take_offsets().into_iter().min();
    assert!(first.is_some_and(|first| first >= offset), "{first:?} {offset}");
    assert!(shell.tree("new") == BTreeMap::from([("big".into(), pattern(BIG, 1))]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_download_starts_over_if_the_source_changed_or_on_request() {
    let (_server, shell, storage, _gate, _) = killed_halfway().await;
    storage.write("big", pattern(BIG, 2)).unwrap();
    let ran = shell.expect_exit(&["get", "--json", "/", "new"], 0);
    assert_eq!((&ran.json()[0]["file"]["status"], &ran.summary()["bytes"]), (&"downloaded".into(), &BIG.into()));
    assert!(shell.tree("new") == BTreeMap::from([("big".into(), pattern(BIG, 2))]));

    let (_server, shell, _storage, gate, _) = killed_halfway().await;
    shell.expect_exit(&["get", "--no-resume", "/", "new"], 0);
    assert_eq!(gate.take_offsets().into_iter().min(), Some(0));
    assert!(shell.tree("new") == BTreeMap::from([("big".into(), pattern(BIG, 1))]));
}

/// The server sends nothing more when Ctrl-C comes.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_get_says_so_and_the_same_command_resumes() {
    let storage = MemoryStorage::new();
    storage.add_file("album/big", pattern(BIG, 1)).unwrap();
    let gate = Gate::at(3 << 20);
    let gated = GatedStorage { inner: storage, gate: Arc::clone(&gate) };
    let server = TestServer::with_storage(Arc::new(gated)).await;
    let shell = Shell::at(&server);
    let running = shell.start(&["get", "album", "new"]);
    wait_until("some bytes on the disk", || marked(&shell.path("new/.big.passerelle-mark")));
    let pid = running.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = running.end();
    assert_eq!(ended.code, 130, "{}", ended.err);
    assert!(ended.err.contains("interrupted; run the same command again to resume"), "{}", ended.err);
    gate.open();
    let again = shell.expect_exit(&["get", "--json", "album", "new"], 0);
    assert_eq!(again.json()[0]["file"]["status"], "resumed");
    assert!(shell.tree("new") == BTreeMap::from([("big".into(), pattern(BIG, 1))]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_resumes_when_the_server_is_back() {
    for streaming in [false, true] {
        let storage = MemoryStorage::new();
        storage.add_file("big", pattern(BIG, 3)).unwrap();
        storage.add_file("small", "s").unwrap();
        let gate = Gate::at(3 << 20);
        let gated = Arc::new(GatedStorage { inner: storage.clone(), gate: Arc::clone(&gate) });
        let config = ServerConfig { drain_time: Duration::from_millis(1), ..ServerConfig::default() };
        let server = TestServer::with_config(gated.clone(), config.clone()).await;
        let (tcp, key) = (server.tcp, server.key.clone());
        let shell = Shell::at(&server);
        let file = fs::File::create(shell.path("out")).unwrap();
        let args: &[&str] =
            if streaming { &["get", "--retries", "30", "big", "-"] } else { &["get", "--retries", "30", "/", "new"] };
        let mut command = shell.command(args);
        command.stdout(file).stderr(Stdio::piped());
        let mut running = ChildProcess(command.spawn().unwrap());
        if streaming {
            wait_until("some bytes in the output", || fs::metadata(shell.path("out")).ok().filter(|out| out.len() > 0));
        } else {
            wait_until("some bytes on the disk", || marked(&shell.path("new/.big.passerelle-mark")));
        }
        server.shutdown.cancel();
        let stderr = BufReader::new(running.0.stderr.take().unwrap());
        let mut lines = stderr.lines();
        let notice = lines.next().unwrap().unwrap();
        assert!(notice.contains("trying again"), "{notice}");
        gate.open();
        server.task.await.unwrap();
        gate.take_offsets();
        let listener = TcpListener::bind(tcp).await.unwrap();
        let _server = TestServer::on_listener(listener, key, gated, config).await;
        assert_eq!(running.0.wait().unwrap().code(), Some(0));
        let from_the_start = gate.take_offsets().into_iter().filter(|offset| *offset == 0).count();
        assert!(from_the_start <= 1, "only the small file may come whole after that");
        if streaming {
            assert!(fs::read(shell.path("out")).unwrap() == pattern(BIG, 3));
        } else {
            assert_eq!(names(&shell.tree("new")), ["big", "small"]);
            assert!(fs::read(shell.path("new/big")).unwrap() == pattern(BIG, 3));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn get_fails_when_the_server_stays_away_and_keeps_the_part() {
    let storage = MemoryStorage::new();
    storage.add_file("big", pattern(BIG, 4)).unwrap();
    let gate = Gate::at(3 << 20);
    let config = ServerConfig { drain_time: Duration::from_millis(1), ..ServerConfig::default() };
    let server =
        TestServer::with_config(Arc::new(GatedStorage { inner: storage, gate: Arc::clone(&gate) }), config).await;
    let shell = Shell::at(&server);
    let running = shell.start(&["get", "--retries", "1", "big", "copy"]);
    wait_until("some bytes on the disk", || marked(&shell.path(".copy.passerelle-mark")));
    server.shutdown.cancel();
    let ran = running.end();
    gate.open();
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(ran.err.contains("to resume"), "{}", ran.err);
    assert!(shell.path(".copy.passerelle-part").is_file() && !shell.path("copy").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn get_downloads_small_files_over_several_connections() {
    let storage = MemoryStorage::new();
    for number in 0..3_000 {
        let name = format!("{}/{}", number % 37, "long name ".repeat(20) + &number.to_string());
        storage.add_file(name, number.to_string()).unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let shell = Shell::at(&server);
    let ran = shell.expect_exit(&["get", "--json", "-p", "3", "/", "new"], 0);
    assert_eq!((&ran.summary()["files"], &ran.summary()["folders_made"]), (&3_000.into(), &37.into()));
    let tree = shell.tree("new");
    assert_eq!(tree.len(), 3_000);
    for (path, content) in tree {
        assert!(path.to_string_lossy().ends_with(&format!(" {}", String::from_utf8(content).unwrap())));
    }
    server.stop().await;
}
