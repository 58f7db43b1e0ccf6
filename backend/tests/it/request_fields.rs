//! Fields of requests whose values a server could take for others.

use shared::wire::{FrameKind, Stat, encode};
use shared::{Checksum, ErrorCode, VPath};

use super::raw_connection::{RawConnection, serve_pipe};
use super::test_server::{TestServer, path, reader, small_tree, writer};
use super::uploads::{commit, put, stage};

/// A caller in CBOR, with the head of the map of a request with `fields` fields.
fn request(fields: u8, caller: &shared::wire::Caller, rest: &[u8]) -> Vec<u8> {
    [&[0xa0 + fields, 0x00][..], &encode(caller), rest].concat()
}

async fn check(kind: FrameKind, body: &[u8], expected: Option<ErrorCode>) {
    let (mut raw, server) = serve_pipe(std::sync::Arc::new(small_tree()), Default::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    raw.send_body(kind, 1, body).await;
    assert_eq!(raw.end(1).await, expected, "{kind:?} {body:02x?}");
    raw.assert_usable().await;
}

/// A receiver that read it as an absent field would send the whole file, or replace one that was to stay.
#[tokio::test]
async fn an_unknown_variant_in_a_request_is_refused() {
    let get = |range: &[u8]| request(2, &reader(), &[&b"\x01\x81\xa2\x00\x49hello.txt\x01"[..], range].concat());
    check(FrameKind::Get, &get(b"\x82\x00\x81\x05"), None).await;
    check(FrameKind::Get, &get(b"\xf6"), None).await;
    check(FrameKind::Get, &get(b"\x82\x03\x81\x05"), Some(ErrorCode::BadRequest)).await;
    check(FrameKind::Get, &get(b"\x82\x09\x80"), Some(ErrorCode::BadRequest)).await;
    check(FrameKind::Get, &get(b"\x82\x20\x81\x05"), Some(ErrorCode::BadRequest)).await;
    let id = b"\x01\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let commit = |rest: &[u8]| [&request(4, &writer(), id)[..], rest].concat();
    check(FrameKind::Commit, &commit(b"\x03\x02\x02\xf6"), Some(ErrorCode::NotFound)).await;
    check(FrameKind::Commit, &commit(b"\x03\x04\x02\xf6"), Some(ErrorCode::BadRequest)).await;
    // The end of a map of indefinite length, and a later field, behind the unknown variant.
    let commit = [&b"\xbf"[..], &request(3, &writer(), id)[1..], b"\x03\x04\x18\xc8\x01\xff"].concat();
    check(FrameKind::Commit, &commit, Some(ErrorCode::BadRequest)).await;
    let put = |checksum: &[u8]| [&request(4, &writer(), id)[..], b"\x02\x00\x04", checksum].concat();
    check(FrameKind::Put, &put(b"\xa2\x00\x01\x01\x44abcd"), Some(ErrorCode::NotFound)).await;
    check(FrameKind::Put, &put(b"\xa2\x00\x04\x01\x44abcd"), Some(ErrorCode::BadRequest)).await;
    let list = |order: &[u8]| request(4, &reader(), &[&b"\x01\x40\x04\x01\x02"[..], order].concat());
    check(FrameKind::List, &list(b"\xa2\x00\x02\x01\x01"), None).await;
    check(FrameKind::List, &list(b"\xa2\x00\x03\x01\x01"), Some(ErrorCode::BadRequest)).await;
    check(FrameKind::List, &list(b"\xa2\x00\x02\x01\x02"), Some(ErrorCode::BadRequest)).await;
}

/// The document has bytes; earlier servers took an array of numbers only.
#[tokio::test]
async fn a_digest_is_taken_as_bytes_and_as_numbers() {
    let server = TestServer::start().await;
    let blake3 = *blake3::hash(b"12345").as_bytes();
    let as_bytes = [&b"\x58\x20"[..], &blake3].concat();
    let as_numbers = blake3.iter().fold(b"\x98\x20".to_vec(), |all, byte| [&all[..], &[0x18, *byte]].concat());
    let mut raw = RawConnection::open(&server).await;
    for (number, digest) in [as_bytes, as_numbers].into_iter().enumerate() {
        let upload = server.client.stage(&stage(&format!("file-{number}"), Some(5))).await.unwrap();
        put(&server.client, upload.id, 0, b"12345").await.unwrap();
        let rest = [&b"\x01\x50"[..], &upload.id.0, b"\x05", &digest].concat();
        raw.send_body(FrameKind::Commit, 1, &request(3, &writer(), &rest)).await;
        assert_eq!(raw.end(1).await, None, "{number}");
    }
    let sent = encode(&shared::wire::Commit { blake3: Some(blake3.to_vec()), ..commit(shared::UploadId([0; 16])) });
    assert!(sent.ends_with(&[&b"\x05\x58\x20"[..], &blake3].concat()), "it is sent as bytes");
    let known = Checksum { algorithm: shared::Algorithm::Crc32, digest: vec![1, 2, 3, 4] };
    assert_eq!(encode(&known), b"\xa2\x00\x01\x01\x44\x01\x02\x03\x04");
    server.stop().await;
}

/// What `for_reading` answers is what a GET answers, for everything that a folder can hold.
#[cfg(unix)]
#[tokio::test]
async fn stat_for_reading_refuses_what_get_refuses() {
    use std::os::unix::fs::symlink;

    use backend::client::{GetItem, Item};
    use backend::storage::local::LocalStorage;

    let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| place.path().join(name);
    std::fs::write(at("file"), "file").unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    symlink("file", at("link")).unwrap();
    symlink("folder", at("link-to-folder")).unwrap();
    symlink("pipe", at("link-to-pipe")).unwrap();
    symlink(outside.path().join("secret"), at("link-out")).unwrap();
    symlink("nothing", at("broken")).unwrap();
    let server = TestServer::with_storage(LocalStorage::open(place.path(), None).unwrap().into()).await;
    let check = async |name: &str, expected: Option<ErrorCode>| {
        let path = if name.is_empty() { VPath::root() } else { path(name) };
        let stat = server.client.stat_for_reading(&reader(), &path).await;
        assert_eq!(stat.err().map(|error| error.code), expected, "STAT {name}");
        let item = GetItem { path: path.clone(), range: None, if_etag: None, if_prefix: None };
        let mut transfer = server.client.get(&reader(), vec![item]).await.unwrap();
        let got = match transfer.next_item().await.unwrap().unwrap() {
            Item::Refused(failure) => Some(failure.code),
            _ => None,
        };
        assert_eq!(got, expected, "GET {name}");
    };
    check("file", None).await;
    check("link", None).await;
    check("", Some(ErrorCode::IsFolder)).await;
    check("folder", Some(ErrorCode::IsFolder)).await;
    check("link-to-folder", Some(ErrorCode::IsFolder)).await;
    check("pipe", Some(ErrorCode::NotRegular)).await;
    check("link-to-pipe", Some(ErrorCode::NotRegular)).await;
    check("link-out", Some(ErrorCode::LinkEscapes)).await;
    check("broken", Some(ErrorCode::LinkEscapes)).await;
    check("none", Some(ErrorCode::NotFound)).await;
    let looked_up = Stat { caller: reader(), path: path("folder"), for_reading: Some(false) };
    let mut raw = RawConnection::open(&server).await;
    raw.send(FrameKind::Stat, 1, &looked_up).await;
    assert_eq!(raw.end(1).await, None);
    server.stop().await;
}
