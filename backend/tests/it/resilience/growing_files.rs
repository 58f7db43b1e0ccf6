//! Files that grow during a transfer, such as logs: every way to read them whole ends with the announced bytes.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use backend::client::Item;
use backend::gateway::{Anonymous, GatewayConfig};
use backend::storage::local::LocalStorage;
use shared::change::PathPair;
use shared::{Change, Conflict, ErrorCode};

use super::fixtures::item;
use crate::changes::change;
use crate::cli::shell::Shell;
use crate::test_gateway::TestGateway;
use crate::test_server::{TestServer, Transport, path, reader};

const LENGTH: usize = 3 << 20;

/// The byte of a log at that position.
fn byte(index: usize) -> u8 {
    (index / 251) as u8
}

fn is_start_of_a_log(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(index, found)| *found == byte(index))
}

/// Files to which a thread appends until it is dropped.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start(files: Vec<PathBuf>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let open = |path: &PathBuf| File::options().append(true).open(path).unwrap();
            let mut files: Vec<_> = files.iter().map(|path| (open(path), fs::metadata(path).unwrap().len())).collect();
            while !stopped.load(Ordering::Relaxed) {
                for (file, length) in &mut files {
                    let line: Vec<_> = (0..100).map(|index| byte(*length as usize + index)).collect();
                    file.write_all(&line).unwrap();
                    *length += 100;
                }
                std::thread::yield_now();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A log of three megabytes and a short one.
fn logs(folder: &Path) -> Vec<PathBuf> {
    [("log", LENGTH), ("short", 3000)]
        .map(|(name, length)| {
            let file = folder.join(name);
            fs::write(&file, (0..length).map(byte).collect::<Vec<_>>()).unwrap();
            file
        })
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_arrives_as_long_as_it_was_announced() {
    for transport in Transport::ALL {
        let folder = tempfile::tempdir().unwrap();
        let files = logs(folder.path());
        let storage = LocalStorage::open(folder.path(), None).unwrap().into();
        let server = TestServer::with_storage(storage).await.via(*transport);
        let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
        let gateway = TestGateway::in_front_of(server, config).await;
        let writer = Writer::start(files);
        for target in ["/files/log", "/files/short"] {
            let response = gateway.get(target).await;
            assert!(response.status == 200 && response.complete, "{target} {:?}", response.headers);
            assert_eq!(response.header("content-length"), Some(response.body.len().to_string().as_str()));
            assert!(is_start_of_a_log(&response.body), "{target}");
            let part = gateway.get_with(target, &[("range", "bytes=0-2999")]).await;
            assert!(part.status == 206 && part.complete && is_start_of_a_log(&part.body), "{target}");
        }
        let archive = gateway.get("/api/v1/archive?path=").await;
        assert!(archive.status == 200 && archive.complete);
        let mut archive = zip::ZipArchive::new(Cursor::new(&archive.body)).unwrap();
        for name in ["log", "short"] {
            let mut content = Vec::new();
            archive.by_name(name).unwrap().read_to_end(&mut content).unwrap();
            assert!(is_start_of_a_log(&content), "{name}");
        }
        drop(writer);
        gateway.assert_healthy_and_stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_copied_downloaded_and_uploaded_while_they_grow() {
    let folder = tempfile::tempdir().unwrap();
    let files = logs(folder.path());
    let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
    let shell = Shell::at(&server);
    let writer = Writer::start(files);
    let pair = |from: &str, to: &str| PathPair { from: path(from), to: path(to), if_etag: None };
    let items = vec![pair("log", "copy"), pair("short", "short copy")];
    let job = change(&server.client, 1, Change::Copy { items, conflict: Conflict::Fail }).await;
    assert_eq!(job.outcomes.iter().filter(|outcome| matches!(outcome, shared::Outcome::Done { .. })).count(), 2);
    shell.expect_exit(&["get", "/log", "/short", "."], 0);
    drop(writer);
    let local: Vec<_> = ["log", "short"].map(|name| shell.path(name)).into();
    for file in local.iter().cloned().chain(["copy", "short copy"].map(|name| folder.path().join(name))) {
        let content = fs::read(&file).unwrap();
        assert!(content.len() >= 3000 && is_start_of_a_log(&content), "{file:?}");
    }
    let writer = Writer::start(local);
    shell.expect_exit(&["put", "log", "short", "/up/"], 0);
    drop(writer);
    for name in ["up/log", "up/short"] {
        assert!(is_start_of_a_log(&fs::read(folder.path().join(name)).unwrap()), "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_changes_otherwise_is_cut() {
    let old: Vec<_> = (0..LENGTH).map(byte).collect();
    let mut other_end = [&old[..], b"more"].concat();
    other_end[LENGTH - 1] ^= 1;
    let mut same_length = old.clone();
    same_length[0] ^= 1;
    for new in [other_end, same_length] {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("file");
        fs::write(&name, &old).unwrap();
        let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
        let mut transfer = server.client.get(&reader(), vec![item("file")]).await.unwrap();
        assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
        assert!(transfer.piece().await.unwrap().is_some());
        File::options().write(true).open(&name).unwrap().write_all(&new).unwrap();
        let error = loop {
            match transfer.piece().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("complete"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.code, ErrorCode::Changed);
        server.stop().await;
    }
}
