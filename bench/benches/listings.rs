//! The cost of each row of a listing: its sort key, and the block of columns in which it is sent.

mod samples;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use samples::names;
use shared::columns::{Builder, Columns, Head, Row};
use shared::name_key::name_key;
use shared::{ETag, Kind, Timestamp};

const ROWS: u32 = 500;

fn listings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("listing");
    group.throughput(Throughput::Elements(u64::from(ROWS)));
    let names = names(ROWS);
    group.bench_function("sort keys of names", |bencher| {
        bencher.iter(|| names.iter().map(|name| name_key(black_box(name))).collect::<Vec<_>>());
    });
    let keys: Vec<_> = names.iter().map(|name| name_key(name)).collect();
    group.bench_function("sorted by their keys", |bencher| {
        bencher.iter_batched_ref(|| keys.clone(), |keys| keys.sort_unstable(), BatchSize::SmallInput);
    });

    let head = Head { total: u64::from(ROWS), last: true, ..Head::default() };
    let mut builder = Builder::new();
    let mut block = || {
        for name in &names {
            assert!(builder.push(&row(name)), "the block has room for all of them");
        }
        builder.finish(&head)
    };
    let bytes = block();
    group.bench_function("block, written", |bencher| bencher.iter(&mut block));
    group.bench_function("block, checked and read", |bencher| {
        bencher.iter(|| {
            let columns = Columns::parse(black_box(&bytes[..])).expect("a block");
            columns.rows().map(|row| row.size + row.name.len() as u64).sum::<u64>()
        });
    });
    group.finish();
}

/// A row for a file with that name.
fn row(name: &[u8]) -> Row<'_> {
    Row {
        name,
        kind: Kind::File,
        size: 3_141_592,
        modified: Timestamp(1_700_000_000_123_456_789),
        executable: false,
        link: None,
        etag: Some(ETag([7; 16])),
    }
}

criterion_group!(group, listings);
criterion_main!(group);
