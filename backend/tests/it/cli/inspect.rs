//! `passerelle ls`, `stat` and `ping`; exit codes; the recorded location of a key.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use backend::storage::memory::MemoryStorage;
use backend::wire::Key;
use serde_json::Value;
use tokio::net::TcpListener;

use super::shell::Shell;
use crate::test_server::{TestServer, small_tree};

#[tokio::test(flavor = "multi_thread")]
async fn ls_prints_paths_that_are_valid_arguments() {
    let storage = small_tree();
    for name in ["docs/line\nfeed", "docs/100%", "docs/-rf", "docs/\u{1b}[2J", "docs/é ß"] {
        storage.add_file(name, "x").unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let shell = Shell::at(&server);
    assert_eq!(shell.expect_exit(&["ls"], 0).lines(), ["docs", "empty", "hello.txt"]);
    let listed = shell.expect_exit(&["ls", "docs/"], 0);
    let expected = ["deep", "nothing", "%1B[2J", "-rf", "100%25", "a b.txt", "line%0Afeed", "latin%E9.txt", "é ß"];
    let mut sorted = listed.lines();
    sorted.sort_unstable();
    let mut wanted = expected.to_vec();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
    for name in listed.lines() {
        shell.expect_exit(&["stat", &format!("docs/{name}")], 0);
    }
    let all = shell.expect_exit(&["ls", "-R", "/docs"], 0);
    assert!(all.lines().contains(&"deep/er/file.bin"), "{}", all.out);
    assert_eq!(shell.expect_exit(&["ls", "docs/a%20b.txt"], 0).lines(), ["a b.txt"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ls_sorts_reads_all_pages_and_has_a_long_form() {
    let storage = MemoryStorage::new();
    for number in 0..2_345 {
        storage.add_file(format!("f{number}"), vec![0; 2_345 - number]).unwrap();
    }
    storage.set_executable("f7", true).unwrap();
    storage.add_link("link", "f7").unwrap();
    storage.add_link("out", "/etc/passwd").unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let shell = Shell::at(&server);
    let names = shell.expect_exit(&["ls"], 0);
    assert_eq!(names.lines().len(), 2_347);
    assert_eq!(names.lines()[..3], ["f0", "f1", "f2"]);
    assert_eq!(shell.expect_exit(&["ls", "--sort", "size", "-r"], 0).lines()[0], "f0");
    let long = shell.expect_exit(&["ls", "-l"], 0);
    let line = |name: &str| long.lines().into_iter().find(|line| line.ends_with(name)).unwrap().to_owned();
    assert!(line(" f7").starts_with("-x          2338 20"), "{}", line(" f7"));
    assert!(line(" link -> f7").starts_with("l"));
    assert!(line(" out -> (out of the served folder)").starts_with("l"));
    let entries = shell.expect_exit(&["ls", "--json", "--sort", "size"], 0).json();
    assert_eq!(entries.len(), 2_347);
    assert!(entries.iter().all(|entry| entry["path"].is_string() && entry["kind"].is_string()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stat_and_ping_print_text_and_json() {
    let server = TestServer::start().await;
    let shell = Shell::at(&server);
    let text = shell.expect_exit(&["stat", "hello.txt"], 0);
    assert!(text.out.contains("13 B") && text.out.contains("file"), "{}", text.out);
    let json = shell.expect_exit(&["stat", "--json", "docs/latin%E9.txt"], 0).json();
    assert_eq!((&json[0]["path"], &json[0]["size"]), (&"docs/latin%E9.txt".into(), &5.into()));
    assert_eq!(shell.expect_exit(&["ping", "-c", "3", "-i", "0"], 0).lines().len(), 5);
    let pings = shell.expect_exit(&["ping", "-c", "2", "-i", "0", "--json"], 0).json();
    assert!(pings[1]["round_trip_us"].is_u64() && pings[3]["summary"]["pings"] == 2, "{pings:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_json_distinguish_failures() {
    let server = TestServer::start().await;
    let mut shell = Shell::at(&server);
    let error = shell.expect_exit(&["stat", "--json", "gone"], 3).err;
    let error: Value = serde_json::from_str(error.trim()).unwrap();
    assert_eq!(error["error"]["code"], "not_found");
    assert!(error["error"]["message"].is_string());
    for args in [&["ls", "gone"][..], &["get", "gone", "x"], &["get", "gone", "-"]] {
        shell.expect_exit(args, 3);
    }
    for args in [
        &["ls", "../etc"][..],
        &["stat", "100%"],
        &["get", "only"],
        &["ls", "--server", "http://127.0.0.1:1"],
        &["get", "hello.txt", "docs/a b.txt", "-"],
        &["get", "/", "hello.txt", "x"],
        &["ping", "-c", "0"],
    ] {
        shell.expect_exit(args, 2);
    }
    shell.expect_exit(&["get", "docs", "-"], 1);
    fs::write(shell.path("other"), format!("{}\n", Key::generate().unwrap())).unwrap();
    shell.expect_exit(&["ping", "--key", "other"], 4);
    shell.expect_exit(&["ping", "--key", "missing"], 4);
    fs::write(shell.path("other"), "no key").unwrap();
    assert!(shell.expect_exit(&["ping", "--key", "other"], 4).err.contains("passerelle-key-1"));
    shell.with_key = false;
    assert!(shell.expect_exit(&["ping"], 4).err.contains("--key"));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unused = free.local_addr().unwrap().to_string();
    drop(free);
    shell.expect_exit(&["ping", "--server", &unused], 5);
    shell.with_key = true;
    shell.expect_exit(&["ls", "--server", &unused], 5);
    shell.expect_exit(&["get", "/", "new", "--server", &unused], 5);
    assert!(!shell.path("new").exists() && !shell.path("x").exists());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_running_server_is_found_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Shell { folder, server: String::new(), with_key: false };
    fs::create_dir(shell.path("served")).unwrap();
    fs::write(shell.path("served/a b.txt"), "spaces").unwrap();
    let mut server = shell.serve("served");
    assert_eq!(shell.expect_exit(&["ls"], 0).lines(), ["a b.txt"]);
    shell.expect_exit(&["ping", "--server", &format!("tcp://{}", shell.server)], 0);
    shell.expect_exit(&["get", "/", "copy"], 0);
    assert_eq!(shell.tree("copy"), BTreeMap::from([("a b.txt".into(), b"spaces".to_vec())]));
    server.kill();
    shell.expect_exit(&["ls"], 5);
}
