//! Media types that depend on a file's content: the charset of text, and films named `.ts`.

use std::sync::Arc;

use backend::storage::memory::MemoryStorage;

use crate::test_gateway::TestGateway;

/// "日本語" in Shift-JIS.
const SHIFT_JIS: &[u8] = b"\x93\xfa\x96\x7b\x8c\xea\n";

/// Packets of an MPEG transport stream (ISO 13818-1): 188 bytes, the first of which is 0x47.
fn transport_stream(packets: usize) -> Vec<u8> {
    let packet: Vec<u8> = [0x47, 0x40, 0x11, 0x10].into_iter().chain(std::iter::repeat_n(0xff, 184)).collect();
    packet.repeat(packets)
}

async fn check(gateway: &TestGateway, name: &str, expected: &str) {
    let target = format!("/files/{name}");
    let whole = gateway.get(&target).await;
    assert_eq!((whole.status, whole.header("content-type")), (200, Some(expected)), "{name}");
    assert!(whole.complete);
    assert_eq!(gateway.head(&target).await.header("content-type"), Some(expected), "HEAD {name}");
    let part = gateway.get_with(&target, &[("range", "bytes=5-6")]).await;
    assert_eq!((part.status, part.header("content-type")), (206, Some(expected)), "a part of {name}");
    let parts = gateway.get_with(&target, &[("range", "bytes=0-1,5-6")]).await;
    assert_eq!(parts.status, 206);
    let body = String::from_utf8_lossy(&parts.body).to_lowercase();
    assert_eq!(body.matches(&format!("content-type: {expected}\r\n").to_lowercase()).count(), 2, "parts of {name}");
}

fn storage() -> MemoryStorage {
    let storage = MemoryStorage::new();
    let long = b"plain text\n".repeat(100_000);
    for (name, content) in [
        ("utf8.txt", "日本語\n".as_bytes().to_vec()),
        ("ascii.md", b"plain text".to_vec()),
        ("long.log", long.clone()),
        ("sjis.txt", SHIFT_JIS.to_vec()),
        ("sjis.html", [b"<meta charset=shift_jis>".as_slice(), SHIFT_JIS].concat()),
        ("sjis.csv", [b"plain,".as_slice(), SHIFT_JIS].concat()),
        ("latin.rs", b"// caf\xe9 and more".to_vec()),
        ("late.log", [&long[..40_000], b"caf\xe9\n", &long].concat()),
        ("utf16.txt", b"\xff\xfea\0b\0c\0\n\0".to_vec()),
        ("jis.txt", b"\x1b$BF|K\\8l\x1b(B\n".to_vec()),
        ("film.ts", transport_stream(1000)),
        ("short.ts", transport_stream(3)),
        ("code.ts", b"Great: string = 'x';\n".to_vec()),
        ("film.mts", transport_stream(1000)),
        ("code.mts", b"export const a = 1;\n".to_vec()),
    ] {
        storage.add_file(name, content).unwrap();
    }
    storage
}

#[tokio::test]
async fn text_is_declared_utf_8_if_it_is() {
    let gateway = TestGateway::with_storage(Arc::new(storage())).await;
    check(&gateway, "utf8.txt", "text/plain; charset=utf-8").await;
    check(&gateway, "ascii.md", "text/markdown; charset=utf-8").await;
    check(&gateway, "long.log", "text/plain; charset=utf-8").await;
    check(&gateway, "sjis.txt", "text/plain").await;
    check(&gateway, "sjis.html", "text/html").await;
    check(&gateway, "sjis.csv", "text/csv").await;
    check(&gateway, "latin.rs", "text/plain").await;
    check(&gateway, "late.log", "text/plain").await;
    check(&gateway, "utf16.txt", "text/plain").await;
    check(&gateway, "jis.txt", "text/plain").await;
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn the_content_of_a_ts_file_decides_between_film_and_typescript() {
    let gateway = TestGateway::with_storage(Arc::new(storage())).await;
    check(&gateway, "film.ts", "video/mp2t").await;
    check(&gateway, "short.ts", "video/mp2t").await;
    check(&gateway, "code.ts", "text/plain; charset=utf-8").await;
    check(&gateway, "film.mts", "video/mp2t").await;
    check(&gateway, "code.mts", "text/plain; charset=utf-8").await;
    gateway.assert_healthy_and_stop().await;
}

/// The type of a file that was replaced is that of the new content.
#[tokio::test]
async fn the_type_follows_the_content() {
    let gateway = TestGateway::writable().await;
    for (content, expected) in
        [(b"caf\xe9 latin".as_slice(), "text/plain"), ("café in utf-8".as_bytes(), "text/plain; charset=utf-8")]
    {
        let put = gateway.send("PUT", "/files/note.txt", &[], content).await;
        assert!(put.status < 300, "{put:?}");
        check(&gateway, "note.txt", expected).await;
    }
    gateway.assert_healthy_and_stop().await;
}
