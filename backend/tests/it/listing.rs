//! Large folders: read once for concurrent requests, never older than a request, sent while they are being read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use backend::client::{Client, Listing};
use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;
use backend::storage::{FolderState, OpenFile, Storage, StorageError, Visit, WatchEvent, WatchHandle};
use futures_util::future::join_all;
use shared::api::files::Folder;
use shared::columns::{Columns, MEDIA_TYPE, Row, block_bytes};
use shared::limits::LIST_PAGE_MAX;
use shared::{Direction, ETag, Entry, ErrorCode, Order, SortKey, Timestamp, VPath};

use super::test_gateway::TestGateway;
use super::test_server::{TestServer, path, reader};

type WatchCallback = Arc<dyn Fn(WatchEvent) + Send + Sync>;

/// Counts how often a folder is read and looked up, and reports the folder's state that the test sets.
struct CountingStorage {
    inner: MemoryStorage,
    /// 0 for a storage without folder states.
    state: AtomicU64,
    /// The reported time of the folder's last change.
    modified: Mutex<Timestamp>,
    reads: AtomicUsize,
    /// `None` if the storage cannot watch.
    watchers: Option<Mutex<Vec<WatchCallback>>>,
}

struct NoOpWatchHandle;

impl WatchHandle for NoOpWatchHandle {}

impl CountingStorage {
    fn with_states(inner: MemoryStorage) -> Arc<Self> {
        Self::new(inner, 1, Some(Mutex::default()))
    }

    fn new(inner: MemoryStorage, state: u64, watchers: Option<Mutex<Vec<WatchCallback>>>) -> Arc<Self> {
        let (state, modified, reads) = (AtomicU64::new(state), Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { inner, state, modified, reads, watchers })
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Reports a change to the watchers.
    fn notify(&self) {
        let watchers = self.watchers.as_ref().unwrap().lock().unwrap();
        watchers.iter().for_each(|notify| notify(WatchEvent::Name(b"something".as_slice().into())));
    }

    fn state(&self) -> Option<FolderState> {
        let state = self.state.load(Ordering::SeqCst);
        let modified = *self.modified.lock().unwrap();
        (state > 0).then(|| FolderState { etag: ETag(u128::from(state).to_be_bytes()), modified })
    }
}

impl Storage for CountingStorage {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.inner.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.inner.list(path, visit)
    }

    fn list_names(
        &self,
        folder: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let state = self.state();
        self.inner.list_names(folder, visit)?;
        Ok(state)
    }

    fn stat_names<'n>(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        let state = self.state();
        self.inner.stat_names(folder, names, visit)?;
        Ok(state)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.inner.open(path)
    }

    fn watch(
        &self,
        _: &VPath,
        notice: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        match &self.watchers {
            Some(watchers) => {
                watchers.lock().unwrap().push(Arc::from(notice));
                Ok(Box::new(NoOpWatchHandle))
            }
            None => Err(StorageError::new(ErrorCode::Unsupported, "no watching")),
        }
    }

    backend::read_only_methods!();
}

fn storage_with_files(count: usize) -> MemoryStorage {
    let storage = MemoryStorage::new();
    for number in 0..count {
        storage.add_file(format!("file {number}"), "x").unwrap();
    }
    storage
}

async fn first_page(client: &Client, order: Order, limit: u32) -> Listing {
    client.list(&reader(), &VPath::root(), order, None, limit).await.unwrap()
}

fn names(listing: &Listing) -> Vec<String> {
    listing.entries.iter().map(|entry| entry.display_name().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_share_one_reading_of_a_folder() {
    let storage = CountingStorage::with_states(storage_with_files(5_000));
    let server = TestServer::with_storage(Arc::clone(&storage) as _).await;
    let pages = join_all((0..50).map(|_| first_page(&server.client, Order::default(), 100))).await;
    for page in &pages {
        assert_eq!((page.entries.len(), page.total), (100, 5_000));
        assert_eq!(page.entries, pages[0].entries);
    }
    first_page(&server.client, Order::default(), 5_000).await;
    assert_eq!(storage.reads(), 1);
    // Each order has a snapshot of its own.
    let order = Order { key: SortKey::Name, direction: Direction::Descending };
    assert_eq!(names(&first_page(&server.client, order, 2).await), ["file 4999", "file 4998"]);
    assert_eq!(storage.reads(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_first_page_is_never_older_than_the_last_change() {
    let storage = CountingStorage::with_states(storage_with_files(3_000));
    let server = TestServer::with_storage(Arc::clone(&storage) as _).await;
    let order = Order::default();
    let before = first_page(&server.client, order, 10).await;
    // The metadata of a row is read again, although its name comes from the snapshot.
    storage.inner.write("file 3", "longer").unwrap();
    let after = first_page(&server.client, order, 10).await;
    assert_eq!((before.entries[3].size, after.entries[3].size, storage.reads()), (1, 6, 1));
    assert_ne!(before.etag, after.etag);
    // The folder has another state: by its time stamps, then by a reported change.
    storage.inner.add_file("file 2b", "").unwrap();
    storage.state.store(2, Ordering::SeqCst);
    assert_eq!(first_page(&server.client, order, 10).await.entries[3].display_name(), "file 2b");
    assert_eq!(storage.reads(), 2);
    storage.inner.remove("file 1").unwrap();
    storage.notify();
    assert_eq!(names(&first_page(&server.client, order, 3).await), ["file 0", "file 2", "file 2b"]);
    assert_eq!(storage.reads(), 3);
    // A row whose kind changed moves, although the folder reports no other state.
    storage.inner.remove("file 0").unwrap();
    storage.inner.add_folder("file 0").unwrap();
    assert_eq!(names(&first_page(&server.client, order, 2).await), ["file 0", "file 2"]);
    storage.inner.remove("file 2").unwrap();
    storage.inner.add_folder("file 2").unwrap();
    storage.inner.remove("file 0").unwrap();
    storage.inner.add_file("file 0", "").unwrap();
    assert_eq!(names(&first_page(&server.client, order, 3).await), ["file 2", "file 0", "file 2b"]);
    server.stop().await;
}

#[tokio::test]
async fn an_untrusted_snapshot_is_read_again() {
    let without_watch = CountingStorage::new(storage_with_files(2_000), 1, None);
    let without_states = CountingStorage::new(storage_with_files(2_000), 0, Some(Mutex::default()));
    let modified_in_future = CountingStorage::with_states(storage_with_files(2_000));
    let future = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    let future = future.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
    *modified_in_future.modified.lock().unwrap() = Timestamp(future);
    for storage in [without_watch, without_states, modified_in_future] {
        let server = TestServer::with_storage(Arc::clone(&storage) as _).await;
        let page = first_page(&server.client, Order::default(), 500).await;
        first_page(&server.client, Order::default(), 500).await;
        assert_eq!(storage.reads(), 2);
        // Further pages still join the first one.
        let cursor = page.next_cursor.as_deref();
        let next = server.client.list(&reader(), &VPath::root(), Order::default(), cursor, 500).await.unwrap();
        assert_eq!((next.entries[0].display_name().as_ref(), storage.reads()), ("file 500", 2));
        server.stop().await;
    }
}

#[tokio::test]
async fn pages_join_without_gaps_in_every_order() {
    let storage = storage_with_files(2_500);
    for number in 0..2_500 {
        let at = format!("file {number}");
        storage.write(&at, vec![0; number * 7 % 11]).unwrap();
        storage.set_modified(&at, Timestamp::from_milliseconds(1_000_000 + (number * 13 % 17) as i64)).unwrap();
    }
    for bytes in [0, usize::MAX] {
        let config = ServerConfig { snapshot_bytes_max: bytes, ..ServerConfig::default() };
        let server = TestServer::with_config(Arc::new(storage.clone()), config).await;
        for key in [SortKey::Name, SortKey::Size, SortKey::Modified] {
            for direction in [Direction::Ascending, Direction::Descending] {
                let order = Order { key, direction };
                let whole = first_page(&server.client, order, 10_000).await;
                let (mut found, mut cursor) = (Vec::new(), None::<String>);
                loop {
                    let root = VPath::root();
                    let page = server.client.list(&reader(), &root, order, cursor.as_deref(), 700).await.unwrap();
                    found.extend(page.entries);
                    cursor = page.next_cursor;
                    if cursor.is_none() {
                        break;
                    }
                }
                assert!(found == whole.entries, "{order:?}");
                let places: Vec<_> = found.iter().map(shared::order::Position::of).collect();
                assert!(places.is_sorted_by(|left, right| left.compare(right, order).is_lt()), "{order:?}");
            }
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_folder_with_too_many_entries_is_refused() {
    let config = ServerConfig { folder_entries_max: 100, ..ServerConfig::default() };
    let storage = storage_with_files(100);
    let server = TestServer::with_config(Arc::new(storage.clone()), config).await;
    assert_eq!(first_page(&server.client, Order::default(), 10).await.total, 100);
    storage.add_file("one more", "").unwrap();
    let refused = server.client.list(&reader(), &VPath::root(), Order::default(), None, 10).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::TooLarge);
    server.stop().await;
}

/// The rows of a complete answer in columns.
fn rows(body: &[u8], folder: &VPath) -> Vec<Entry> {
    let (mut rest, mut entries, mut last) = (body, Vec::new(), false);
    while !rest.is_empty() {
        assert!(!last, "a block after the last");
        let (block, later) = rest.split_at(block_bytes(rest).unwrap().unwrap());
        let columns = Columns::parse(block).unwrap();
        entries.extend(columns.rows().map(|row| row.entry(folder).unwrap()));
        (rest, last) = (later, columns.is_last());
    }
    assert!(last, "the last block is missing");
    entries
}

#[tokio::test]
async fn columns_and_json_agree() {
    let storage = super::test_server::small_tree();
    storage.add_link("docs/link", "deep/er").unwrap();
    storage.add_link("docs/out", "/etc").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let columns = gateway.get_with("/api/v1/list/docs", &[("accept", MEDIA_TYPE)]).await;
    let json = gateway.get("/api/v1/list/docs").await;
    assert_eq!(columns.header("content-type"), Some(MEDIA_TYPE));
    assert_eq!((columns.header("vary"), json.header("vary")), (Some("Accept"), Some("Accept")));
    let through_json = |entries: Vec<Entry>| serde_json::to_value(entries).unwrap();
    let folder: Folder = json.json();
    assert_eq!(through_json(rows(&columns.body, &path("docs"))), through_json(folder.entries));
    // Other bytes have another validator.
    let (one, other) = (columns.header("etag").unwrap(), json.header("etag").unwrap());
    assert_ne!(one, other);
    let asked = |etag: &'static str| [("accept", MEDIA_TYPE), ("if-none-match", etag)];
    let (one, other) = (one.to_owned().leak(), other.to_owned().leak());
    assert_eq!(gateway.get_with("/api/v1/list/docs", &asked(one)).await.status, 304);
    assert_eq!(gateway.get_with("/api/v1/list/docs", &asked(other)).await.status, 200);
    gateway.get_with("/api/v1/list/docs", &[("accept", "image/png")]).await.assert_problem(406, "not_acceptable");
    gateway.get_with("/api/v1/list/none", &[("accept", MEDIA_TYPE)]).await.assert_problem(404, "not_found");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_long_listing_arrives_completely_in_one_answer() {
    let count = LIST_PAGE_MAX as usize + 4_000;
    let gateway = TestGateway::with_storage(Arc::new(storage_with_files(count))).await;
    let target = format!("/api/v1/list/?limit={}", shared::limits::LIST_LIMIT_MAX);
    let json = gateway.get(&target).await;
    assert!(json.complete && json.header("etag").is_none());
    let folder: Folder = json.json();
    assert_eq!(
        (folder.entries.len(), folder.total, folder.next_cursor, folder.etag),
        (count, count as u64, None, None)
    );
    let columns = gateway.get_with(&target, &[("accept", MEDIA_TYPE)]).await;
    assert!(columns.complete);
    let rows = rows(&columns.body, &VPath::root());
    assert!(rows.iter().map(|row| &row.path).eq(folder.entries.iter().map(|entry| &entry.path)));
    // In pages, and as one page to the end.
    let cursor = gateway.get("/api/v1/list/?limit=500").await.json::<Folder>().next_cursor.unwrap();
    let rest = format!("{target}&cursor={}", shared::path::encode_segment(cursor.as_bytes()));
    let rest: Folder = gateway.get(&rest).await.json();
    assert_eq!(rest.entries.len(), count - 500);
    let index = gateway.get("/files/?index").await;
    let linked: BTreeSet<_> = index.text().lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(index.complete && linked.len() >= count, "{}", linked.len());
    gateway.assert_healthy_and_stop().await;
}
