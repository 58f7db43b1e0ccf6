//! `passerelle mkdir`, `mv`, `cp`, `rm` and `trash`.

use std::sync::Arc;

use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;

use super::super::test_server::{TestServer, path, small_tree};
use super::{Ran, Shell};

async fn server() -> (TestServer, Shell, MemoryStorage) {
    let storage = small_tree();
    let server = TestServer::with_storage(Arc::new(storage.clone())).await;
    let shell = Shell::at(&server);
    (server, shell, storage)
}

fn is_there(storage: &MemoryStorage, name: &str) -> bool {
    storage.stat(&path(name)).is_ok()
}

/// The ids in the trash, newest first.
fn ids(listed: &Ran) -> Vec<String> {
    listed.out.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mkdir_is_as_strict_as_that_of_posix() {
    let (server, shell, storage) = server().await;
    shell.ends(&["mkdir", "new", "a%20b", "docs/é"], 0);
    assert!(is_there(&storage, "new") && is_there(&storage, "a%20b") && is_there(&storage, "docs/%C3%A9"));
    assert!(shell.ends(&["mkdir", "new"], 1).err.contains("new: already exists"));
    assert!(shell.ends(&["mkdir", "x/y/z"], 1).err.contains("x/y/z"));
    assert!(!is_there(&storage, "x"));
    shell.ends(&["mkdir", "-p", "x/y/z", "new"], 0);
    assert!(is_there(&storage, "x/y/z"));
    shell.ends(&["mkdir", "new", "newer"], 6);
    assert!(is_there(&storage, "newer"));
    shell.ends(&["mkdir", "../x"], 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_replaces_only_with_force() {
    let (server, shell, storage) = server().await;
    shell.ends(&["mv", "hello.txt", "renamed.txt"], 0);
    assert!(!is_there(&storage, "hello.txt") && is_there(&storage, "renamed.txt"));
    shell.ends(&["mv", "renamed.txt", "empty", "docs"], 0);
    assert!(is_there(&storage, "docs/renamed.txt") && is_there(&storage, "docs/empty"));
    assert!(shell.ends(&["mv", "docs/empty", "docs/renamed.txt"], 1).err.contains("exists"));
    let moved = shell.ends(&["mv", "--json", "-f", "docs/empty", "docs/renamed.txt"], 0).json();
    assert_eq!(moved[0]["item"]["outcome"]["result"], "done");
    assert_eq!(storage.stat(&path("docs/renamed.txt")).unwrap().size, 0);
    // The replaced file is in the trash.
    assert_eq!(ids(&shell.ends(&["trash", "ls"], 0)).len(), 1);
    shell.ends(&["mv", "docs", "docs/deep"], 1);
    shell.ends(&["mv", "gone", "docs"], 3);
    shell.ends(&["mv", "gone", "docs/renamed.txt", "/"], 6);
    assert!(is_there(&storage, "renamed.txt"));
    shell.ends(&["mv", "renamed.txt", "docs", "nowhere"], 1);
    shell.ends(&["mv", "/", "docs"], 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_needs_an_option_for_folders() {
    let (server, shell, storage) = server().await;
    shell.ends(&["cp", "hello.txt", "copy.txt"], 0);
    assert!(is_there(&storage, "hello.txt") && is_there(&storage, "copy.txt"));
    assert!(shell.ends(&["cp", "docs", "copied"], 1).err.contains("-r"));
    shell.ends(&["cp", "-r", "docs", "copied"], 0);
    assert!(is_there(&storage, "copied/deep/er/file.bin") && is_there(&storage, "copied/latin%E9.txt"));
    shell.ends(&["cp", "-r", "docs", "copied"], 0);
    assert!(is_there(&storage, "copied/docs/nothing"));
    shell.ends(&["cp", "hello.txt", "copy.txt"], 1);
    shell.ends(&["cp", "-n", "hello.txt", "copy.txt"], 0);
    shell.ends(&["cp", "--conflict", "keep-both", "hello.txt", "copy.txt"], 0);
    assert!(is_there(&storage, "copy%20(2).txt"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_can_be_undone_unless_it_is_permanent() {
    let (server, shell, storage) = server().await;
    assert!(shell.ends(&["rm", "docs"], 1).err.contains("-r"));
    shell.ends(&["rm", "hello.txt"], 0);
    shell.ends(&["rm", "-r", "docs"], 0);
    assert!(!is_there(&storage, "hello.txt") && !is_there(&storage, "docs"));
    shell.ends(&["rm", "hello.txt"], 3);
    shell.ends(&["rm", "-f", "hello.txt"], 0);
    shell.ends(&["rm", "-r", "/"], 1);
    let listed = shell.ends(&["trash", "ls"], 0);
    assert!(listed.lines()[0].ends_with(" docs/") && listed.lines()[1].ends_with(" 13 hello.txt"), "{}", listed.out);
    let json = shell.ends(&["trash", "ls", "--json"], 0).json();
    assert_eq!((&json[0]["entry"]["path"], json.len()), (&"docs".into(), 2));
    let ids = ids(&listed);
    shell.ends(&["trash", "restore", &ids[0], &ids[1]], 0);
    assert!(is_there(&storage, "docs/deep/er/file.bin") && is_there(&storage, "hello.txt"));
    shell.ends(&["rm", "--forever", "empty"], 0);
    assert!(!is_there(&storage, "empty") && shell.ends(&["trash", "ls"], 0).out.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trash_items_are_restored_elsewhere_or_deleted() {
    let (server, shell, storage) = server().await;
    shell.ends(&["rm", "-r", "hello.txt", "empty", "docs/a b.txt"], 0);
    let before = ids(&shell.ends(&["trash", "ls"], 0));
    let by_name = |name: &str| {
        let listed = shell.ends(&["trash", "ls"], 0);
        let line = listed.out.lines().find(|line| line.ends_with(name)).unwrap().to_owned();
        line.split(' ').next().unwrap().to_owned()
    };
    shell.ends(&["trash", "restore", "--to", "back/again.txt", &by_name("hello.txt")], 0);
    assert_eq!(storage.stat(&path("back/again.txt")).unwrap().size, 13);
    shell.ends(&["trash", "empty", &by_name("empty")], 0);
    assert_eq!(shell.ends(&["trash", "ls"], 0).lines().len(), 1);
    shell.ends(&["trash", "empty"], 0);
    assert!(shell.ends(&["trash", "ls"], 0).out.is_empty());
    assert_ne!(shell.run(&["trash", "restore", &before[0]]).code, 0);
    shell.ends(&["trash", "restore", "no-id"], 2);
    shell.ends(&["trash", "restore", "--to", "x", &before[0], &before[1]], 2);
    server.stop().await;
}
