//! `passerelle put`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use backend::server::ServerConfig;
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use tokio::net::TcpListener;

use super::shell::{ChildProcess, Shell, pattern, wait_until};
use crate::test_server::{TestServer, path};

const BIG: usize = 20 << 20;

/// The content of a file on the server.
fn content(storage: &MemoryStorage, name: &str) -> Option<Vec<u8>> {
    let file = storage.open(&path(name)).ok()?;
    let mut bytes = vec![0; file.entry().size as usize];
    let mut at = 0;
    while at < bytes.len() {
        at += file.read_at(&mut bytes[at..], at as u64).unwrap();
    }
    Some(bytes)
}

fn is_folder(storage: &MemoryStorage, name: &str) -> bool {
    storage.stat(&path(name)).is_ok_and(|entry| entry.is_folder())
}

async fn server() -> (TestServer, Shell, MemoryStorage) {
    let storage = MemoryStorage::new();
    let server = TestServer::with_storage(Arc::new(storage.clone())).await;
    let shell = Shell::at(&server);
    (server, shell, storage)
}

/// Makes `src` with a few files and folders.
fn sources(shell: &Shell) {
    fs::create_dir_all(shell.path("src/deep/empty")).unwrap();
    fs::write(shell.path("src/a b.txt"), "spaces").unwrap();
    fs::write(shell.path("src/deep/nothing"), "").unwrap();
    fs::write(shell.path("src/deep/big"), pattern(3 << 20, 1)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn put_uses_the_destinations_of_cp() {
    let (server, shell, storage) = server().await;
    sources(&shell);
    assert!(shell.expect_exit(&["put", "src", "/"], 0).out.starts_with("3 files, 3.1 MB in "));
    assert_eq!(content(&storage, "src/a%20b.txt").as_deref(), Some(&b"spaces"[..]));
    assert_eq!(content(&storage, "src/deep/nothing").as_deref(), Some(&b""[..]));
    assert!(content(&storage, "src/deep/big").is_some_and(|bytes| bytes == pattern(3 << 20, 1)));
    assert!(is_folder(&storage, "src/deep/empty"));
    shell.expect_exit(&["put", "src", "new/folders/on the way"], 0);
    assert!(content(&storage, "new/folders/on%20the%20way/a%20b.txt").is_some());
    shell.expect_exit(&["put", "src/.", "flat"], 0);
    assert!(content(&storage, "flat/deep/big").is_some());
    shell.expect_exit(&["put", "src/a b.txt", "renamed.txt"], 0);
    assert_eq!(content(&storage, "renamed.txt").as_deref(), Some(&b"spaces"[..]));
    shell.expect_exit(&["put", "src/a b.txt", "src/deep", "into/"], 0);
    assert!(content(&storage, "into/a%20b.txt").is_some() && content(&storage, "into/deep/big").is_some());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_put_goes_on_in_the_folder_that_it_made() {
    let (server, shell, storage) = server().await;
    sources(&shell);
    for typed in ["/album", "album", "album/"] {
        shell.expect_exit(&["put", "./src", typed], 0);
        assert!(content(&storage, "album/a%20b.txt").is_some() && !is_folder(&storage, "album/src"), "{typed}");
    }
    shell.expect_exit(&["put", "src/deep", "album"], 0);
    assert!(content(&storage, "album/deep/big").is_some());
    // A folder that this command did not make: the source goes inside, as with `cp -r`.
    shell.expect_exit(&["mkdir", "other"], 0);
    for _ in 0..2 {
        shell.expect_exit(&["put", "src", "other"], 0);
        assert!(content(&storage, "other/src/a%20b.txt").is_some());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_says_that_an_equivalent_name_is_there() {
    let (server, shell, storage) = server().await;
    fs::write(shell.path("Notes"), "new").unwrap();
    storage.add_file("docs/notes", "old").unwrap();
    let ran = shell.expect_exit(&["put", "Notes", "docs"], 0);
    assert!(ran.err.contains("warning: docs/Notes: beside it is notes, whose name differs only in"), "{}", ran.err);
    assert!(content(&storage, "docs/Notes").is_some() && content(&storage, "docs/notes").is_some());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_skips_files_with_the_same_content() {
    let (server, shell, storage) = server().await;
    sources(&shell);
    shell.expect_exit(&["put", "src", "/"], 0);
    // A file with another time has the same content.
    let file = fs::File::options().append(true).open(shell.path("src/a b.txt")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    let again = shell.expect_exit(&["put", "--json", "src", "/"], 0).summary();
    assert_eq!((&again["files"], &again["skipped"], &again["bytes"]), (&0.into(), &3.into(), &0.into()));
    storage.write("src/a b.txt", "SPACES").unwrap();
    let ran = shell.expect_exit(&["put", "--json", "src", "/"], 6);
    assert!(ran.err.contains("\"exists\"") && ran.err.contains("src/a%20b.txt"), "{}", ran.err);
    assert_eq!((&ran.summary()["failed"], &ran.summary()["skipped"]), (&1.into(), &2.into()));
    assert_eq!(content(&storage, "src/a%20b.txt").as_deref(), Some(&b"SPACES"[..]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_applies_the_conflict_rule() {
    let (server, shell, storage) = server().await;
    let old = || storage.add_file("f.txt", "old").map(|_| ()).unwrap();
    let now = |name: &str| content(&storage, name).map(|bytes| String::from_utf8(bytes).unwrap());
    old();
    fs::write(shell.path("f.txt"), "new one").unwrap();
    shell.expect_exit(&["put", "f.txt", "/"], 1);
    assert_eq!(now("f.txt").as_deref(), Some("old"));
    shell.expect_exit(&["put", "--conflict", "skip", "f.txt", "/"], 0);
    shell.expect_exit(&["put", "-n", "f.txt", "/"], 0);
    assert_eq!(now("f.txt").as_deref(), Some("old"));
    shell.expect_exit(&["put", "--conflict", "keep-both", "f.txt", "/"], 0);
    assert_eq!((now("f.txt").as_deref(), now("f%20(2).txt").as_deref()), (Some("old"), Some("new one")));
    shell.expect_exit(&["put", "-f", "f.txt", "/"], 0);
    assert_eq!(now("f.txt").as_deref(), Some("new one"));
    // A file never replaces a folder.
    storage.add_folder("g").unwrap();
    fs::create_dir(shell.path("d")).unwrap();
    fs::write(shell.path("d/g"), "file").unwrap();
    shell.expect_exit(&["put", "-f", "d/.", "/"], 1);
    assert!(is_folder(&storage, "g"));
    for args in [&["put", "-f", "-n", "f.txt", "/"][..], &["put", "f.txt"], &["put", "f.txt", "d", "f.txt"]] {
        shell.expect_exit(args, 2);
    }
    shell.expect_exit(&["put", "missing", "/"], 3);
    assert!(shell.expect_exit(&["put", "missing", "f.txt", "there/"], 6).err.contains("missing"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_keeps_times_and_execute_permissions() {
    let (server, shell, storage) = server().await;
    fs::write(shell.path("run.sh"), "#!/bin/sh\n").unwrap();
    let file = fs::File::options().append(true).open(shell.path("run.sh")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    shell.expect_exit(&["put", "run.sh", "/"], 0);
    let entry = storage.stat(&path("run.sh")).unwrap();
    assert_eq!((entry.modified.seconds(), entry.executable), (1_000_000_000, cfg!(unix)));
    server.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn uploaded_names_have_the_same_bytes_and_links_are_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let (server, shell, storage) = server().await;
    fs::create_dir(shell.path("odd")).unwrap();
    let names: [&[u8]; 5] = [b"latin\xe9", b"line\nfeed", b"100%", b"-rf", b"a\\b"];
    for name in names {
        fs::write(shell.path("odd").join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    std::os::unix::fs::symlink("100%", shell.path("odd/link")).unwrap();
    std::os::unix::fs::symlink("/", shell.path("odd/out")).unwrap();
    let ran = shell.expect_exit(&["put", "--json", "odd", "/"], 0);
    assert_eq!((&ran.summary()["files"], &ran.summary()["left_out"]), (&5.into(), &2.into()));
    for name in names {
        let path = shared::VPath::from_bytes([b"odd/", name].concat()).unwrap();
        assert!(storage.stat(&path).is_ok(), "{path}");
    }
    assert!(storage.stat(&path("odd/link")).is_err());
    // A link named as SRC is followed.
    shell.expect_exit(&["put", "odd/link", "followed"], 0);
    assert_eq!(content(&storage, "followed").as_deref(), Some(&b"x"[..]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn put_uploads_standard_input() {
    let (server, shell, storage) = server().await;
    let put = |args: &[&str], bytes: &[u8]| {
        let mut child = shell.command(args).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The program may fail before it has read all input.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        child.wait().unwrap().code()
    };
    let bytes = pattern(3 << 20, 4);
    assert_eq!(put(&["put", "-", "deep/piped"], &bytes), Some(0));
    assert!(content(&storage, "deep/piped").is_some_and(|there| there == bytes));
    assert_eq!(put(&["put", "-", "none"], b""), Some(0));
    assert_eq!(content(&storage, "none").as_deref(), Some(&b""[..]));
    assert_eq!(put(&["put", "-", "deep/piped"], b"other"), Some(1));
    assert_eq!(put(&["put", "-f", "-", "deep/piped"], b"other"), Some(0));
    assert_eq!(content(&storage, "deep/piped").as_deref(), Some(&b"other"[..]));
    assert_eq!(put(&["put", "-", "deep"], b"x"), Some(2));
    assert_eq!(put(&["put", "-", "none", "deep"], b"x"), Some(2));
    server.stop().await;
}

/// Bytes that wait in the pipe between this test and the program.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_resumes_after_ctrl_c() {
    for signal in ["-INT", "-KILL"] {
        let (server, shell, storage) = server().await;
        // Large enough that it does not end before the signal.
        let big = pattern(BIG, 5);
        let file = fs::File::create(shell.path("big")).unwrap();
        for _ in 0..20 {
            (&file).write_all(&big).unwrap();
        }
        drop(file);
        let mut running = shell.start(&["put", "big", "/"]);
        let notes = shell.path("state/passerelle/uploads");
        let caller = crate::test_server::writer();
        let runtime = tokio::runtime::Handle::current();
        // A part of it must be durable, but not all.
        let client = server.client.clone();
        tokio::task::block_in_place(|| {
            wait_until("some bytes on the server", || {
                let uploads = runtime.block_on(client.uploads(&caller)).unwrap();
                uploads.into_iter().find(|upload| upload.offset > 0)
            });
        });
        let pid = running.0.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let code = running.0.wait().unwrap().code();
        assert_eq!(code, if signal == "-INT" { Some(130) } else { None });
        assert!(content(&storage, "big").is_none());
        assert_eq!(fs::read_dir(&notes).unwrap().count(), 1);
        let again = shell.expect_exit(&["put", "--json", "big", "/"], 0);
        assert_eq!(again.json()[0]["file"]["status"], "resumed");
        assert!(again.summary()["bytes"].as_u64() < Some(20 * BIG as u64), "{}", again.out);
        assert!(content(&storage, "big").is_some_and(|there| there.chunks(BIG).all(|chunk| chunk == big)));
        assert_eq!(fs::read_dir(&notes).unwrap().count(), 0);
        server.stop().await;
    }
}

/// The file server restarts on the same port during an upload. Durable bytes are not sent again.
#[tokio::test(flavor = "multi_thread")]
async fn put_resumes_when_the_server_is_back() {
    let storage = MemoryStorage::new();
    let config = ServerConfig { drain_time: Duration::from_millis(1), ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(storage.clone()), config.clone()).await;
    let (tcp, key) = (server.tcp, server.key.clone());
    let shell = Shell::at(&server);
    let big = pattern(BIG, 6);
    let file = fs::File::create(shell.path("big")).unwrap();
    for _ in 0..20 {
        (&file).write_all(&big).unwrap();
    }
    drop(file);
    let mut command = shell.command(&["put", "--retries", "30", "big", "/"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = ChildProcess(command.spawn().unwrap());
    server.shutdown.cancel();
    let stderr = BufReader::new(running.0.stderr.take().unwrap());
    let notice = stderr.lines().next().unwrap().unwrap();
    let lost = ["trying again", "cannot be reached", "the connection failed", "the server ended the connection"];
    assert!(lost.iter().any(|words| notice.contains(words)), "{notice}");
    server.task.await.unwrap();
    let listener = TcpListener::bind(tcp).await.unwrap();
    let _server = TestServer::on_listener(listener, key, Arc::new(storage.clone()), config).await;
    let code = running.0.wait().unwrap().code();
    // An upload that had not begun does not wait.
    if code == Some(5) {
        shell.expect_exit(&["put", "big", "/"], 0);
    } else {
        assert_eq!(code, Some(0));
    }
    assert!(content(&storage, "big").is_some_and(|there| there.chunks(BIG).all(|chunk| chunk == big)));
}
