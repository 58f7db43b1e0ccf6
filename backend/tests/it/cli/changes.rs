//! `passerelle mkdir`, `mv`, `cp`, `rm` and `trash`.

use std::sync::Arc;

use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;

use super::shell::{CommandResult, Shell};
use crate::test_server::{TestServer, path, small_tree};

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
fn ids(listed: &CommandResult) -> Vec<String> {
    listed.out.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mkdir_is_as_strict_as_that_of_posix() {
    let (server, shell, storage) = server().await;
    shell.expect_exit(&["mkdir", "new", "a%20b", "docs/é"], 0);
    assert!(is_there(&storage, "new") && is_there(&storage, "a%20b") && is_there(&storage, "docs/%C3%A9"));
    assert!(shell.expect_exit(&["mkdir", "new"], 1).err.contains("new: already exists"));
    assert!(shell.expect_exit(&["mkdir", "x/y/z"], 1).err.contains("x/y/z"));
    assert!(!is_there(&storage, "x"));
    shell.expect_exit(&["mkdir", "-p", "x/y/z", "new"], 0);
    assert!(is_there(&storage, "x/y/z"));
    shell.expect_exit(&["mkdir", "new", "newer"], 6);
    assert!(is_there(&storage, "newer"));
    shell.expect_exit(&["mkdir", "../x"], 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_replaces_only_with_force() {
    let (server, shell, storage) = server().await;
    shell.expect_exit(&["mv", "hello.txt", "renamed.txt"], 0);
    assert!(!is_there(&storage, "hello.txt") && is_there(&storage, "renamed.txt"));
    shell.expect_exit(&["mv", "renamed.txt", "empty", "docs"], 0);
    assert!(is_there(&storage, "docs/renamed.txt") && is_there(&storage, "docs/empty"));
    assert!(shell.expect_exit(&["mv", "docs/empty", "docs/renamed.txt"], 1).err.contains("exists"));
    let moved = shell.expect_exit(&["mv", "--json", "-f", "docs/empty", "docs/renamed.txt"], 0).json();
    assert_eq!(moved[0]["item"]["outcome"]["result"], "done");
    assert_eq!(storage.stat(&path("docs/renamed.txt")).unwrap().size, 0);
    // The replaced file is in the trash.
    assert_eq!(ids(&shell.expect_exit(&["trash", "ls"], 0)).len(), 1);
    shell.expect_exit(&["mv", "docs", "docs/deep"], 1);
    shell.expect_exit(&["mv", "gone", "docs"], 3);
    shell.expect_exit(&["mv", "gone", "docs/renamed.txt", "/"], 6);
    assert!(is_there(&storage, "renamed.txt"));
    shell.expect_exit(&["mv", "renamed.txt", "docs", "nowhere"], 1);
    shell.expect_exit(&["mv", "/", "docs"], 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_needs_an_option_for_folders() {
    let (server, shell, storage) = server().await;
    shell.expect_exit(&["cp", "hello.txt", "copy.txt"], 0);
    assert!(is_there(&storage, "hello.txt") && is_there(&storage, "copy.txt"));
    assert!(shell.expect_exit(&["cp", "docs", "copied"], 1).err.contains("-r"));
    shell.expect_exit(&["cp", "-r", "docs", "copied"], 0);
    assert!(is_there(&storage, "copied/deep/er/file.bin") && is_there(&storage, "copied/latin%E9.txt"));
    shell.expect_exit(&["cp", "-r", "docs", "copied"], 0);
    assert!(is_there(&storage, "copied/docs/nothing"));
    shell.expect_exit(&["cp", "hello.txt", "copy.txt"], 1);
    shell.expect_exit(&["cp", "-n", "hello.txt", "copy.txt"], 0);
    shell.expect_exit(&["cp", "--conflict", "keep-both", "hello.txt", "copy.txt"], 0);
    assert!(is_there(&storage, "copy%20(2).txt"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_can_be_undone_unless_it_is_permanent() {
    let (server, shell, storage) = server().await;
    assert!(shell.expect_exit(&["rm", "docs"], 1).err.contains("-r"));
    shell.expect_exit(&["rm", "hello.txt"], 0);
    shell.expect_exit(&["rm", "-r", "docs"], 0);
    assert!(!is_there(&storage, "hello.txt") && !is_there(&storage, "docs"));
    shell.expect_exit(&["rm", "hello.txt"], 3);
    shell.expect_exit(&["rm", "-f", "hello.txt"], 0);
    shell.expect_exit(&["rm", "-r", "/"], 1);
    let listed = shell.expect_exit(&["trash", "ls"], 0);
    assert!(listed.lines()[0].ends_with(" docs/") && listed.lines()[1].ends_with(" 13 hello.txt"), "{}", listed.out);
    let json = shell.expect_exit(&["trash", "ls", "--json"], 0).json();
    assert_eq!((&json[0]["entry"]["path"], json.len()), (&"docs".into(), 2));
    let ids = ids(&listed);
    shell.expect_exit(&["trash", "restore", &ids[0], &ids[1]], 0);
    assert!(is_there(&storage, "docs/deep/er/file.bin") && is_there(&storage, "hello.txt"));
    shell.expect_exit(&["rm", "--forever", "empty"], 0);
    assert!(!is_there(&storage, "empty") && shell.expect_exit(&["trash", "ls"], 0).out.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trash_items_are_restored_elsewhere_or_deleted() {
    let (server, shell, storage) = server().await;
    shell.expect_exit(&["rm", "-r", "hello.txt", "empty", "docs/a b.txt"], 0);
    let before = ids(&shell.expect_exit(&["trash", "ls"], 0));
    let by_name = |name: &str| {
        let listed = shell.expect_exit(&["trash", "ls"], 0);
        let line = listed.out.lines().find(|line| line.ends_with(name)).unwrap().to_owned();
        line.split(' ').next().unwrap().to_owned()
    };
    shell.expect_exit(&["trash", "restore", "--to", "back/again.txt", &by_name("hello.txt")], 0);
    assert_eq!(storage.stat(&path("back/again.txt")).unwrap().size, 13);
    shell.expect_exit(&["trash", "empty", &by_name("empty")], 0);
    assert_eq!(shell.expect_exit(&["trash", "ls"], 0).lines().len(), 1);
    shell.expect_exit(&["trash", "empty"], 0);
    assert!(shell.expect_exit(&["trash", "ls"], 0).out.is_empty());
    assert_ne!(shell.run(&["trash", "restore", &before[0]]).code, 0);
    shell.expect_exit(&["trash", "restore", "no-id"], 2);
    shell.expect_exit(&["trash", "restore", "--to", "x", &before[0], &before[1]], 2);
    server.stop().await;
}
