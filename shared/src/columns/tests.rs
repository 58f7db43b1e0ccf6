//! Blocks: round trips, and bytes that must be refused without a panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::entry::{ETag, Entry, Kind, Link, Timestamp};
use crate::limits::{COLUMNS_BYTES_MAX, CURSOR_BYTES_MAX, PATH_BYTES_MAX};
use crate::path::VPath;

/// A row with its own name.
type Owned = (Vec<u8>, Entry);

fn rows() -> impl Strategy<Value = Vec<Owned>> {
    let name = vec(any::<u8>(), 1..40).prop_filter("a name", |name| crate::path::is_name(name));
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Folder), Just(Kind::Other)];
    let link = prop_oneof![
        4 => Just(None),
        2 => vec(any::<u8>(), 0..60).prop_map(|target| Some(Link::Inside(target))),
        1 => Just(Some(Link::Escapes)),
        1 => Just(Some(Link::Broken)),
    ];
    let row = (name, kind, any::<u64>(), any::<i64>(), any::<bool>(), link, any::<Option<[u8; 16]>>());
    let row = row.prop_map(|(name, kind, size, modified, executable, link, etag)| {
        let (modified, etag) = (Timestamp(modified), etag.map(ETag));
        (name, Entry { path: VPath::root(), kind, size, modified, executable, link, etag })
    });
    vec(row, 0..40)
}

fn row((name, entry): &Owned) -> Row<'_> {
    Row { name, ..Row::of(entry) }
}

fn head() -> impl Strategy<Value = Head> {
    (any::<u64>(), any::<Option<[u8; 16]>>(), any::<bool>(), proptest::option::of("[a-z.]{1,200}")).prop_map(
        |(total, etag, last, cursor)| Head { total, etag: etag.map(ETag), last, next_cursor: cursor.filter(|_| last) },
    )
}

proptest! {
    #[test]
    fn blocks_read_back(rows in rows(), head in head()) {
        let mut builder = Builder::new();
        for owned in &rows {
            prop_assert!(builder.push(&row(owned)));
        }
        let block = builder.finish(&head);
        prop_assert!(builder.is_empty());
        prop_assert_eq!(block_bytes(&block), Ok(Some(block.len())));
        prop_assert_eq!(peek(&block), Ok(Head { next_cursor: None, ..head.clone() }));
        let mut block = block;
        set_etag(&mut block, ETag([7; 16]));
        prop_assert_eq!(peek(&block).unwrap().etag, Some(ETag([7; 16])));
        let columns = Columns::parse(&block).unwrap();
        prop_assert_eq!(columns.head(), Head { etag: Some(ETag([7; 16])), ..head });
        prop_assert_eq!(columns.rows().collect::<Vec<_>>(), rows.iter().map(row).collect::<Vec<_>>());
        for (index, (_, entry)) in rows.iter().enumerate() {
            prop_assert_eq!(columns.is_link(index), entry.link.is_some());
            prop_assert_eq!(columns.is_link_inside(index), matches!(entry.link, Some(Link::Inside(_))));
        }
    }

    #[test]
    fn no_bytes_panic(rows in rows(), head in head(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut builder = Builder::new();
        rows.iter().for_each(|owned| assert!(builder.push(&row(owned))));
        let mut block = builder.finish(&head);
        for (at, byte) in changes {
            let at = at.index(block.len());
            block[at] = byte;
        }
        if let Ok(columns) = Columns::parse(&block) {
            // An accepted block is written back unchanged.
            columns.rows().for_each(|row| assert!(builder.push(&row)));
            let again = builder.finish(&columns.head());
            let again = Columns::parse(&again).unwrap();
            prop_assert!(columns.rows().eq(again.rows()));
        }
    }
}

fn one(name: &[u8]) -> Vec<u8> {
    let entry = Entry {
        path: VPath::root(),
        kind: Kind::File,
        size: 7,
        modified: Timestamp(9),
        executable: true,
        link: None,
        etag: Some(ETag([0xab; 16])),
    };
    let mut builder = Builder::new();
    assert!(builder.push(&Row { name, ..Row::of(&entry) }));
    let next_cursor = Some(String::from("go"));
    builder.finish(&Head { total: 3, etag: Some(ETag([1; 16])), last: true, next_cursor })
}

#[test]
fn golden_bytes() {
    let block = one(b"a.txt");
    let mut expected = b"PLST\x01\0\x03\0\x68\0\0\0\x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0".to_vec();
    expected.extend(b"\x03\0\0\0\0\0\0\0");
    expected.extend([1; 16]);
    expected.extend(b"\x07\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0");
    expected.extend([0xab; 16]);
    expected.extend(b"\x05\0\0\0\x30a.txtgo\0\0\0\0");
    assert_eq!(block, expected);
}

#[test]
fn malformed_blocks_are_refused() {
    let block = one(b"a");
    let error = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = block.clone();
        change(&mut bytes);
        Columns::parse(bytes).map(|_| ()).unwrap_err()
    };
    assert_eq!(error(&|bytes| bytes.clear()), ColumnsError::Length);
    assert_eq!(error(&|bytes| bytes.truncate(60)), ColumnsError::Length);
    assert_eq!(error(&|bytes| bytes.push(0)), ColumnsError::Length);
    assert_eq!(error(&|bytes| bytes[0] = b'p'), ColumnsError::Foreign);
    assert_eq!(error(&|bytes| bytes[4] = 2), ColumnsError::Foreign);
    // An unknown flag; a cursor before the last block.
    assert_eq!(error(&|bytes| bytes[6] = 4), ColumnsError::Broken);
    assert_eq!(error(&|bytes| bytes[6] = 2), ColumnsError::Broken);
    // Numbers of rows that could overflow.
    for at in [12, 16, 20, 24] {
        assert_eq!(error(&|bytes| bytes[at..at + 4].fill(0xff)), ColumnsError::Length);
    }
    assert_eq!(error(&|bytes| bytes[8..12].fill(0xf8)), ColumnsError::Length);
    for name in [b"/".as_slice(), b"\0", b"."] {
        assert_eq!(Columns::parse(one(name)).map(|_| ()).unwrap_err(), ColumnsError::Broken, "{name:?}");
    }
}

#[test]
fn an_empty_builder_has_room_for_the_largest_row() {
    let name = [b'n'; PATH_BYTES_MAX];
    let mut entry = Entry {
        path: VPath::root(),
        kind: Kind::File,
        size: 0,
        modified: Timestamp(0),
        executable: false,
        link: Some(Link::Inside(vec![b't'; PATH_BYTES_MAX])),
        etag: None,
    };
    let mut builder = Builder::new();
    let mut rows = 0;
    while builder.push(&Row { name: &name, ..Row::of(&entry) }) {
        rows += 1;
    }
    assert!(rows > 0);
    let cursor = Some("c".repeat(CURSOR_BYTES_MAX));
    let block = builder.finish(&Head { last: true, next_cursor: cursor.clone(), ..Head::default() });
    assert!(block.len() <= COLUMNS_BYTES_MAX);
    assert_eq!(Columns::parse(&block).unwrap().next_cursor(), cursor.as_deref());
    // A target longer than any path is left out.
    entry.link = Some(Link::Inside(vec![b't'; PATH_BYTES_MAX + 1]));
    assert!(builder.push(&Row { name: b"n", ..Row::of(&entry) }));
    let block = builder.finish(&Head::default());
    assert_eq!(Columns::parse(block).unwrap().link(0), Some(Link::Inside(Vec::new())));
}
