//! The content of a simulated disk: the present state, and the part of it that is durable. Counts no steps and knows no
//! faults.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use shared::Timestamp;

use crate::storage::local::platform::{FileType, Identity, Metadata};

pub(super) type NodeId = usize;

pub(super) const ROOT: NodeId = 0;

/// Bytes of the disk that a name takes, with the target of a link.
const NAME_BYTES: u64 = 256;

/// 2023-11-14, the start of the clock.
pub(super) const FIRST_SECOND: i64 = 1_700_000_000;

/// A disk.
#[derive(Debug)]
pub(super) struct State {
    pub(super) nodes: Vec<Node>,
    /// Changes of names that no sync has made durable yet, in order, each with its number among all changes.
    pub(super) unsynced: Vec<(u64, NameChange)>,
    /// Number of the last change.
    pub(super) changes: u64,
    /// Nodes with a lock.
    pub(super) locked: BTreeSet<NodeId>,
    /// Files can have a second name.
    pub(super) has_links: bool,
    /// One log orders all changes: the sync of a file or folder makes durable each change of names before its last change.
    pub(super) has_log: bool,
    /// Names that differ in case or in `ß` are one name, and `.passerelle` has the short name `PASSER~1`.
    pub(super) folds: bool,
    /// Bytes that the disk has room for; `None` for a disk that is never full.
    pub(super) capacity: Option<u64>,
    /// Bytes that files take besides their content.
    pub(super) reserved: BTreeMap<NodeId, u64>,
    pub(super) clock: i64,
    /// The state of the random number generator.
    pub(super) chance: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) body: Body,
    pub(super) modified: Timestamp,
    changed: Timestamp,
    pub(super) executable: bool,
    /// The number of its file system.
    device: u64,
    /// The number of the last change of the entry itself, of a folder also that of its names.
    last_change: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Folder { now: Names, durable: Names },
    File { now: Vec<u8>, durable: Vec<u8>, unsynced: Vec<Write>, attributes_unsynced: bool },
    Link(Vec<u8>),
    Special,
}

pub(super) type Names = BTreeMap<Box<[u8]>, NodeId>;

/// A write since the last sync.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Bytes { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug)]
pub(super) enum NameChange {
    Appears {
        folder: NodeId,
        name: Box<[u8]>,
        node: NodeId,
    },
    Vanishes {
        folder: NodeId,
        name: Box<[u8]>,
    },
    /// Two entries take each other's name in one step, which a crash undoes as a whole or not at all.
    Exchanges {
        one: (Location, NodeId),
        other: (Location, NodeId),
    },
    /// A crash may leave both names of a file, but never none.
    Moves {
        from: Location,
        to: Location,
        node: NodeId,
    },
}

pub(super) type Location = (NodeId, Box<[u8]>);

impl State {
    /// An empty root folder.
    pub(super) fn new(seed: u64) -> Self {
        let mut state = Self {
            nodes: Vec::new(),
            unsynced: Vec::new(),
            changes: 0,
            locked: BTreeSet::new(),
            has_links: true,
            has_log: false,
            folds: false,
            capacity: None,
            reserved: BTreeMap::new(),
            clock: FIRST_SECOND,
            chance: seed,
        };
        state.make(empty_folder(), 1);
        state
    }

    /// Makes the names of a folder durable.
    pub(super) fn sync_folder(&mut self, folder: NodeId) {
        let (has_log, last) = (self.has_log, self.nodes[folder].last_change);
        self.sync_names(|number, at| at == folder || has_log && number <= last);
    }

    /// Makes durable the changes of names, by their number, in the folders that `wanted` accepts.
    fn sync_names(&mut self, wanted: impl Fn(u64, NodeId) -> bool) {
        for (number, change) in std::mem::take(&mut self.unsynced) {
            let wanted = |folder| wanted(number, folder);
            match change {
                NameChange::Appears { folder, name, node } if wanted(folder) => {
                    self.keep(folder, |names| names.insert(name, node));
                }
                NameChange::Vanishes { folder, name } if wanted(folder) => {
                    self.keep(folder, |names| names.remove(&name))
                }
                NameChange::Moves { from, to, node } if wanted(to.0) => {
                    let is_folder = matches!(self.nodes[node].body, Body::Folder { .. });
                    self.keep(to.0, |names| names.insert(to.1, node));
                    if is_folder || wanted(from.0) {
                        self.keep(from.0, |names| names.remove(&from.1));
                    } else {
                        // The new name is durable, the removal of the old one is not.
                        self.unsynced.push((number, NameChange::Vanishes { folder: from.0, name: from.1 }));
                    }
                }
                NameChange::Exchanges { one, other } if wanted(one.0.0) || wanted(other.0.0) => {
                    self.keep_exchange(one, other);
                }
                other => self.unsynced.push((number, other)),
            }
        }
    }

    /// Makes an exchange durable: the nodes stand under these names now.
    pub(super) fn keep_exchange(&mut self, one: (Location, NodeId), other: (Location, NodeId)) {
        for ((folder, name), node) in [one, other] {
            self.keep(folder, |names| names.insert(name, node));
        }
    }

    /// Makes a file's content durable, and with `all` its attributes.
    pub(super) fn sync_file(&mut self, file: NodeId, all: bool) {
        if let Body::File { durable, unsynced, attributes_unsynced, .. } = &mut self.nodes[file].body {
            // Not a copy of the present content, because a failed sync may have discarded a part of it.
            unsynced.drain(..).for_each(|write| write.apply(durable));
            *attributes_unsynced &= !all;
        }
        let last = self.nodes[file].last_change;
        if self.has_log && all {
            self.sync_names(|number, _| number <= last);
        }
    }

    /// Notes a change of names, which is not durable yet.
    fn note(&mut self, change: NameChange) {
        self.changes += 1;
        for folder in change.folders() {
            self.nodes[folder].last_change = self.changes;
        }
        self.unsynced.push((self.changes, change));
    }

    /// A failed sync: the bytes to write are discarded, although readers still see them, and a later sync has nothing
    /// to do (as on Linux).
    pub(super) fn fail_to_sync_file(&mut self, file: NodeId) {
        if let Body::File { unsynced, .. } = &mut self.nodes[file].body {
            unsynced.clear();
        }
    }

    pub(super) fn lookup(&self, folder: NodeId, name: &[u8]) -> io::Result<NodeId> {
        check_name(name)?;
        let names = self.names(folder)?;
        let folded = || names.iter().find(|(other, _)| self.folds && fold(other) == fold(name)).map(|(_, node)| node);
        names.get(name).or_else(folded).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn names(&self, folder: NodeId) -> io::Result<&Names> {
        match &self.nodes[folder].body {
            Body::Folder { now, .. } => Ok(now),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn link_target(&self, node: NodeId) -> io::Result<Vec<u8>> {
        match &self.nodes[node].body {
            Body::Link(target) => Ok(target.clone()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn content(&self, file: NodeId) -> &[u8] {
        match &self.nodes[file].body {
            Body::File { now, .. } => now,
            _ => &[],
        }
    }

    pub(super) fn metadata(&self, id: NodeId) -> Metadata {
        let node = &self.nodes[id];
        let file_type = match node.body {
            Body::Folder { .. } => FileType::Folder,
            Body::File { .. } => FileType::File,
            Body::Link(_) => FileType::Link,
            Body::Special => FileType::Other,
        };
        let named = |node: &Node| match &node.body {
            Body::Folder { now, .. } => now.values().filter(|child| **child == id).count() as u64,
            _ => 0,
        };
        Metadata {
            file_type,
            identity: Identity { device: node.device, inode: id as u64 },
            size: self.content(id).len() as u64 + self.reserved.get(&id).copied().unwrap_or(0),
            modified: node.modified,
            changed: node.changed,
            names: self.nodes.iter().map(named).sum(),
            executable: node.executable,
        }
    }

    pub(super) fn add_file(&mut self, folder: NodeId, name: &[u8]) -> io::Result<NodeId> {
        let file =
            Body::File { now: Vec::new(), durable: Vec::new(), unsynced: Vec::new(), attributes_unsynced: false };
        self.add(folder, name, file)
    }

    pub(super) fn add_folder(&mut self, folder: NodeId, name: &[u8]) -> io::Result<NodeId> {
        self.add(folder, name, empty_folder())
    }

    /// Makes an empty folder the root of another file system. New entries below are on that file system, too.
    pub(super) fn mount(&mut self, folder: NodeId) {
        self.nodes[folder].device = self.nodes.iter().map(|node| node.device).max().unwrap_or_default() + 1;
    }

    pub(super) fn add_link(&mut self, folder: NodeId, name: &[u8], target: &[u8]) -> io::Result<NodeId> {
        self.add(folder, name, Body::Link(target.to_vec()))
    }

    pub(super) fn add_special(&mut self, folder: NodeId, name: &[u8]) -> io::Result<NodeId> {
        self.add(folder, name, Body::Special)
    }

    pub(super) fn write(&mut self, file: NodeId, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.edit(file, Write::Bytes { offset, bytes: bytes.to_vec() })
    }

    pub(super) fn set_length(&mut self, file: NodeId, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.edit(file, Write::Length(length))
    }

    pub(super) fn set_attributes(&mut self, file: NodeId, modified: Option<Timestamp>, executable: bool) {
        let now = self.tick();
        self.changes += 1;
        let node = &mut self.nodes[file];
        node.last_change = self.changes;
        node.modified = modified.unwrap_or(now);
        node.changed = now;
        node.executable = executable;
        if let Body::File { attributes_unsynced, .. } = &mut node.body {
            *attributes_unsynced = true;
        }
    }

    pub(super) fn remove(&mut self, folder: NodeId, name: &[u8], is_folder: bool) -> io::Result<()> {
        let node = self.lookup(folder, name)?;
        match self.names(node) {
            Ok(_) if !is_folder => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(names) if !names.is_empty() => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
            Err(_) if is_folder => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        self.now(folder)?.remove(name);
        self.touch(folder);
        self.touch_change(node);
        self.note(NameChange::Vanishes { folder, name: name.into() });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: (NodeId, &[u8]), to: (NodeId, &[u8]), replace: bool) -> io::Result<()> {
        let node = self.lookup(from.0, from.1)?;
        check_name(to.1)?;
        if self.nodes[node].device != self.nodes[to.0].device {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        match self.names(to.0)?.get(to.1) {
            Some(_) if !replace => return Err(io::ErrorKind::AlreadyExists.into()),
            Some(old) if *old == node => return Ok(()),
            Some(old) => match (self.names(node), self.names(*old)) {
                (Ok(_), Ok(names)) if names.is_empty() => {}
                (Ok(_), Ok(_)) => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
                (Ok(_), Err(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                (Err(_), Ok(_)) => return Err(io::ErrorKind::IsADirectory.into()),
                (Err(_), Err(_)) => {}
            },
            None => {}
        }
        if self.holds(node, to.0) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.now(from.0)?.remove(from.1);
        self.now(to.0)?.insert(to.1.into(), node);
        self.touch(from.0);
        self.touch(to.0);
        self.touch_change(node);
        let (from, to) = ((from.0, from.1.into()), (to.0, to.1.into()));
        self.note(NameChange::Moves { from, to, node });
        Ok(())
    }

    /// Gives a file or link a second name.
    pub(super) fn hard_link(&mut self, from: (NodeId, &[u8]), to: (NodeId, &[u8])) -> io::Result<()> {
        let node = self.lookup(from.0, from.1)?;
        check_name(to.1)?;
        if !self.has_links || self.names(node).is_ok() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if self.nodes[node].device != self.nodes[to.0].device {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        if self.names(to.0)?.contains_key(to.1) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.check_room(NAME_BYTES)?;
        self.now(to.0)?.insert(to.1.into(), node);
        self.touch(to.0);
        self.touch_change(node);
        self.note(NameChange::Appears { folder: to.0, name: to.1.into(), node });
        Ok(())
    }

    /// Two entries take each other's name.
    pub(super) fn exchange(&mut self, one: (NodeId, &[u8]), other: (NodeId, &[u8])) -> io::Result<()> {
        let nodes = (self.lookup(one.0, one.1)?, self.lookup(other.0, other.1)?);
        if self.nodes[nodes.0].device != self.nodes[nodes.1].device {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        self.now(one.0)?.insert(one.1.into(), nodes.1);
        self.now(other.0)?.insert(other.1.into(), nodes.0);
        for node in [one.0, other.0] {
            self.touch(node);
        }
        for node in [nodes.0, nodes.1] {
            self.touch_change(node);
        }
        let (one, other) = ((one.0, one.1.into()), (other.0, other.1.into()));
        self.note(NameChange::Exchanges { one: (one, nodes.1), other: (other, nodes.0) });
        Ok(())
    }

    /// True if `folder` is `node` or lies in it.
    fn holds(&self, node: NodeId, folder: NodeId) -> bool {
        let mut left = vec![node];
        while let Some(node) = left.pop() {
            if node == folder {
                return true;
            }
            left.extend(self.names(node).into_iter().flat_map(BTreeMap::values));
        }
        false
    }

    fn add(&mut self, folder: NodeId, name: &[u8], body: Body) -> io::Result<NodeId> {
        check_name(name)?;
        if self.names(folder).map(|_| self.lookup(folder, name).is_ok())? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.check_room(NAME_BYTES)?;
        let node = self.make(body, self.nodes[folder].device);
        self.now(folder)?.insert(name.into(), node);
        self.touch(folder);
        self.note(NameChange::Appears { folder, name: name.into(), node });
        Ok(node)
    }

    fn edit(&mut self, file: NodeId, write: Write) -> io::Result<()> {
        let growth = write.end().saturating_sub(self.content(file).len());
        self.check_room(growth as u64)?;
        let moment = self.tick();
        self.changes += 1;
        let node = &mut self.nodes[file];
        node.last_change = self.changes;
        let Body::File { now, unsynced, .. } = &mut node.body else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        write.apply(now);
        unsynced.push(write);
        node.modified = moment;
        node.changed = moment;
        Ok(())
    }

    fn make(&mut self, body: Body, device: u64) -> NodeId {
        let now = self.tick();
        self.nodes.push(Node {
            body,
            modified: now,
            changed: now,
            executable: false,
            device,
            last_change: self.changes,
        });
        self.nodes.len() - 1
    }

    fn touch(&mut self, node: NodeId) {
        let now = self.tick();
        self.nodes[node].modified = now;
        self.nodes[node].changed = now;
    }

    fn touch_change(&mut self, node: NodeId) {
        self.nodes[node].changed = self.tick();
    }

    fn tick(&mut self) -> Timestamp {
        self.clock += 1;
        Timestamp::from_parts(self.clock, 0)
    }

    fn now(&mut self, folder: NodeId) -> io::Result<&mut Names> {
        match &mut self.nodes[folder].body {
            Body::Folder { now, .. } => Ok(now),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Changes the durable names of a folder.
    pub(super) fn keep(&mut self, folder: NodeId, change: impl FnOnce(&mut Names) -> Option<NodeId>) {
        if let Body::Folder { durable, .. } = &mut self.nodes[folder].body {
            change(durable);
        }
    }
}

impl NameChange {
    /// The folders whose names change.
    fn folders(&self) -> [NodeId; 2] {
        match self {
            Self::Appears { folder, .. } | Self::Vanishes { folder, .. } => [*folder; 2],
            Self::Exchanges { one: ((one, _), _), other: ((other, _), _) } => [*one, *other],
            Self::Moves { from, to, .. } => [from.0, to.0],
        }
    }
}

/// Room on the disk.
impl State {
    /// Bytes that are taken: by each name, and by the content of each file.
    pub(super) fn used(&self) -> u64 {
        let names = self.nodes.iter().filter_map(|node| match &node.body {
            Body::Folder { now, .. } => Some(now.values().copied()),
            _ => None,
        });
        let named: Vec<_> = names.flatten().collect();
        let size = |node: &NodeId| self.metadata(*node).size;
        let files: BTreeSet<_> = named.iter().copied().collect();
        named.len() as u64 * NAME_BYTES + files.iter().map(size).sum::<u64>()
    }

    /// Free bytes; `None` on a disk that is never full.
    pub(super) fn free(&self) -> Option<u64> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.used()))
    }

    fn check_room(&self, bytes: u64) -> io::Result<()> {
        match self.free() {
            Some(free) if bytes > free => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// Makes a file take so many bytes besides its content, as far as there is room, and returns how many it takes.
    pub(super) fn reserve(&mut self, folder: NodeId, name: &[u8], bytes: u64) -> io::Result<u64> {
        let file = match self.lookup(folder, name) {
            Ok(file) => file,
            Err(_) if self.check_room(bytes).is_err() => return Ok(0),
            Err(_) => self.add_file(folder, name)?,
        };
        let before = self.reserved.get(&file).copied().unwrap_or(0);
        let bytes = if self.check_room(bytes.saturating_sub(before)).is_ok() { bytes } else { before };
        self.reserved.insert(file, bytes);
        Ok(bytes)
    }
}

impl Write {
    /// Where the content ends at least after it.
    fn end(&self) -> usize {
        match self {
            Self::Bytes { offset, bytes } => offset + bytes.len(),
            Self::Length(length) => *length,
        }
    }

    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Bytes { offset, bytes } => {
                let end = offset + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }
}

/// What a file system compares that folds names.
fn fold(name: &[u8]) -> String {
    let folded = String::from_utf8_lossy(name).to_lowercase().replace('ß', "ss");
    if folded == "passer~1" { ".passerelle".into() } else { folded }
}

fn check_name(name: &[u8]) -> io::Result<()> {
    if name.len() > 255 { Err(io::ErrorKind::InvalidFilename.into()) } else { Ok(()) }
}

fn empty_folder() -> Body {
    Body::Folder { now: Names::new(), durable: Names::new() }
}
