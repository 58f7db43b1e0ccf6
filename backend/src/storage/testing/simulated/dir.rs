//! Directories and files of a simulated disk, as the operating system would hand them out.

use std::io;

use shared::Timestamp;

use super::machine::Machine;
use super::state::NodeId;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, DiskFile, FileType, Metadata, Node, SyncDir};
use crate::storage::{Attributes, StorageError, Visit};

pub(super) struct SimulatedDir {
    machine: Machine,
    node: NodeId,
}

pub(super) struct SimulatedFile {
    machine: Machine,
    node: NodeId,
}

pub(super) struct SimulatedLock {
    machine: Machine,
    node: NodeId,
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.machine.lock().disk.locked.remove(&self.node);
    }
}

impl SimulatedDir {
    pub(super) fn new(machine: &Machine, node: NodeId) -> Self {
        Self { machine: machine.clone(), node }
    }

    fn look_up(&self, name: &[u8]) -> io::Result<Node<Self>> {
        self.machine.look(|state| {
            let node = state.lookup(self.node, name)?;
            let metadata = state.metadata(node);
            Ok(match metadata.file_type {
                FileType::Folder => Node::Folder(Self::new(&self.machine, node), metadata),
                FileType::Link => Node::Link,
                FileType::File | FileType::Other => Node::Leaf(node, metadata),
            })
        })
    }

    fn file(&self, node: NodeId) -> SimulatedFile {
        SimulatedFile { machine: self.machine.clone(), node }
    }
}

impl Dir for SimulatedDir {
    const HAS_STATE: bool = false;

    type Leaf = NodeId;
    type File = SimulatedFile;
    type Lock = SimulatedLock;

    fn child(&self, name: &[u8]) -> Result<Node<Self>, StorageError> {
        self.look_up(name).map_err(|error| storage_error(error, "looking up a name"))
    }

    fn open_dir(&self, name: &[u8]) -> io::Result<Self> {
        match self.look_up(name)? {
            Node::Folder(folder, _) => Ok(folder),
            Node::Link | Node::Leaf(..) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn metadata(&self) -> io::Result<Metadata> {
        self.machine.look(|state| Ok(state.metadata(self.node)))
    }

    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata> {
        self.machine.look(|state| Ok(state.metadata(state.lookup(self.node, name)?)))
    }

    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.machine.look(|state| state.link_target(state.lookup(self.node, name)?))
    }

    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()> {
        let names: Vec<_> = self.machine.look(|state| Ok(state.names(self.node)?.keys().cloned().collect()))?;
        let _ = names.iter().try_for_each(|name| match visit(name) {
            Visit::Continue => Ok(()),
            Visit::Stop => Err(()),
        });
        Ok(())
    }

    fn open_leaf(&self, _: &[u8], leaf: NodeId, _: &Metadata) -> Result<SimulatedFile, StorageError> {
        Ok(self.file(leaf))
    }

    fn metadata_of_file(file: &SimulatedFile) -> io::Result<Metadata> {
        file.machine.look(|state| Ok(state.metadata(file.node)))
    }

    fn create_file(&self, name: &[u8]) -> io::Result<SimulatedFile> {
        Ok(self.file(self.machine.step("create a file", |state| state.add_file(self.node, name))?))
    }

    fn open_own_file(&self, name: &[u8]) -> io::Result<SimulatedFile> {
        match self.look_up(name)? {
            Node::Leaf(leaf, metadata) if metadata.file_type == FileType::File => Ok(self.file(leaf)),
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    fn make_dir(&self, name: &[u8], _private: bool) -> io::Result<()> {
        self.machine.step("make a folder", |state| state.add_folder(self.node, name).map(drop))
    }

    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        self.machine.step("make a link", |state| state.add_link(self.node, name, target).map(drop))
    }

    fn rename(&self, name: &[u8], to: &Self, to_name: &[u8], replace: bool) -> io::Result<()> {
        self.machine.step("rename", |state| state.rename((self.node, name), (to.node, to_name), replace))
    }

    fn hard_link(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        self.machine.step("link", |state| state.hard_link((self.node, name), (to.node, to_name)))
    }

    fn exchange(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        self.machine.step("exchange", |state| state.exchange((self.node, name), (to.node, to_name)))
    }

    fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        self.machine.step("remove a file", |state| state.remove(self.node, name, false))
    }

    fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        self.machine.step("remove a folder", |state| state.remove(self.node, name, true))
    }

    fn orders_names(&self) -> bool {
        self.machine.lock().disk.has_log
    }

    fn prepare_sync(&self) -> io::Result<SyncDir> {
        let (machine, node) = (self.machine.clone(), self.node);
        Ok(Box::new(move || {
            machine.step("sync a folder", |state| {
                state.sync_folder(node);
                Ok(())
            })
        }))
    }

    fn apply_attributes(
        &self,
        file: &SimulatedFile,
        replaced: Option<&[u8]>,
        attributes: &Attributes,
    ) -> io::Result<()> {
        self.machine.step("set attributes", |state| {
            let old = replaced.map(|name| state.lookup(self.node, name)).transpose()?;
            let inherited = old.is_some_and(|old| state.metadata(old).executable);
            state.set_attributes(file.node, attributes.modified, attributes.executable.unwrap_or(inherited));
            Ok(())
        })
    }

    fn copy_attributes(&self, _source: &Self, modified: Timestamp, _owned: bool) -> io::Result<()> {
        self.machine.step("set attributes", |state| {
            state.set_attributes(self.node, Some(modified), false);
            Ok(())
        })
    }

    fn lock(&self, name: &[u8]) -> io::Result<Option<SimulatedLock>> {
        let found = self.machine.look(|state| Ok(state.lookup(self.node, name).ok()))?;
        let node = match found {
            Some(node) => node,
            None => self.machine.step("create a file", |state| state.add_file(self.node, name))?,
        };
        let free = self.machine.lock().disk.locked.insert(node);
        Ok(free.then(|| SimulatedLock { machine: self.machine.clone(), node }))
    }

    fn space(&self) -> io::Result<Option<u64>> {
        self.machine.look(|state| Ok(state.free()))
    }

    fn reserve(&self, name: &[u8], bytes: u64) -> io::Result<u64> {
        if self.machine.look(|state| Ok(state.capacity))?.is_none() {
            return Ok(0);
        }
        self.machine.step("reserve space", |state| state.reserve(self.node, name, bytes))
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.machine.look(|state| {
            let content = state.content(self.node);
            let start = usize::try_from(offset).map_or(content.len(), |offset| offset.min(content.len()));
            let count = buffer.len().min(content.len() - start);
            buffer[..count].copy_from_slice(&content[start..start + count]);
            Ok(count)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.machine.step("write", |state| state.write(self.node, bytes, offset)).map(|()| bytes.len())
    }

    fn length(&self) -> io::Result<u64> {
        self.machine.look(|state| Ok(state.content(self.node).len() as u64))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.machine.step("set a length", |state| state.set_length(self.node, length))
    }

    fn sync_content(&self) -> io::Result<()> {
        self.machine.sync_file("sync content", self.node, false)
    }

    fn sync(&self) -> io::Result<()> {
        self.machine.sync_file("sync a file", self.node, true)
    }
}
