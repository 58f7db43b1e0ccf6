//! What every request costs before its work begins: the header of a frame and its message, which are encoded and
//! decoded, and the decision about a path by the grants of the caller.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use shared::wire::{FrameKind, Header, Phase, Stat, decode, encode};
use shared::{Grant, Rights, Scope, VPath};

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

fn rights(criterion: &mut Criterion) {
    let path = |text: &str| VPath::from_bytes(text.as_bytes()).expect("a path");
    let asked = path("home/user 0000/photographs/2026/holiday picture 17.jpg");
    let whole = Scope::whole(Rights::READ_ONLY);
    criterion.bench_function("rights, one grant at the root", |bencher| {
        bencher.iter(|| black_box(&whole).rights_at(black_box(&asked)));
    });
    criterion.bench_function("path checked, one grant at the root", |bencher| {
        bencher.iter(|| black_box(&whole).check(Rights::READ, black_box(&asked)));
    });
    for count in [16, 256] {
        let grant = |number| Grant { at: path(&format!("home/user {number:04}")), rights: Rights::READ_ONLY };
        let scope = Scope { base: VPath::root(), grants: (0..count).map(grant).collect() };
        criterion.bench_function(&format!("rights, {count} grants"), |bencher| {
            bencher.iter(|| black_box(&scope).rights_at(black_box(&asked)));
        });
    }
}

criterion_group!(group, frames, rights);
criterion_main!(group);
