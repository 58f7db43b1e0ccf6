//! Any bytes as a client, before its key is proved and after: the server ends the connection, well or not, and takes no
//! more memory than its limits come to.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use backend::server::{Server, ServerConfig, serve_connection};
use backend::storage::memory::MemoryStorage;
use backend::wire::{Frame, FrameReader, FrameWriter, Key, Transcript};
use libfuzzer_sys::fuzz_target;
use shared::Rights;
use shared::wire::{Auth, FrameKind, Hello, MAGIC, VERSION, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// What one connection may take besides what is there anyway: a frame, what it decodes to, and an answer on its way.
const MEMORY_BYTES_MAX: usize = 16 << 20;
const PIPE_BYTES: usize = 64 << 10;

fuzz_target!(|input: (u8, &[u8])| {
    let (mode, bytes) = input;
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    WORLD.runtime.block_on(one_connection(mode & 1 == 1, bytes));
    let taken = PEAK.load(Ordering::Relaxed) - before;
    assert!(taken <= MEMORY_BYTES_MAX, "{taken} bytes");
});

struct World {
    runtime: Runtime,
    server: Arc<Server>,
    key: Key,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    // On a paused clock no limit of time is waited for.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let storage = MemoryStorage::new();
    storage.add_file("a", "x").and_then(|it| it.add_file("d/b", vec![7; 100_000])).expect("two files");
    storage.add_link("l", "d").and_then(|it| it.add_link("e", "../..")).expect("two links");
    let key: Key = format!("passerelle-key-1 k {}", "07".repeat(32)).parse().expect("a key");
    let server = Server::new(Arc::new(storage), None, [(key.clone(), Rights::ALL)], ServerConfig::default());
    World { runtime, server, key }
});

async fn one_connection(opened: bool, bytes: &[u8]) {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let server = tokio::spawn(async {
        let (reader, writer) = split(far);
        serve_connection(reader, writer, &WORLD.server, &CancellationToken::new()).await;
    });
    let (mut reader, mut writer) = split(near);
    if opened {
        handshake(&mut FrameReader::new(&mut reader), &mut FrameWriter::new(&mut writer)).await;
    }
    let say = async {
        // The server may have heard enough before the end.
        let _ = writer.write_all(bytes).await;
        let _ = writer.shutdown().await;
    };
    let listen = async {
        let mut scratch = vec![0; PIPE_BYTES];
        while reader.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
    };
    let all = async {
        tokio::join!(say, listen);
        server.await.expect("the server does not panic");
    };
    tokio::time::timeout(Duration::from_secs(3_600), all).await.expect("the connection ends");
}

async fn handshake<R, W>(reader: &mut FrameReader<R>, writer: &mut FrameWriter<W>)
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    let hello = Hello {
        magic: MAGIC.into(),
        min_version: VERSION,
        max_version: VERSION,
        capabilities: Vec::new(),
        nonce: [1; 32],
    };
    let mut transcript = Transcript::default();
    let hello = Frame::new(FrameKind::Hello, 0, encode(&hello));
    transcript.add(&hello);
    writer.queue_frame(&hello);
    writer.flush().await.expect("HELLO");
    transcript.add(&reader.message().await.expect("a frame").expect("HELLO_ACK"));
    let proof = transcript.client_proof(&WORLD.key);
    writer.queue(FrameKind::Auth, 0, &Auth { key_id: WORLD.key.id().into(), proof, max_data: Some(4_096) });
    writer.flush().await.expect("AUTH");
    let ok = reader.message().await.expect("a frame").expect("AUTH_OK");
    assert_eq!(ok.kind(), Some(FrameKind::AuthOk));
}

/// Counts what is allocated.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came; numbers are counted besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
