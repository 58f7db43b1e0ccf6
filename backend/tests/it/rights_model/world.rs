//! Random worlds: a tree with links, the grants of a caller, and what the caller asks for.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{CREATE, Conflict, DELETE, LIST, Model, Node, READ, REPLACE, join, parent};

/// What a caller asks for. Paths are relative to its base, numbers choose an item of the trash.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    List(String),
    Stat(String),
    Read(String),
    Digest(String),
    Walk(String),
    Watch(String),
    Store(String, Conflict, bool),
    Upload(String, Conflict, bool),
    MakeFolder(String),
    Trash(String),
    Delete(String),
    Move(String, String, Conflict),
    Copy(String, String, Conflict),
    ListTrash,
    Restore(usize, Option<String>),
    Purge(usize),
}

#[derive(Clone, Debug)]
pub(super) struct World {
    nodes: Vec<(String, Node)>,
    /// Chooses a folder of the tree; the root for `None`.
    base: Option<usize>,
    grants: Vec<(bool, String, u32)>,
    pub(super) asks: Vec<Ask>,
}

fn path(names: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(prop_oneof![Just("a"), Just("b"), Just("c")], names).prop_map(|names| names.join("/"))
}

fn node() -> impl Strategy<Value = Node> {
    let relative = (0_usize..3, path(1..3)).prop_map(|(up, way)| format!("{}{way}", "../".repeat(up)));
    let absolute = path(1..4).prop_map(|way| format!("/memory/{way}"));
    prop_oneof![
        2 => Just(Node::Folder),
        3 => (0_usize..6).prop_map(|length| Node::File(vec![b'x'; length])),
        3 => prop_oneof![relative, absolute].prop_map(Node::Link),
    ]
}

fn rights() -> impl Strategy<Value = u32> {
    let edit = LIST | READ | CREATE | REPLACE | DELETE;
    prop_oneof![
        3 => Just(LIST | READ),
        2 => Just(LIST | READ | CREATE),
        4 => Just(edit),
        2 => Just(CREATE),
        2 => 1_u32..32,
    ]
}

fn conflict() -> impl Strategy<Value = Conflict> {
    prop_oneof![Just(Conflict::Fail), Just(Conflict::Replace), Just(Conflict::KeepBoth), Just(Conflict::Skip)]
}

fn ask() -> impl Strategy<Value = Ask> {
    let at = || path(0..4);
    let file = || path(1..4);
    prop_oneof![
        2 => at().prop_map(Ask::List),
        2 => at().prop_map(Ask::Stat),
        2 => at().prop_map(Ask::Read),
        1 => at().prop_map(Ask::Digest),
        2 => at().prop_map(Ask::Walk),
        1 => at().prop_map(Ask::Watch),
        2 => (file(), conflict(), any::<bool>()).prop_map(|(at, conflict, make)| Ask::Store(at, conflict, make)),
        2 => (file(), conflict(), any::<bool>()).prop_map(|(at, conflict, make)| Ask::Upload(at, conflict, make)),
        1 => at().prop_map(Ask::MakeFolder),
        2 => at().prop_map(Ask::Trash),
        1 => at().prop_map(Ask::Delete),
        3 => (at(), at(), conflict()).prop_map(|(from, to, conflict)| Ask::Move(from, to, conflict)),
        3 => (at(), at(), conflict()).prop_map(|(from, to, conflict)| Ask::Copy(from, to, conflict)),
        1 => Just(Ask::ListTrash),
        2 => (any::<usize>(), proptest::option::of(at())).prop_map(|(item, to)| Ask::Restore(item, to)),
        1 => any::<usize>().prop_map(Ask::Purge),
    ]
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let base = prop_oneof![2 => Just(None), 1 => any::<usize>().prop_map(Some)];
    let grant = (any::<bool>(), path(0..4), rights());
    (vec((path(1..4), node()), 3..14), base, vec(grant, 1..5), vec(ask(), 1..9))
        .prop_map(|(nodes, base, grants, asks)| World { nodes, base, grants, asks })
}

impl World {
    /// The model of the world before anything is asked for.
    pub(super) fn model(&self) -> Model {
        let mut nodes = BTreeMap::new();
        for (path, node) in &self.nodes {
            let mut above = Vec::new();
            let mut at = parent(path);
            while !at.is_empty() {
                above.push(at.to_owned());
                at = parent(at);
            }
            let fits = |folder: &String| nodes.get(folder).is_none_or(|there| *there == Node::Folder);
            if nodes.contains_key(path) || !above.iter().all(fits) {
                continue;
            }
            nodes.extend(above.into_iter().map(|folder| (folder, Node::Folder)));
            nodes.insert(path.clone(), node.clone());
        }
        let folders: Vec<_> = nodes.iter().filter(|(_, node)| **node == Node::Folder).map(|(path, _)| path).collect();
        let chosen = self.base.filter(|_| !folders.is_empty()).map(|number| folders[number % folders.len()].clone());
        let base = chosen.unwrap_or_default();
        let at = |(below, path, rights): &(bool, String, u32)| {
            (if *below { join(&base, path) } else { path.clone() }, *rights)
        };
        let grants = self.grants.iter().map(at).collect();
        Model { nodes, trash: Vec::new(), base, grants }
    }
}
