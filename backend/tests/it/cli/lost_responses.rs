//! Client verbs whose file server carries out a request and dies before it responds.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use backend::server::ServerConfig;
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use shared::wire::FrameKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::shell::Shell;
use crate::test_server::{TestServer, path};

/// A proxy that drops the file server's response to the first COMMIT.
struct DroppingProxy {
    /// The current address of the file server.
    server: Mutex<SocketAddr>,
    has_dropped: AtomicBool,
    done: Notify,
}

impl DroppingProxy {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((client, _)) = listener.accept().await {
            let proxy = Arc::clone(&self);
            tokio::spawn(async move { proxy.forward(client).await });
        }
    }

    /// Forwards frames of the client and bytes of the server.
    async fn forward(self: Arc<Self>, client: TcpStream) -> Option<()> {
        let address = *self.server.lock().unwrap();
        let server = TcpStream::connect(address).await.ok()?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let drop_response = Arc::new(AtomicBool::new(false));
        let (is_dropped, proxy) = (Arc::clone(&drop_response), Arc::clone(&self));
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                if is_dropped.load(Ordering::SeqCst) {
                    proxy.done.notify_one();
                    return;
                }
                if to_client.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        });
        loop {
            let mut frame = vec![0; 4];
            from_client.read_exact(&mut frame).await.ok()?;
            let length = u32::from_be_bytes(frame[..].try_into().ok()?) as usize;
            frame.resize(4 + length, 0);
            from_client.read_exact(&mut frame[4..]).await.ok()?;
            // The client sends one request at a time, so there is no other response.
            if frame[4] == FrameKind::Commit as u8 && !self.has_dropped.swap(true, Ordering::SeqCst) {
                drop_response.store(true, Ordering::SeqCst);
            }
            to_server.write_all(&frame).await.ok()?;
        }
    }
}

/// Uploads a small file while the server restarts between its COMMIT and the response. Returns the names on the server.
async fn put_across_a_restart(conflict: &str) -> Vec<String> {
    let storage = MemoryStorage::new();
    storage.add_file("kept.txt", "was here before").unwrap();
    let records = Arc::new(backend::server::Database::in_memory().unwrap());
    let server = TestServer::with_database(Arc::new(storage.clone()), records.clone(), ServerConfig::default()).await;
    let mut shell = Shell::at(&server);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    shell.server = listener.local_addr().unwrap().to_string();
    let proxy = Arc::new(DroppingProxy {
        server: Mutex::new(server.tcp),
        has_dropped: AtomicBool::new(false),
        done: Notify::new(),
    });
    let serving = tokio::spawn(Arc::clone(&proxy).serve(listener));
    let name = if conflict == "keep-both" { "kept.txt" } else { "new.txt" };
    fs::write(shell.path(name), "small").unwrap();
    let running = shell.start(&["put", "--conflict", conflict, name, "/"]);
    proxy.done.notified().await;
    let key = server.key.clone();
    server.stop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let records = Some(records);
    let server = TestServer::on_listener_with_database(
        listener,
        key,
        Arc::new(storage.clone()),
        records,
        ServerConfig::default(),
    )
    .await;
    *proxy.server.lock().unwrap() = server.tcp;
    let ran = tokio::task::spawn_blocking(move || running.end()).await.unwrap();
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    server.stop().await;
    serving.abort();
    let mut names = Vec::new();
    storage
        .list(&path(""), &mut |entry| {
            names.push(entry.path.encoded());
            backend::storage::Visit::Continue
        })
        .unwrap();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_committed_before_a_restart_is_not_sent_again() {
    for conflict in ["fail", "replace", "skip"] {
        assert_eq!(put_across_a_restart(conflict).await, ["kept.txt", "new.txt"], "{conflict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_both_makes_one_file_across_a_restart() {
    assert_eq!(put_across_a_restart("keep-both").await, ["kept%20%282%29.txt", "kept.txt"]);
}
