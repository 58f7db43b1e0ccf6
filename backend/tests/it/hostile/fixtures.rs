//! Connections in memory, pseudo-random bytes, and the check that a server is still healthy.

use std::sync::Arc;

use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;

use crate::raw_connection::{PipeServer, RawPipe, serve_pipe};
use crate::test_server::{TestServer, path, reader, small_tree};

/// The storage behind the connections in memory.
pub(super) fn storage_with_files() -> Arc<MemoryStorage> {
    Arc::new(small_tree())
}

pub(super) fn connect_in_memory() -> (RawPipe, PipeServer) {
    serve_pipe(storage_with_files(), ServerConfig::default(), 64 << 10)
}

/// Checks that the server still serves a client, and then stops completely.
pub(super) async fn assert_healthy_and_stop(server: TestServer) {
    assert_eq!(server.client.stat(&reader(), &path("hello.txt")).await.unwrap().size, 13);
    server.stop().await;
}

/// Reproducible bytes from a seed (SplitMix64).
pub(super) fn pseudo_random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as u8
    };
    (0..length).map(|_| next()).collect()
}
