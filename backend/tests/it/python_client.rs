//! `docs/client/passerelle_client.py`, a client written from `docs/PROTOCOL.md` only, against the server.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};

use backend::storage::local::LocalStorage;
use backend::storage::memory::MemoryStorage;
use tempfile::TempDir;

use super::test_server::TestServer;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/client/passerelle_client.py");

/// The client with its key file, and a folder for downloads.
struct Python {
    address: SocketAddr,
    folder: TempDir,
}

/// The output of the client, and whether it succeeded.
#[derive(Debug, PartialEq)]
struct Finished {
    well: bool,
    lines: Vec<String>,
    complaints: Vec<String>,
}

impl Python {
    fn of(server: &TestServer) -> Self {
        Self::with(server.tcp, &server.key.to_string())
    }

    fn with(address: SocketAddr, key: &str) -> Self {
        let python = Self { address, folder: tempfile::tempdir().unwrap() };
        std::fs::write(python.at("key"), key).unwrap();
        python
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn got(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// All names in a folder, downloads and leftovers.
    fn names_in(&self, folder: &str) -> Vec<String> {
        let found = std::fs::read_dir(self.at(folder)).unwrap();
        let mut names: Vec<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn run<A: Into<OsString>>(&self, command: &str, arguments: impl IntoIterator<Item = A>) -> Finished {
        let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let mut child = Command::new(&python);
        // Isolated from the user's settings and packages.
        child.args(["-I", CLIENT, command, &self.address.to_string()]).arg(self.at("key"));
        child.args(arguments.into_iter().map(Into::into)).current_dir(self.folder.path());
        let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap();
        let Output { status, stdout, stderr } = output.unwrap_or_else(|error| {
            panic!("{} ({error}): install Python 3.9 or newer, or name it in PYTHON", python.display())
        });
        let lines = |bytes| String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
        Finished { well: status.success(), lines: lines(stdout), complaints: lines(stderr) }
    }

    /// The lines that it printed. It must have succeeded.
    async fn lines<A: Into<OsString>>(&self, command: &str, arguments: impl IntoIterator<Item = A>) -> Vec<String> {
        let said = self.run(command, arguments).await;
        assert!(said.well && said.complaints.is_empty(), "{said:?}");
        said.lines
    }

    /// The error message with which it failed.
    async fn error<A: Into<OsString>>(&self, command: &str, arguments: impl IntoIterator<Item = A>) -> String {
        let mut said = self.run(command, arguments).await;
        assert!(!said.well && said.lines.is_empty() && said.complaints.len() == 1, "{said:?}");
        said.complaints.remove(0)
    }
}

#[tokio::test]
async fn python_client_lists_and_describes() {
    let server = TestServer::start().await;
    let python = Python::of(&server);
    assert_eq!(python.lines("ls", [""]).await, ["docs", "empty", "hello.txt"]);
    let docs = ["docs/deep", "docs/nothing", "docs/a%20b.txt", "docs/latin%E9.txt"];
    assert_eq!(python.lines("ls", ["docs"]).await, docs);
    assert_eq!(python.lines("ls", ["docs", "--limit", "1"]).await, docs);
    assert!(python.lines("ls", ["docs/nothing"]).await.is_empty());
    let objects = python.lines("ls", ["docs", "--json"]).await;
    assert_eq!(objects.len(), 4);
    assert!(
        objects[0].starts_with(r#"{"path": "docs/deep", "kind": "folder", "size": 0, "modified": "#),
        "{objects:?}"
    );
    for path in ["docs/latin%E9.txt", "docs/latin%e9.txt"] {
        let [object] = &python.lines("stat", [path]).await[..] else { panic!("one object") };
        assert!(object.starts_with(r#"{"path": "docs/latin%E9.txt", "kind": "file", "size": 5, "#), "{object}");
        assert!(object.contains(r#""executable": false, "link": null, "etag": ""#), "{object}");
    }
    assert!(python.lines("stat", [""]).await[0].starts_with(r#"{"path": "", "kind": "folder""#));
    assert!(python.error("stat", ["gone"]).await.starts_with("not_found: "));
    assert!(python.error("ls", ["hello.txt"]).await.starts_with("not_folder: "));
    assert!(python.error("ls", ["docs", "--limit", "1000001"]).await.starts_with("bad_request: "));
    assert_eq!(python.lines("ping", [""; 0]).await, ["pong"]);
}

#[tokio::test]
async fn python_client_lists_a_folder_of_many_pages() {
    let storage = MemoryStorage::new();
    for number in 0..2_500 {
        storage.add_file(format!("file {number}"), "x").unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let python = Python::of(&server);
    let whole: Vec<_> = (0..2_500).map(|number| format!("file%20{number}")).collect();
    // Many requests of one page, three requests, and one request with many blocks.
    for limit in ["60", "1000", "10000"] {
        assert_eq!(python.lines("ls", ["", "--limit", limit]).await, whole, "{limit}");
    }
    // More files than one request has.
    let wanted = whole[..40].iter().cloned().chain(["files".into()]);
    assert!(python.lines("get", wanted).await.is_empty());
    assert_eq!(python.names_in("files").len(), 40);
    assert_eq!(python.got("files/file%2039"), b"x");
}

#[tokio::test]
async fn python_client_walks() {
    let server = TestServer::start().await;
    let python = Python::of(&server);
    let docs = [
        "docs",
        "docs/a%20b.txt",
        "docs/deep",
        "docs/deep/er",
        "docs/deep/er/file.bin",
        "docs/latin%E9.txt",
        "docs/nothing",
    ];
    let expected: Vec<_> = ["hello.txt"].into_iter().chain(docs).collect();
    assert_eq!(python.lines("walk", ["hello.txt", "docs"]).await, expected);
    let expected: Vec<_> = [""].into_iter().chain(docs).chain(["empty", "hello.txt"]).collect();
    assert_eq!(python.lines("walk", [""]).await, expected);
    assert_eq!(python.lines("walk", ["", "--json"]).await.len(), 10);
    assert!(python.error("walk", ["gone"]).await.starts_with("not_found: "));
}

#[tokio::test]
async fn python_client_downloads_equal_bytes() {
    let server = TestServer::start().await;
    let python = Python::of(&server);
    python.lines("get", ["docs/deep/er/file.bin", "bin"]).await;
    assert!(python.got("bin") == vec![7; 300_000]);
    python.lines("get", ["empty", "nothing"]).await;
    assert!(python.got("nothing").is_empty());
    for (range, bytes) in [("7-11", "world"), ("7-", "world\n"), ("-6", "world\n"), ("12-999", "\n")] {
        python.lines("get", ["hello.txt", "piece", &format!("--range={range}")]).await;
        assert_eq!(python.got("piece"), bytes.as_bytes(), "{range}");
    }
    let refused = python.error("get", ["hello.txt", "none", "--range=13-"]).await;
    assert!(refused.starts_with("hello.txt: range_not_satisfiable: "), "{refused}");
    assert_eq!(python.names_in(""), ["bin", "key", "nothing", "piece"]);
}

#[tokio::test]
async fn python_client_downloads_from_a_disk() {
    let disk = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..5_000_003u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(disk.path().join("big"), &content).unwrap();
    let server = TestServer::with_storage(LocalStorage::open(disk.path(), None).unwrap().into()).await;
    let python = Python::of(&server);
    python.lines("get", ["big", "big"]).await;
    assert!(python.got("big") == content);
    python.lines("get", ["big", "big", "--range=65535-3000000"]).await;
    assert!(python.got("big") == content[65_535..=3_000_000]);
}

#[tokio::test]
async fn python_client_reports_a_missing_file_and_downloads_the_others() {
    let server = TestServer::start().await;
    let python = Python::of(&server);
    let wanted = ["hello.txt", "gone", "docs", "docs/a%20b.txt", "docs/latin%E9.txt", "empty", "all"];
    let said = python.run("get", wanted).await;
    assert!(!said.well && said.lines.is_empty(), "{said:?}");
    let [gone, docs] = &said.complaints[..] else { panic!("{said:?}") };
    assert!(gone.starts_with("gone: not_found: ") && docs.starts_with("docs: is_folder: "), "{said:?}");
    assert_eq!(python.names_in("all"), ["a%20b.txt", "empty", "hello.txt", "latin%E9.txt"]);
    assert_eq!(python.got("all/hello.txt"), b"hello, world\n");
    assert_eq!(python.got("all/latin%E9.txt"), b"latin");
}

#[tokio::test]
async fn python_client_uploads_files() {
    let server = TestServer::start().await;
    let python = Python::of(&server);
    // Several frames, a part of one, and none.
    for (name, length) in [("big", 700_001), ("small", 5), ("nothing", 0)] {
        let bytes: Vec<u8> = (0..length).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        std::fs::write(python.at(name), &bytes).unwrap();
        let target = format!("new/a%20folder/{name}");
        assert_eq!(python.lines("put", [name, &target]).await, [target.as_str()]);
        python.lines("get", [&target, "again"]).await;
        assert!(python.got("again") == bytes, "{name}");
    }
    let refused = python.error("put", ["small", "hello.txt"]).await;
    assert!(refused.starts_with("already_exists: "), "{refused}");
    assert_eq!(python.lines("put", ["small", "hello.txt", "--replace"]).await, ["hello.txt"]);
    let refused = python.error("put", ["small", "docs"]).await;
    assert!(refused.starts_with("is_folder: ") || refused.starts_with("already_exists: "), "{refused}");
}

#[tokio::test]
async fn python_client_makes_moves_and_trashes() {
    let server = TestServer::start().await;
    let python = Python::of(&server);
    assert_eq!(python.lines("mkdir", ["a/b", "c"]).await, ["a/b", "c"]);
    assert!(python.error("mkdir", ["c"]).await.starts_with("c: already_exists: "));
    assert_eq!(python.lines("mv", ["hello.txt", "a/b/hi.txt"]).await, ["a/b/hi.txt"]);
    assert!(python.error("mv", ["hello.txt", "x"]).await.starts_with("hello.txt: not_found: "));
    assert!(python.error("mv", ["a", "a/b/c"]).await.starts_with("a: into_itself: "));
    let ids = python.lines("rm", ["docs", "empty"]).await;
    assert!(ids.len() == 2 && ids.iter().all(|id| id.len() == 32), "{ids:?}");
    assert_eq!(python.lines("walk", [""]).await, ["", "a", "a/b", "a/b/hi.txt", "c"]);
}

#[cfg(unix)]
#[tokio::test]
async fn python_client_keeps_names_that_are_not_utf_8() {
    use std::os::unix::ffi::OsStringExt;
    let server = TestServer::start().await;
    let path = OsString::from_vec(b"docs/latin\xe9.txt".to_vec());
    assert!(Python::of(&server).lines("stat", [path]).await[0].contains("latin%E9.txt"));
}

#[tokio::test]
async fn python_client_is_refused_without_the_right_key() {
    let server = TestServer::start().await;
    let key = server.key.to_string();
    let (rest, digits) = key.rsplit_once(' ').unwrap();
    let (label, _) = rest.split_once(' ').unwrap();
    let wrong = digits.replace(|digit| digit != '5', "5");
    for wrong in [format!("{rest} {wrong}"), format!("{label} other {digits}")] {
        let refused = Python::with(server.tcp, &wrong).error("ls", [""]).await;
        assert!(refused.starts_with("bad_proof: "), "{refused}");
    }
    let refused = Python::with(server.tcp, "no key").error("ping", [""; 0]).await;
    assert!(refused.ends_with("holds no key"), "{refused}");
    // White space between the words, and capital digits, do not change the key.
    let same = format!("{}\t {}\r\n", rest.replace(' ', "  "), digits.to_uppercase());
    assert_eq!(Python::with(server.tcp, &same).lines("ping", [""; 0]).await, ["pong"]);
}

/// A server without the key: it sends the given answers, each after a frame of the client, and returns what the client
/// sends after the last.
fn impostor(answers: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize]).unwrap();
            stream.write_all(&answer).unwrap();
        }
        let mut rest = Vec::new();
        // The client may disconnect during the answer.
        stream.shutdown(std::net::Shutdown::Write).ok();
        stream.read_to_end(&mut rest).ok();
        rest
    });
    (address, thread)
}

#[tokio::test]
async fn python_client_rejects_a_server_without_the_key() {
    let key = format!("passerelle-key-1 example {}", "07".repeat(32));
    let frame = |kind: u8, head: &[u8], bytes: [u8; 32], tail: &[u8]| {
        let body = [head, &bytes, tail].concat();
        [&(8 + body.len() as u32).to_be_bytes(), &[kind, 0, 0, 0, 0, 0, 0, 0][..], &body].concat()
    };
    let hello_ack = frame(0x02, b"\xa3\x00\x01\x01\x80\x02\x58\x20", [1; 32], b"");
    let auth_ok = frame(0x04, b"\xa4\x00\x58\x20", [2; 32], b"\x01\x19\x10\x00\x02\x19\x10\x00\x03\x03");
    let header = |length: u32| [&length.to_be_bytes()[..], &[0x02, 0, 0, 0, 0, 0, 0, 0]].concat();
    let cases = [
        ("bad_proof: ", vec![hello_ack.clone(), auth_ok]),
        ("disconnected: ", vec![hello_ack[..20].to_vec()]),
        ("protocol: ", vec![header(4097)]),
        ("protocol: ", vec![header(u32::MAX)]),
        ("protocol: ", vec![header(7)]),
    ];
    for (complaint, answers) in cases {
        let (address, server) = impostor(answers);
        let said = Python::with(address, &key).error("ls", [""]).await;
        assert!(said.starts_with(complaint), "{said} is not {complaint}");
        assert!(server.join().unwrap().is_empty(), "{complaint}");
    }
}
