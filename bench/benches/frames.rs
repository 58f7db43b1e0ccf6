//! The header of a frame and its message, which every request encodes and decodes.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use shared::VPath;
use shared::wire::{FrameKind, Header, Phase, Stat, decode, encode};

fn frames(criterion: &mut Criterion) {
    let header = Header::new(FrameKind::Data, 7, 256 << 10);
    criterion.bench_function("header, written", |bencher| bencher.iter(|| black_box(header).encode()));
    let bytes = header.encode();
    let phase = Phase::Open { data_bytes_max: 1 << 20 };
    criterion.bench_function("header, read", |bencher| bencher.iter(|| Header::decode(black_box(bytes), phase)));

    let path = VPath::from_bytes(b"photographs/2026/holiday picture 17.jpg".as_slice()).expect("a path");
    let message = Stat { caller: Default::default(), path, for_reading: None };
    criterion.bench_function("message, written", |bencher| bencher.iter(|| encode(black_box(&message))));
    let bytes = encode(&message);
    criterion.bench_function("message, read", |bencher| bencher.iter(|| decode::<Stat>(black_box(&bytes))));
}

criterion_group!(group, frames);
criterion_main!(group);
