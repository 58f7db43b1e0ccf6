//! Sends arbitrary bytes to a server, before or after the handshake, with or without an upload in progress: the server
//! closes the connection, and its memory stays within its limits.
//!
//! The first byte of an input selects the state: bit 0 completes the handshake, bit 1 then starts an upload, whose id
//! replaces each [`UPLOAD_ID_PLACEHOLDER`] in the rest of the input.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use backend::server::{Database, Server, ServerConfig, serve_connection};
use backend::storage::memory::MemoryStorage;
use backend::wire::{Frame, FrameReader, FrameWriter, Key, Source, Transcript};
use libfuzzer_sys::fuzz_target;
use shared::wire::{Auth, Caller, FrameKind, Hello, MAGIC, Stage, Upload, VERSION, encode};
use shared::{Conflict, Rights, Scope, VPath};
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// Maximum memory of one connection: a frame, the message decoded from it, and an answer.
const MEMORY_BYTES_MAX: usize = 16 << 20;
const PIPE_BYTES: usize = 64 << 10;
/// Stands for the id of the upload, which is random.
const UPLOAD_ID_PLACEHOLDER: [u8; 16] = *b"the upload's id.";

fuzz_target!(|input: (u8, &[u8])| {
    let (mode, bytes) = input;
    // A new server for each input, so that inputs do not influence each other.
    let server = FIXTURE.runtime.block_on(async { FIXTURE.server() });
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    FIXTURE.runtime.block_on(one_connection(server, mode, bytes));
    let used = PEAK.load(Ordering::Relaxed) - before;
    assert!(used <= MEMORY_BYTES_MAX, "{used} bytes");
});

struct Fixture {
    runtime: Runtime,
    key: Key,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    // With a paused clock, timeouts elapse at once.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let key: Key = format!("passerelle-key-1 k {}", "07".repeat(32)).parse().expect("a key");
    Fixture { runtime, key }
});

impl Fixture {
    /// A server with a small tree and an empty database.
    fn server(&self) -> Arc<Server> {
        let storage = MemoryStorage::new();
        storage.add_file("a", "x").and_then(|it| it.add_file("d/b", vec![7; 100_000])).expect("two files");
        storage.add_link("l", "d").and_then(|it| it.add_link("e", "../..")).expect("two links");
        let records = Arc::new(Database::in_memory().expect("a database in memory"));
        let keys = [(self.key.clone(), Rights::ALL)];
        Server::new(Arc::new(storage), Some(records), keys, ServerConfig::default())
    }
}

async fn one_connection(server: Arc<Server>, mode: u8, bytes: &[u8]) {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let server = tokio::spawn(async move {
        let (reader, writer) = split(far);
        let never = CancellationToken::new();
        serve_connection(reader, writer, &server, &never, &never).await;
    });
    let (mut reader, mut writer) = split(near);
    let mut bytes = bytes.to_vec();
    if mode & 1 == 1 {
        let (mut reader, mut writer) = (FrameReader::new(&mut reader), FrameWriter::new(&mut writer));
        handshake(&mut reader, &mut writer).await;
        if mode & 2 == 2 {
            let upload = begin_upload(&mut reader, &mut writer).await;
            while let Some(at) = bytes.windows(16).position(|window| window == UPLOAD_ID_PLACEHOLDER) {
                bytes[at..at + 16].copy_from_slice(&upload.id.0);
            }
        }
    }
    let write = async {
        // The server may close the connection before it has read everything.
        let _ = writer.write_all(&bytes).await;
        let _ = writer.shutdown().await;
    };
    let read = async {
        let mut scratch = vec![0; PIPE_BYTES];
        while reader.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
    };
    let all = async {
        tokio::join!(write, read);
        server.await.expect("the server does not panic");
    };
    tokio::time::timeout(Duration::from_secs(3_600), all).await.expect("the connection ends");
}

async fn handshake<R, W>(reader: &mut FrameReader<R>, writer: &mut FrameWriter<W>)
where
    R: Source,
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
    let proof = transcript.client_proof(&FIXTURE.key);
    writer.queue(FrameKind::Auth, 0, &Auth { key_id: FIXTURE.key.id().into(), proof, max_data: Some(4_096) });
    writer.flush().await.expect("AUTH");
    let ok = reader.message().await.expect("a frame").expect("AUTH_OK");
    assert_eq!(ok.kind(), Some(FrameKind::AuthOk));
}

/// Starts an upload of ten bytes.
async fn begin_upload<R, W>(reader: &mut FrameReader<R>, writer: &mut FrameWriter<W>) -> Upload
where
    R: Source,
    W: tokio::io::AsyncWrite + Unpin,
{
    let stage = Stage {
        caller: Caller { scope: Scope::whole(Rights::ALL), ..Caller::default() },
        target: Some(VPath::parse("u").expect("a path")),
        length: Some(10),
        conflict: Conflict::Replace,
        resumable: true,
        ..Stage::default()
    };
    writer.queue(FrameKind::Stage, 1, &stage);
    writer.flush().await.expect("STAGE");
    let answer = reader.message().await.expect("a frame").expect("UPLOAD");
    let upload = answer.message().expect("UPLOAD");
    let end = reader.message().await.expect("a frame").expect("END");
    assert_eq!(end.kind(), Some(FrameKind::End));
    upload
}

/// An allocator that counts allocated bytes.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is forwarded unchanged to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is that of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
