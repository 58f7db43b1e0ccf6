//! The framed protocol through the typed client.

use std::sync::Arc;

use backend::client::{Client, ClientError, GetItem, Item, PoolConfig, Target};
use backend::server::ServerConfig;
use backend::storage::local::LocalStorage;
use backend::storage::memory::MemoryStorage;
use backend::transfer_budget::PIECE_BYTES_MIN;
use shared::wire::Skipped;
use shared::{ByteRange, ErrorCode, Order, Rights, Scope, Timestamp, VPath};

use super::reading::read_item;
use super::test_server::{TestServer, path, reader};

fn item(text: &str, range: Option<ByteRange>) -> GetItem {
    GetItem { path: path(text), range, if_etag: None, if_prefix: None }
}

async fn get_file(client: &Client, text: &str, range: Option<ByteRange>) -> Result<Vec<u8>, ClientError> {
    let mut transfer = client.get(&reader(), vec![item(text, range)]).await?;
    match transfer.next_item().await? {
        Some(Item::Sending(_)) => {
            let bytes = read_item(&mut transfer).await?;
            assert_eq!(transfer.next_item().await?, None);
            Ok(bytes)
        }
        Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => Err(failure.into()),
        None => panic!("no item"),
    }
}

async fn names(client: &Client, folder: &str, limit: u32) -> Vec<String> {
    let (mut names, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = client.list(&reader(), &path(folder), Order::default(), cursor.as_deref(), limit).await.unwrap();
        assert!(page.entries.len() <= limit as usize);
        names.extend(page.entries.iter().map(|entry| entry.path.encoded()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return names;
        }
    }
}

#[tokio::test]
async fn list_has_folders_first() {
    let server = TestServer::start().await;
    assert_eq!(names(&server.client, "", 100).await, ["docs", "empty", "hello.txt"]);
    let expected = ["docs/deep", "docs/nothing", "docs/a%20b.txt", "docs/latin%E9.txt"];
    assert_eq!(names(&server.client, "docs", 100).await, expected);
    assert_eq!(names(&server.client, "docs", 1).await, expected);
    assert!(names(&server.client, "docs/nothing", 100).await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn pages_join_without_gaps_with_and_without_a_snapshot() {
    let storage = MemoryStorage::new();
    for number in 0..2_500 {
        storage.add_file(format!("file {number}"), "x").unwrap();
    }
    let storage = Arc::new(storage);
    let whole: Vec<_> = (0..2_500).map(|number| format!("file%20{number}")).collect();
    let kept = TestServer::with_storage(storage.clone()).await;
    assert_eq!(names(&kept.client, "", 7).await, whole);
    let forgotten = ServerConfig { snapshot_bytes_max: 0, ..ServerConfig::default() };
    let server = TestServer::with_config(storage, forgotten).await;
    assert_eq!(names(&server.client, "", 300).await, whole);
    // A cursor of another server is treated like one whose snapshot is gone.
    let page = kept.client.list(&reader(), &path(""), Order::default(), None, 1_000).await.unwrap();
    let cursor = page.next_cursor.unwrap();
    let next = server.client.list(&reader(), &path(""), Order::default(), Some(&cursor), 1_000).await.unwrap();
    assert_eq!(next.entries[0].path.encoded(), "file%201000");
}

#[tokio::test]
async fn a_change_between_pages_neither_skips_nor_repeats_unchanged_entries() {
    let storage = Arc::new(MemoryStorage::new());
    for number in 0..100 {
        storage.add_file(format!("f{number}"), "x").unwrap();
    }
    let forgotten = ServerConfig { snapshot_bytes_max: 0, ..ServerConfig::default() };
    let server = TestServer::with_config(storage.clone(), forgotten).await;
    let list = async |cursor: Option<String>| {
        server.client.list(&reader(), &path(""), Order::default(), cursor.as_deref(), 50).await.unwrap()
    };
    let first = list(None).await;
    storage.remove("f10").unwrap();
    storage.remove("f49").unwrap();
    storage.add_file("f10b", "new").unwrap();
    let second = list(first.next_cursor).await;
    let names: Vec<_> = second.entries.iter().map(|entry| entry.path.encoded()).collect();
    assert_eq!(names, (50..100).map(|number| format!("f{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn get_sends_items_in_order_although_one_fails() {
    let server = TestServer::start().await;
    let items = vec![
        item("hello.txt", None),
        item("gone", None),
        item("docs", None),
        item("docs/deep/er/file.bin", Some(ByteRange::Suffix(5))),
        item("empty", None),
        item("hello.txt", Some(ByteRange::From(13))),
        item("hello.txt", Some(ByteRange::Between(0, 4))),
    ];
    let mut transfer = server.client.get(&reader(), items).await.unwrap();
    let mut seen = Vec::new();
    while let Some(item) = transfer.next_item().await.unwrap() {
        seen.push(match item {
            Item::Sending(meta) => {
                format!("{}@{}: {:?}", meta.entry.path, meta.offset, read_item(&mut transfer).await.unwrap().len())
            }
            Item::Refused(failure) => failure.code.to_string(),
            Item::Unsatisfiable(meta, failure) => format!("{} of {}", failure.code, meta.entry.size),
        });
    }
    let expected = [
        "hello.txt@0: 13",
        "not_found",
        "is_folder",
        "docs/deep/er/file.bin@299995: 5",
        "empty@0: 0",
        "range_not_satisfiable of 13",
        "hello.txt@0: 5",
    ];
    assert_eq!(seen, expected);
    assert_eq!(transfer.next_item().await.unwrap(), None);
    drop(transfer);
    assert_eq!(server.client.status().reading.idle, 1, "the connection returns to the pool");
}

#[tokio::test]
async fn unread_items_are_skipped() {
    let server = TestServer::start().await;
    let items = vec![item("docs/deep/er/file.bin", None), item("hello.txt", None)];
    let mut transfer = server.client.get(&reader(), items).await.unwrap();
    assert!(matches!(transfer.next_item().await.unwrap(), Some(Item::Sending(_))));
    assert!(transfer.piece().await.unwrap().is_some());
    assert!(matches!(transfer.next_item().await.unwrap(), Some(Item::Sending(_))));
    assert_eq!(read_item(&mut transfer).await.unwrap(), b"hello, world\n");
}

#[tokio::test]
async fn transfers_with_little_memory_use_short_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..700_001u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(folder.path().join("big"), &content).unwrap();
    let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
    // Enough for pieces of full length in a single transfer.
    let config = PoolConfig { transfer_bytes_max: 1 << 20, ..PoolConfig::default() };
    let client = Client::new(Target::tcp(server.tcp.to_string(), server.key.clone()), config);
    let mut transfers = Vec::new();
    for _ in 0..16 {
        let mut transfer = client.get(&reader(), vec![item("big", None)]).await.unwrap();
        assert!(matches!(transfer.next_item().await.unwrap(), Some(Item::Sending(_))));
        transfers.push((transfer, Vec::new()));
    }
    for (transfer, received) in &mut transfers {
        while let Some(piece) = transfer.piece().await.unwrap() {
            assert!(piece.len() <= PIECE_BYTES_MIN, "{} bytes", piece.len());
            received.extend_from_slice(&piece);
        }
        assert!(*received == content);
    }
    let (alone, _) = transfers.pop().unwrap();
    drop(transfers);
    assert_eq!(alone.piece_bytes(), shared::limits::PIECE_BYTES);
    server.stop().await;
}

#[tokio::test]
async fn get_sends_a_file_on_disk_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..5_000_003u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(folder.path().join("big"), &content).unwrap();
    let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
    assert!(get_file(&server.client, "big", None).await.unwrap() == content);
    for (first, last) in [(0, 0), (1, 1 << 20), (65_535, 65_536), (4_999_000, 9_999_999), (70_000, 3_000_000)] {
        let range = ByteRange::Between(first, last);
        let end = content.len().min(last as usize + 1);
        assert!(
            get_file(&server.client, "big", Some(range)).await.unwrap() == content[first as usize..end],
            "{range:?}"
        );
    }
}

#[tokio::test]
async fn if_etag_refuses_a_file_with_another_validator() {
    let storage = Arc::new(MemoryStorage::new());
    storage.add_file("a", "one").unwrap();
    let server = TestServer::with_storage(storage.clone()).await;
    let etag = server.client.stat(&reader(), &path("a")).await.unwrap().etag;
    let wanted = GetItem { if_etag: etag, ..item("a", None) };
    let mut same = server.client.get(&reader(), vec![wanted.clone()]).await.unwrap();
    assert!(matches!(same.next_item().await.unwrap(), Some(Item::Sending(_))));
    storage.write("a", "two").unwrap();
    let mut other = server.client.get(&reader(), vec![wanted]).await.unwrap();
    let refused = other.next_item().await.unwrap();
    assert!(matches!(refused, Some(Item::Refused(failure)) if failure.code == ErrorCode::Changed));
}

#[tokio::test]
async fn walk_continues_after_any_entry() {
    let server = TestServer::start().await;
    let walk = async |paths: Vec<VPath>, cursor: Option<String>| {
        let mut walking = server.client.walk(&reader(), paths, cursor).await.unwrap();
        let mut found = Vec::new();
        while let Some(page) = walking.next_page().await.unwrap() {
            found.extend(page.entries.into_iter().map(|entry| entry.path.encoded()));
        }
        found
    };
    let paths = vec![path("hello.txt"), path("docs"), path("empty")];
    let whole = walk(paths.clone(), None).await;
    let expected = [
        "hello.txt",
        "docs",
        "docs/a%20b.txt",
        "docs/deep",
        "docs/deep/er",
        "docs/deep/er/file.bin",
        "docs/latin%E9.txt",
        "docs/nothing",
        "empty",
    ];
    assert_eq!(whole, expected);
    for (index, last) in whole.iter().enumerate() {
        let start = usize::from(index > 0) + usize::from(index == 8);
        assert_eq!(walk(paths.clone(), Some(format!("{start}.{last}"))).await, whole[index + 1..], "after {last}");
    }
    assert_eq!(walk(vec![path("")], None).await.len(), 10);
    let missing = server.client.walk(&reader(), vec![path("gone")], None).await;
    assert_eq!(missing.err().map(|error| error.code), Some(ErrorCode::NotFound));
}

/// Of several starts, one that the server may not read leaves the others complete, as in an archive of a selection.
#[tokio::test]
async fn walk_from_an_unreadable_file_skips_it() {
    let storage = Arc::new(MemoryStorage::new());
    storage.add_file("folder/secret", "s").unwrap().add_file("folder/open", "o").unwrap();
    storage.set_denied("folder/secret", true).unwrap();
    let server = TestServer::with_storage(storage.clone()).await;
    let starts = vec![path("folder/secret"), path("folder/open")];
    let mut walking = server.client.walk(&reader(), starts, None).await.unwrap();
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    while let Some(page) = walking.next_page().await.unwrap() {
        found.extend(page.entries.into_iter().map(|entry| entry.path));
        skipped.extend(page.skipped.unwrap_or_default());
    }
    assert_eq!(found, [path("folder/open")]);
    assert_eq!(skipped, [Skipped { path: path("folder/secret"), code: ErrorCode::AccessDenied }]);
}

/// The client knows the file as it was: a range from its end is one of that file.
#[tokio::test]
async fn a_range_of_a_file_that_has_grown_lies_within_its_beginning() {
    let storage = Arc::new(MemoryStorage::new());
    storage.add_file("log", "0123456789").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    storage.set_modified("log", Timestamp(now.as_nanos() as i64)).unwrap();
    let server = TestServer::with_storage(storage.clone()).await;
    let mut walking = server.client.walk(&reader(), vec![path("log")], None).await.unwrap();
    let (mut etag, mut prefix) = (None, None);
    while let Some(page) = walking.next_page().await.unwrap() {
        etag = page.entries.first().map_or(etag, |entry| entry.etag);
        prefix = page.growing.unwrap_or_default().pop().map(|growing| growing.prefix).or(prefix);
    }
    storage.write("log", "0123456789abc").unwrap();
    let ranges = [
        (None, Some("0123456789")),
        (Some(ByteRange::Suffix(2)), Some("89")),
        (Some(ByteRange::From(8)), Some("89")),
        (Some(ByteRange::Between(8, 12)), Some("89")),
        (Some(ByteRange::From(11)), None),
    ];
    for (range, expected) in ranges {
        let wanted = GetItem { if_etag: etag, if_prefix: prefix, ..item("log", range) };
        let mut transfer = server.client.get(&reader(), vec![wanted]).await.unwrap();
        match (transfer.next_item().await.unwrap(), expected) {
            (Some(Item::Sending(meta)), Some(text)) => {
                assert_eq!(meta.entry.size, 13);
                assert_eq!(read_item(&mut transfer).await.unwrap(), text.as_bytes(), "{range:?}");
            }
            (Some(Item::Unsatisfiable(..)), None) => {}
            other => panic!("{range:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_scope_confines_every_operation() {
    let server = TestServer::start().await;
    let mut caller =
        backend::client::Caller { scope: Scope::below(path("docs"), Rights::READ_ONLY), ..Default::default() };
    let listing = server.client.list(&caller, &path(""), Order::default(), None, 10).await.unwrap();
    let names: Vec<_> = listing.entries.iter().map(|entry| entry.path.encoded()).collect();
    assert_eq!(names, ["deep", "nothing", "a%20b.txt", "latin%E9.txt"]);
    let outside = server.client.stat(&caller, &path("hello.txt")).await;
    assert_eq!(outside.unwrap_err().code, ErrorCode::NotFound);
    let inside = server.client.stat(&caller, &path("deep/er")).await.unwrap();
    assert_eq!(inside.path.encoded(), "deep/er");
    let mut walking = server.client.walk(&caller, vec![path("deep")], None).await.unwrap();
    let page = walking.next_page().await.unwrap().unwrap();
    assert_eq!(page.entries.last().unwrap().path.encoded(), "deep/er/file.bin");

    caller.scope.grants[0].rights = Rights::READ;
    assert_eq!(server.client.stat_for_reading(&caller, &path("a%20b.txt")).await.unwrap().size, 6);
    assert_eq!(server.client.stat(&caller, &path("a%20b.txt")).await.unwrap_err().code, ErrorCode::Forbidden);

    caller.scope.grants[0].rights = Rights::LIST;
    let head = server.client.stat_for_reading(&caller, &path("a%20b.txt")).await;
    assert_eq!(head.unwrap_err().code, ErrorCode::Forbidden, "HEAD takes the right that GET takes");
    let mut transfer = server.client.get(&caller, vec![item("a%20b.txt", None)]).await.unwrap();
    let refused = transfer.next_item().await.unwrap();
    assert!(matches!(refused, Some(Item::Refused(failure)) if failure.code == ErrorCode::Forbidden));
    caller.scope.grants[0].rights = Rights::NONE;
    let refused = server.client.list(&caller, &path(""), Order::default(), None, 10).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::NotFound);
}
