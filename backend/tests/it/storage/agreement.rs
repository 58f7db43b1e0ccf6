//! Random trees: a served directory agrees with the reference in memory.
#![cfg(unix)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use shared::{Entry, ErrorCode, Kind, Link};

use super::fixtures::MemoryFixture;
use super::local::{CONTAINMENTS, LocalFixture};
use super::{Fixture, content, list, stat};

/// An entry of a random tree.
#[derive(Clone, Debug)]
enum Piece {
    File(usize),
    Folder,
    Link(Target),
    Special,
}

#[derive(Clone, Debug)]
struct Target {
    below_root: bool,
    text: String,
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        5 => Just("a"),
        5 => Just("b"),
        3 => Just("c"),
        1 => Just("d é"),
        1 => Just(".passerelle"),
    ]
}

fn joined_names(depth: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(name(), depth).prop_map(|names| names.join("/"))
}

fn target() -> impl Strategy<Value = Target> {
    let step = prop_oneof![6 => name(), 3 => Just(".."), 1 => Just("."), 1 => Just("")];
    let text = prop::collection::vec(step, 1..5).prop_map(|steps| steps.join("/"));
    (prop::bool::weighted(0.3), text)
        .prop_filter("no system has links with an empty target", |(below_root, text)| *below_root || !text.is_empty())
        .prop_map(|(below_root, text)| Target { below_root, text })
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => (0..9_usize).prop_map(Piece::File),
        3 => Just(Piece::Folder),
        5 => target().prop_map(Piece::Link),
        1 => Just(Piece::Special),
    ]
}

fn build(fixture: &dyn Fixture, tree: &BTreeMap<String, Piece>) {
    for (path, piece) in tree {
        let path = path.as_bytes();
        match piece {
            Piece::File(length) => fixture.file(path, &vec![b'x'; *length]),
            Piece::Folder => fixture.folder(path),
            Piece::Link(Target { below_root: true, text }) => {
                fixture.link(path, &[fixture.root().as_slice(), b"/", text.as_bytes()].concat());
            }
            Piece::Link(Target { text, .. }) => fixture.link(path, text.as_bytes()),
            Piece::Special => assert!(fixture.special(path)),
        }
    }
}

/// The pieces that fit into one tree: every parent is a folder or missing.
fn planted(pieces: Vec<(String, Piece)>) -> BTreeMap<String, Piece> {
    let mut tree = BTreeMap::new();
    for (path, piece) in pieces {
        let parents = path.match_indices('/').map(|(index, _)| &path[..index]);
        let rooted = parents.clone().all(|parent| matches!(tree.get(parent), None | Some(Piece::Folder)));
        if rooted && !tree.contains_key(&path) {
            for parent in parents.map(str::to_owned).collect::<Vec<_>>() {
                tree.insert(parent, Piece::Folder);
            }
            tree.insert(path, piece);
        }
    }
    tree
}

/// The properties on which two backends must agree.
type Seen = Result<(Kind, u64, Option<Link>, bool), ErrorCode>;

fn seen(entry: Entry) -> (Kind, u64, Option<Link>, bool) {
    (entry.kind, entry.size, entry.link, entry.etag.is_some())
}

#[derive(PartialEq, Debug)]
struct SeenAt {
    stat: Seen,
    list: Result<Vec<(Vec<u8>, Seen)>, ErrorCode>,
    content: Result<Vec<u8>, ErrorCode>,
}

fn seen_at(fixture: &dyn Fixture, path: &str) -> SeenAt {
    let path = path.as_bytes();
    let listed = list(fixture, path);
    SeenAt {
        stat: stat(fixture, path).map(seen),
        list: listed.map(|entries| entries.into_iter().map(|(name, entry)| (name, Ok(seen(entry)))).collect()),
        content: content(fixture, path),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_directory_agrees_with_the_reference_in_memory(
        pieces in prop::collection::vec((joined_names(1..=4), piece()), 1..14),
        paths in prop::collection::vec(joined_names(0..=5), 20),
    ) {
        let tree = planted(pieces);
        let memory = MemoryFixture::new();
        build(&memory, &tree);
        for containment in CONTAINMENTS {
            let local = LocalFixture::new(containment);
            build(&local, &tree);
            for path in paths.iter().chain(tree.keys()) {
                let (expected, got) = (seen_at(&memory, path), seen_at(&local, path));
                prop_assert_eq!(expected, got, "{:?} at {} in {:?}", containment, path, &tree);
            }
        }
    }
}
