//! Archives over HTTP, read by other implementations of ZIP: the `zip` crate, `unzip` and Python.

use std::io::{Cursor, Read};
use std::process::Command;
use std::sync::Arc;

use backend::gateway::GatewayConfig;
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use shared::{ErrorCode, Timestamp};
use zip::ZipArchive;

use super::test_gateway::{HttpResponse, TestGateway};
use super::test_server::small_tree;

/// Names and contents, in the order of the central directory.
fn contents(response: &HttpResponse) -> Vec<(String, Vec<u8>)> {
    assert!(response.status == 200 && response.complete, "{} {:?}", response.status, response.headers);
    let mut archive = ZipArchive::new(Cursor::new(&response.body)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect()
}

fn names(response: &HttpResponse) -> Vec<String> {
    contents(response).into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn an_archive_contains_all_entries_of_a_folder() {
    let gateway = TestGateway::start().await;
    let response = gateway.get("/api/v1/archive?path=docs").await;
    assert_eq!(response.header("content-type"), Some("application/zip"));
    assert_eq!(response.header("content-disposition"), Some("attachment; filename=\"docs.zip\""));
    assert_eq!(response.header("accept-ranges"), Some("bytes"));
    let expected: Vec<(String, Vec<u8>)> = vec![
        ("docs/".into(), vec![]),
        ("docs/a b.txt".into(), b"spaces".into()),
        ("docs/deep/".into(), vec![]),
        ("docs/deep/er/".into(), vec![]),
        ("docs/deep/er/file.bin".into(), vec![7; 300_000]),
        ("docs/latin%E9.txt".into(), b"latin".into()),
        ("docs/nothing/".into(), vec![]),
    ];
    assert!(contents(&response) == expected, "{:?}", names(&response));
    let head = gateway.head("/api/v1/archive?path=docs").await;
    assert_eq!(head.header("content-length"), response.header("content-length"));
    assert_eq!(head.header("etag"), response.header("etag"));
    // The archive is deterministic.
    assert!(gateway.get("/api/v1/archive?path=docs").await.body == response.body);
    let etag = response.header("etag").unwrap();
    assert_eq!(gateway.get_with("/api/v1/archive?path=docs", &[("if-none-match", etag)]).await.status, 304);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn an_archive_contains_several_paths_or_the_whole_tree() {
    let gateway = TestGateway::start().await;
    let response = gateway.get("/api/v1/archive?path=hello.txt&path=docs%2Fdeep&path=docs/deep/er&path=empty").await;
    assert_eq!(names(&response), ["hello.txt", "deep/", "deep/er/", "deep/er/file.bin", "empty"]);
    assert_eq!(response.header("content-disposition"), Some("attachment; filename=\"Passerelle.zip\""));
    let all = gateway.get("/api/v1/archive?path=").await;
    assert_eq!(names(&all)[..2], ["docs/", "docs/a b.txt"]);
    let named = gateway.get("/api/v1/archive?path=hello.txt&name=%C3%A9t%C3%A9").await;
    let expected = "attachment; filename=\"_t_.zip\"; filename*=UTF-8''%C3%A9t%C3%A9.zip";
    assert_eq!(named.header("content-disposition"), Some(expected));
    // A path is percent-encoded, and encoded once more as a query parameter.
    let latin = gateway.get("/api/v1/archive?path=docs%2Flatin%25E9.txt").await;
    assert_eq!(names(&latin), ["latin%E9.txt"]);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_posted_form_selects_thousands_of_files() {
    let storage = MemoryStorage::new();
    let mut form = String::from("name=many");
    for index in 0..3_000 {
        storage.add_file(format!("folder/{index:04}"), index.to_string()).unwrap();
        form += &format!("&path=folder%2F{index:04}");
    }
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let response = gateway.send("POST", "/api/v1/archive", &[kind], form.as_bytes()).await;
    let found = contents(&response);
    assert_eq!(found.len(), 3_000);
    assert!(found.iter().enumerate().all(|(index, (name, content))| {
        *name == format!("{index:04}") && *content == index.to_string().as_bytes()
    }));
    let wrong = gateway.send("POST", "/api/v1/archive", &[("content-type", "application/json")], b"{}").await;
    wrong.assert_problem(415, "bad_request");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn modification_times_and_executable_bits_are_kept() {
    let storage = MemoryStorage::new();
    storage.add_file("d/run.sh", "#!/bin/sh\n").unwrap();
    storage.set_executable("d/run.sh", true).unwrap();
    storage.set_modified("d/run.sh", Timestamp::from_parts(1_700_000_001, 5)).unwrap();
    storage.add_file("d/old", "x").unwrap();
    storage.set_modified("d/old", Timestamp::from_parts(-86_400, 0)).unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let response = gateway.get("/api/v1/archive?path=d").await;
    let mut archive = ZipArchive::new(Cursor::new(&response.body)).unwrap();
    let file = archive.by_name("d/run.sh").unwrap();
    assert_eq!(file.unix_mode().map(|mode| mode & 0o7777), Some(0o755));
    drop(file);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.zip"), &response.body).unwrap();
    let unzip = Command::new("unzip").args(["-q", "a.zip"]).current_dir(folder.path()).status();
    // Without `unzip` the permissions above are checked only.
    if unzip.is_ok_and(|status| status.success()) {
        let modified = |name: &str| {
            let modified = std::fs::metadata(folder.path().join("d").join(name)).unwrap().modified().unwrap();
            modified.duration_since(std::time::UNIX_EPOCH).map(|since| since.as_secs() as i64).unwrap_or(-1)
        };
        assert_eq!(modified("run.sh"), 1_700_000_001);
    }
    gateway.assert_healthy_and_stop().await;
}

/// `unzip -t` and Python's `zipfile` find no error, with unusual names and many files.
#[tokio::test]
async fn unzip_and_python_accept_the_archive() {
    let storage = small_tree();
    storage.add_file("docs/été – 日本.txt", "unicode").unwrap();
    storage.add_file("docs/README", "1").unwrap();
    storage.add_file("docs/ReadMe", "2").unwrap();
    storage.add_file("docs/..\\..\\evil", "3").unwrap();
    storage.add_file("docs/line\nfeed", "4").unwrap();
    for index in 0..2_000 {
        storage.add_file(format!("docs/many/{index}"), vec![index as u8; index]).unwrap();
    }
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let response = gateway.get("/api/v1/archive?path=").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.zip");
    std::fs::write(&file, &response.body).unwrap();
    if let Ok(output) = Command::new("unzip").arg("-tq").arg(&file).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let script =
        "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(len(z.namelist()))";
    if let Ok(output) = Command::new("python3").args(["-c", script]).arg(&file).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), names(&response).len().to_string());
    }
    let names = names(&response);
    for name in ["docs/été – 日本.txt", "docs/README", "docs/ReadMe (2)", "docs/..%5C..%5Cevil", "docs/line%0Afeed"]
    {
        assert!(names.iter().any(|found| found == name), "{name}");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn links_to_folders_and_special_files_are_omitted() {
    let storage = small_tree();
    storage.add_link("docs/to-file", "a b.txt").unwrap();
    storage.add_link("docs/to-folder", "deep").unwrap();
    storage.add_link("docs/circle", "../docs").unwrap();
    storage.add_link("docs/out", "../../etc").unwrap();
    storage.add_link("docs/broken", "nothing").unwrap();
    storage.add_other("docs/pipe").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let found = names(&gateway.get("/api/v1/archive?path=docs").await);
    assert!(found.contains(&"docs/to-file".into()));
    for name in ["to-folder", "circle", "out", "broken", "pipe"] {
        assert!(!found.iter().any(|found| found.contains(name)), "{name}");
    }
    assert_eq!(found.last().unwrap(), "NOT INCLUDED.txt");
    gateway.get("/api/v1/archive?path=docs%2Fout").await.assert_problem(403, "link_escapes");
    gateway.get("/api/v1/archive?path=docs%2Fpipe").await.assert_problem(403, "not_regular");
    // A link is followed if the request names it.
    let chosen = names(&gateway.get("/api/v1/archive?path=docs%2Fto-folder").await);
    assert_eq!(chosen, ["to-folder/", "to-folder/er/", "to-folder/er/file.bin"]);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn what_may_not_be_read_is_left_out_and_named() {
    let storage = small_tree();
    storage.add_file("docs/secret.txt", "secret").unwrap().set_denied("docs/secret.txt", true).unwrap();
    storage.add_file("docs/shut/inside", "x").unwrap().set_denied("docs/shut", true).unwrap();
    storage.add_other("docs/pipe").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let whole = gateway.get("/api/v1/archive?path=docs").await;
    let contents = contents(&whole);
    assert!(contents.iter().any(|(name, content)| name == "docs/a b.txt" && content == b"spaces"));
    assert!(!contents.iter().any(|(name, _)| name == "docs/secret.txt"));
    let text = "These entries are not in this archive:\n\n\
        docs/pipe: neither a file nor a folder\n\
        docs/secret.txt: the server may not read it\n\
        docs/shut: the server may not read it\n";
    assert_eq!(contents.last().unwrap(), &("NOT INCLUDED.txt".into(), text.into()));
    let head = gateway.head("/api/v1/archive?path=docs").await;
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    assert_eq!(head.header("etag"), whole.header("etag"));
    // The list is a part of the archive that resumes as every other.
    let size = whole.body.len();
    for start in (size - 900..size).step_by(41) {
        let range = format!("bytes={start}-");
        let part = gateway.get_with("/api/v1/archive?path=docs", &[("range", &range)]).await;
        assert!(part.status == 206 && part.complete && part.body == whole.body[start..], "{range}");
    }
    gateway.get("/api/v1/archive?path=docs%2Fsecret.txt").await.assert_problem(403, "access_denied");
    let several = names(&gateway.get("/api/v1/archive?path=docs%2Fsecret.txt&path=hello.txt").await);
    assert_eq!(several, ["hello.txt", "NOT INCLUDED.txt"]);
    gateway.assert_healthy_and_stop().await;
}

/// A range may begin and end within a record, within a file, between the two, or in the central directory.
#[tokio::test]
async fn ranges_equal_the_bytes_of_the_complete_archive() {
    let storage = MemoryStorage::new();
    for (name, length) in [("d/a", 3), ("d/b", 0), ("d/c", 70_000), ("d/e/f", 1), ("d/z", 40)] {
        storage.add_file(name, (0..length).map(|index| (index / 3) as u8).collect::<Vec<_>>()).unwrap();
    }
    storage.add_folder("d/empty").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let target = "/api/v1/archive?path=d";
    let whole = gateway.get(target).await.body;
    let size = whole.len();
    // The first 200 and the last 700 bytes contain every kind of record; prime steps hit positions within them.
    let edges: Vec<_> =
        (0..200).step_by(13).chain([300, 35_000, 70_100]).chain((size - 700..size).step_by(29)).collect();
    for (nth, &start) in edges.iter().enumerate() {
        for &end in edges[nth..].iter().step_by(5).chain([&(size - 1)]) {
            let range = format!("bytes={start}-{end}");
            let part = gateway.get_with(target, &[("range", &range)]).await;
            assert!(
                part.status == 206 && part.complete && part.body == whole[start..=end],
                "{range} {:?}",
                part.headers
            );
            let content_range = format!("bytes {start}-{end}/{size}");
            assert_eq!(part.header("content-range"), Some(content_range.as_str()));
        }
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn ranges_and_conditions_apply_as_for_files() {
    let gateway = TestGateway::start().await;
    let target = "/api/v1/archive?path=docs&path=hello.txt";
    let whole = gateway.get(target).await;
    let etag = whole.header("etag").unwrap();
    let length = whole.body.len();
    let status = async |headers: &[(&str, &str)]| gateway.get_with(target, headers).await.status;
    assert_eq!(status(&[("range", "bytes=5-9"), ("if-range", etag)]).await, 206);
    assert_eq!(status(&[("range", "bytes=5-9"), ("if-range", "\"other\"")]).await, 200);
    assert_eq!(status(&[("range", "bytes=5-9"), ("if-range", "Tue, 14 Nov 2023 22:13:20 GMT")]).await, 200);
    assert_eq!(status(&[("range", "bytes=0-1,5-9")]).await, 200);
    assert_eq!(status(&[("if-match", etag)]).await, 200);
    assert_eq!(status(&[("if-none-match", etag), ("range", "bytes=5-9")]).await, 304);
    gateway.get_with(target, &[("if-match", "\"other\"")]).await.assert_problem(412, "precondition_failed");
    let beyond = gateway.get_with(target, &[("range", &format!("bytes={length}-"))]).await;
    beyond.assert_problem(416, "range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{length}").as_str()));
    // Range applies to GET only (RFC 9110 §14.2).
    let head = gateway.send("HEAD", target, &[("range", "bytes=5-9")], b"").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some(length.to_string().as_str())));
    gateway.assert_healthy_and_stop().await;
}

/// A change between two requests makes another archive: a condition fails, or the complete new archive is sent.
#[tokio::test]
async fn a_download_of_a_changed_archive_cannot_be_resumed() {
    let storage = Arc::new(small_tree());
    let gateway = TestGateway::with_storage(Arc::<MemoryStorage>::clone(&storage)).await;
    let target = "/api/v1/archive?path=docs";
    let before = gateway.get(target).await;
    let etag = before.header("etag").unwrap();
    storage.add_file("docs/a b.txt", "SPACES").unwrap();
    let after = gateway.get_with(target, &[("range", "bytes=1000-"), ("if-range", etag)]).await;
    assert_eq!(after.status, 200);
    assert_ne!(after.header("etag"), Some(etag));
    gateway
        .get_with(target, &[("range", "bytes=1000-"), ("if-match", etag)])
        .await
        .assert_problem(412, "precondition_failed");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let gateway = TestGateway::start().await;
    gateway.get("/api/v1/archive").await.assert_problem(400, "bad_request");
    gateway.get("/api/v1/archive?path=none").await.assert_problem(404, "not_found");
    gateway.get("/api/v1/archive?path=docs&path=none").await.assert_problem(404, "not_found");
    gateway.get("/api/v1/archive?path=%FF").await.assert_problem(400, "bad_request");
    gateway.get("/api/v1/archive?path=docs&name=a&name=b").await.assert_problem(400, "bad_request");
    for path in ["..%2Fetc", "docs%2F..%2F..", "%252e%252e", "a%2500", "%2F%2Fetc"] {
        gateway.get(&format!("/api/v1/archive?path={path}")).await.assert_problem(400, "bad_path");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_form_over_the_limit_is_refused() {
    let config = GatewayConfig { request_body_bytes_max: 100, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let form = format!("path={}", "x".repeat(200));
    gateway.send("POST", "/api/v1/archive", &[kind], form.as_bytes()).await.assert_problem(413, "too_large");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_file_that_changes_or_fails_truncates_the_archive() {
    // The sixth read is of the large file at the end.
    for (operation, call, fault) in
        [(Operation::Open, 3, Fault::Fail(ErrorCode::Io)), (Operation::Read, 6, Fault::Change)]
    {
        let faults = Faults::seeded(1);
        let storage = small_tree();
        storage.add_file("docs/zz", vec![1; 2_000_000]).unwrap();
        let gateway = TestGateway::with_storage(Arc::new(FaultyStorage::new(storage, Arc::clone(&faults)))).await;
        faults.at(operation, call, fault);
        let response = gateway.get("/api/v1/archive?path=docs").await;
        assert_eq!((response.status, response.complete), (200, false));
        assert!(gateway.get("/api/v1/archive?path=docs").await.complete);
        gateway.assert_healthy_and_stop().await;
    }
}
