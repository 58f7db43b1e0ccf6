//! Digests over every byte of an upload or an archive.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const PIECE_BYTES: usize = shared::limits::PIECE_BYTES;

fn digests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digest of a piece");
    group.throughput(Throughput::Bytes(PIECE_BYTES as u64));
    let piece: Vec<u8> = (0..PIECE_BYTES).map(|at| (at * 31 % 251) as u8).collect();
    group.bench_function("BLAKE3", |bencher| bencher.iter(|| blake3::hash(black_box(&piece))));
    group.bench_function("CRC-32", |bencher| bencher.iter(|| crc32fast::hash(black_box(&piece))));
    group.finish();
}

criterion_group!(group, digests);
criterion_main!(group);
