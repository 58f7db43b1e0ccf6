//! Downloads that are sent by sendfile: interleaved, pipelined, concurrent, and of files that change.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fixtures::{LARGE_BYTES, TEST_TIMEOUT, content, read_response, send_request, start_gateway};
use crate::test_gateway::{HttpResponse, TestGateway};
use crate::test_server::Transport;

#[tokio::test]
async fn one_connection_carries_large_and_small_answers_alternately() {
    for transport in Transport::PASSING_FDS {
        let place = tempfile::tempdir().unwrap();
        let large = content(5_000_000);
        std::fs::write(place.path().join("large"), &large).unwrap();
        std::fs::write(place.path().join("middle"), &large[..100_000]).unwrap();
        std::fs::write(place.path().join("small"), "small").unwrap();
        let gateway = start_gateway(place.path(), *transport).await;
        let mut stream = gateway.connect().await;
        for _ in 0..2 {
            assert!(send_request(&mut stream, "GET", "/files/large", "").await.body == large);
            assert_eq!(send_request(&mut stream, "GET", "/files/small", "").await.text(), "small");
            assert!(send_request(&mut stream, "GET", "/files/middle", "").await.body == large[..100_000]);
            let head = send_request(&mut stream, "HEAD", "/files/large", "").await;
            assert_eq!(head.header("content-length"), Some("5000000"));
            for (range, from, to) in [
                ("0-0", 0, 1),
                ("1000-4999999", 1_000, 5_000_000),
                ("-300000", 4_700_000, 5_000_000),
                ("77-1048653", 77, 1_048_654),
            ] {
                let part = send_request(&mut stream, "GET", "/files/large", &format!("range: bytes={range}\r\n")).await;
                assert_eq!(part.status, 206, "{range}");
                assert!(part.body == large[from..to], "{range}");
            }
            let parts =
                send_request(&mut stream, "GET", "/files/large", "range: bytes=0-299999,4000000-4299999\r\n").await;
            assert_eq!(parts.status, 206);
            let holds = |wanted: &[u8]| parts.body.windows(wanted.len()).any(|window| window == wanted);
            assert!(holds(&large[..300_000]) && holds(&large[4_000_000..4_300_000]));
        }
        assert_eq!(gateway.server.client.status().reading.busy, 0);
        drop(stream);
        gateway.assert_healthy_and_stop().await;
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    for transport in Transport::PASSING_FDS {
        let place = tempfile::tempdir().unwrap();
        let large = content(3_000_000);
        std::fs::write(place.path().join("large"), &large).unwrap();
        let gateway = start_gateway(place.path(), *transport).await;
        let mut stream = gateway.connect().await;
        let mut requests = String::new();
        for first in 0..5 {
            requests += &format!("GET /files/large HTTP/1.1\r\nhost: localhost\r\nrange: bytes={first}-\r\n\r\n");
        }
        stream.write_all(requests.as_bytes()).await.unwrap();
        for first in 0..5 {
            assert!(read_response(&mut stream, false).await.body == large[first..]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_readers_get_their_own_bytes() {
    for transport in Transport::PASSING_FDS {
        let place = tempfile::tempdir().unwrap();
        let large = Arc::new(content(4_000_000));
        std::fs::write(place.path().join("large"), &*large).unwrap();
        let gateway = Arc::new(start_gateway(place.path(), *transport).await);
        let readers: Vec<_> = (0..24)
            .map(|number| {
                let (gateway, large) = (Arc::clone(&gateway), Arc::clone(&large));
                tokio::spawn(async move {
                    let first = number * 100_003;
                    let part = gateway.get_with("/files/large", &[("range", &format!("bytes={first}-"))]).await;
                    assert!(part.complete && part.body == large[first..]);
                })
            })
            .collect();
        for reader in readers {
            reader.await.unwrap();
        }
        assert_eq!(gateway.server.client.status().reading.busy, 0);
    }
}

/// The headers and the first bytes of a large file.
async fn begin(gateway: &TestGateway) -> (TcpStream, Vec<u8>) {
    let mut stream = gateway.connect().await;
    stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut bytes = vec![0; 100_000];
    stream.read_exact(&mut bytes).await.unwrap();
    (stream, bytes)
}

async fn end(mut stream: TcpStream, mut bytes: Vec<u8>) -> HttpResponse {
    // The response ends, complete or truncated.
    let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut bytes)).await.expect("the answer does not end");
    HttpResponse::read(&bytes, false).unwrap()
}

#[tokio::test]
async fn a_changed_file_is_cut_and_a_replaced_one_is_complete() {
    for transport in Transport::PASSING_FDS {
        let place = tempfile::tempdir().unwrap();
        let (name, large) = (place.path().join("large"), content(LARGE_BYTES));
        std::fs::write(&name, &large).unwrap();
        let gateway = start_gateway(place.path(), *transport).await;

        let (stream, bytes) = begin(&gateway).await;
        std::fs::write(place.path().join("other"), "other").unwrap();
        std::fs::rename(place.path().join("other"), &name).unwrap();
        let replaced = end(stream, bytes).await;
        assert!(replaced.complete && replaced.body == large);

        std::fs::write(&name, &large).unwrap();
        let (stream, bytes) = begin(&gateway).await;
        let mut file = File::options().append(true).open(&name).unwrap();
        file.write_all(b"more").unwrap();
        let longer = end(stream, bytes).await;
        assert!(longer.complete && longer.body == large, "a file that only grows");

        std::fs::write(&name, &large).unwrap();
        let (stream, bytes) = begin(&gateway).await;
        File::options().write(true).open(&name).unwrap().set_len(LARGE_BYTES as u64 - 1).unwrap();
        let shorter = end(stream, bytes).await;
        assert!(!shorter.complete && shorter.body == large[..shorter.body.len()]);
        gateway.assert_healthy_and_stop().await;
    }
}

#[tokio::test]
async fn a_file_that_is_not_cached_is_sent_completely() {
    for transport in Transport::PASSING_FDS {
        let place = tempfile::tempdir().unwrap();
        // The page cache does not contain the holes of a sparse file before they are read.
        File::create(place.path().join("large")).unwrap().set_len(LARGE_BYTES as u64).unwrap();
        let gateway = start_gateway(place.path(), *transport).await;
        let whole = gateway.get("/files/large").await;
        assert!(whole.complete && whole.body.len() == LARGE_BYTES && whole.body.iter().all(|byte| *byte == 0));
    }
}

#[tokio::test]
async fn a_disconnected_reader_frees_everything() {
    for transport in Transport::PASSING_FDS {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("large"), content(LARGE_BYTES)).unwrap();
        let gateway = start_gateway(place.path(), *transport).await;
        for _ in 0..3 {
            drop(begin(&gateway).await);
        }
        timeout(TEST_TIMEOUT, async {
            while gateway.server.client.status().reading.busy > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("a transfer continues without a reader");
        gateway.assert_healthy_and_stop().await;
    }
}
