//! A disk in memory that can lose power, run out of room and fail, at any step and the same way each time. What serves a
//! real directory runs on it unchanged, so that a test can stop it wherever a crash could, and look at what is left.
//!
//! What is written is durable only once it was synced: the content of a file by a sync of the file, a name by a sync of
//! its folder. When power is lost, each change that was not synced is lost or kept by chance, independently of the
//! others; bytes that were not synced may be kept in part, or be zeros. A rename is atomic, except that a crash may leave
//! a file under both of its names.
//!
//! ```
//! use backend::storage::simulated::{Fault, SimulatedDisk};
//! use backend::storage::{Expected, Storage};
//! use shared::{UploadId, VPath};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let disk = SimulatedDisk::new(7);
//! let storage = disk.storage();
//! let staged = storage.stage(UploadId([1; 16]))?;
//! staged.write_at(b"hello", 0)?;
//! disk.at(disk.steps() + 1, Fault::PowerLoss);
//! assert!(storage.publish(UploadId([1; 16]), &VPath::parse("file")?, &Expected::Nothing, &Default::default()).is_err());
//! let disk = disk.reboot();
//! assert!(disk.storage().stat(&VPath::parse("file")?).is_err());
//! # Ok(())
//! # }
//! ```

mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use shared::{Timestamp, VPath};

use self::state::{NodeId, ROOT, State};
use super::disk::{DiskFile, Folder, Node, SyncFolder};
use super::metadata::{Metadata, Shape};
use super::tree::{RootFacts, Tree};
use super::{Containment, LocalStorage};
use crate::storage::{Attributes, StorageError, Visit};

/// The disk. A clone is another handle to the same one.
#[derive(Clone)]
pub struct SimulatedDisk {
    machine: Arc<Mutex<Machine>>,
}

/// What goes wrong at a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Power is lost before the step: it and everything after it fails, reading too, until [`SimulatedDisk::reboot`].
    PowerLoss,
    /// There is no room for what the step would write.
    NoSpace,
    /// The disk fails. At a sync of a file, what was to be written is forgotten, and a later sync does not know of it.
    Io,
}

/// Where the simulated root pretends to be: a link to `/simulated/docs` stays inside.
pub const SIMULATED_ROOT: &[u8] = b"/simulated";

struct Machine {
    state: State,
    on: bool,
    seed: u64,
    /// What was done, one word each.
    history: Vec<&'static str>,
    faults: BTreeMap<u64, Fault>,
}

impl SimulatedDisk {
    /// An empty disk. Chance comes from that seed, which a failed test can print.
    pub fn new(seed: u64) -> Self {
        Self::with(State::new(seed), seed)
    }

    fn with(state: State, seed: u64) -> Self {
        let machine = Machine { state, on: true, seed, history: Vec::new(), faults: BTreeMap::new() };
        Self { machine: Arc::new(Mutex::new(machine)) }
    }

    /// A server's storage of it. As on a real disk, only one of them may write at a time.
    pub fn storage(&self) -> LocalStorage {
        let facts = RootFacts { root_paths: vec![SIMULATED_ROOT.to_vec()], ..RootFacts::default() };
        let root = SimulatedFolder { disk: self.clone(), node: ROOT };
        LocalStorage { tree: Box::new(Tree::new(root, facts)), containment: Containment::Walk }
    }

    /// How many steps there were: each call that writes, changes a name or an attribute, or syncs is one.
    pub fn steps(&self) -> u64 {
        self.lock().history.len() as u64
    }

    /// What those steps were, for a failed test to print.
    pub fn history(&self) -> Vec<&'static str> {
        self.lock().history.clone()
    }

    /// Lets that step go wrong, counted from 1 among all so far and to come.
    pub fn at(&self, step: u64, fault: Fault) -> &Self {
        self.lock().faults.insert(step, fault);
        self
    }

    /// Loses power, if it is not lost yet, and gives the disk that comes back: what was durable, and by chance more. It
    /// counts its steps from 0 and has no faults planned.
    pub fn reboot(&self) -> Self {
        let mut machine = self.lock();
        machine.on = false;
        let seed = machine.seed;
        Self::with(machine.state.after_power_loss(), seed)
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        // A test that panicked while it held the lock has failed already.
        self.machine.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Looks at the disk, which is no step.
    fn look<T>(&self, look: impl FnOnce(&State) -> io::Result<T>) -> io::Result<T> {
        let machine = self.lock();
        if !machine.on {
            return Err(no_power());
        }
        look(&machine.state)
    }

    /// Counts a step, and takes it unless it is to go wrong.
    fn step<T>(&self, name: &'static str, step: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.try_step(name).and_then(|mut machine| step(&mut machine.state))
    }

    fn try_step(&self, name: &'static str) -> io::Result<MutexGuard<'_, Machine>> {
        let mut machine = self.lock();
        if !machine.on {
            return Err(no_power());
        }
        machine.history.push(name);
        let number = machine.history.len() as u64;
        match machine.faults.get(&number) {
            None => Ok(machine),
            Some(Fault::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Io) => Err(io::Error::other("the simulated disk fails")),
            Some(Fault::PowerLoss) => {
                machine.on = false;
                Err(no_power())
            }
        }
    }

    fn sync_file(&self, name: &'static str, file: NodeId, all: bool) -> io::Result<()> {
        let synced = self.step(name, |state| {
            state.sync_file(file, all);
            Ok(())
        });
        let mut machine = self.lock();
        if synced.is_err() && machine.on {
            machine.state.fail_to_sync_file(file);
        }
        synced
    }
}

/// Building a tree, durably and without a step. Paths are raw bytes joined by slashes; folders on the way are made where
/// they are missing, and links on the way are not followed.
impl SimulatedDisk {
    /// Adds a file, or changes one in place.
    pub fn add_file(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| {
            let file = match state.lookup(folder, name) {
                Ok(file) => file,
                Err(_) => state.add_file(folder, name)?,
            };
            state.set_length(file, 0)?;
            state.write(file, content.as_ref(), 0)?;
            state.sync_file(file, true);
            Ok(())
        })
    }

    /// Adds an empty folder.
    pub fn add_folder(&self, path: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| state.add_folder(folder, name).map(drop))
    }

    /// Adds an empty folder with another file system in it: no rename leads there or from there.
    pub fn add_mount(&self, path: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| {
            let mounted = state.add_folder(folder, name)?;
            state.mount(mounted);
            Ok(())
        })
    }

    /// Adds a symbolic link with that target.
    pub fn add_link(&self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| state.add_link(folder, name, target.as_ref()).map(drop))
    }

    /// Adds something that is neither file nor folder.
    pub fn add_special(&self, path: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| state.add_special(folder, name).map(drop))
    }

    /// Sets a file's attributes.
    pub fn set_attributes(&self, path: impl AsRef<[u8]>, modified: Timestamp, executable: bool) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| {
            let file = state.lookup(folder, name)?;
            state.set_attributes(file, Some(modified), executable);
            state.sync_file(file, true);
            Ok(())
        })
    }

    /// Removes a file, a link or an empty folder.
    pub fn remove(&self, path: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| {
            let is_folder = state.metadata(state.lookup(folder, name)?).shape == Shape::Folder;
            state.remove(folder, name, is_folder)
        })
    }

    fn build(&self, path: &[u8], build: impl FnOnce(&mut State, NodeId, &[u8]) -> io::Result<()>) -> io::Result<&Self> {
        let mut machine = self.lock();
        let state = &mut machine.state;
        let path = VPath::from_bytes(path).map_err(io::Error::other)?;
        let mut folder = ROOT;
        for name in path.parent().unwrap_or_default().segments() {
            folder = match state.lookup(folder, name) {
                Ok(inner) => inner,
                Err(_) => {
                    let inner = state.add_folder(folder, name)?;
                    state.sync_folder(folder);
                    inner
                }
            };
        }
        build(state, folder, path.name())?;
        state.sync_folder(folder);
        drop(machine);
        Ok(self)
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.lock();
        write!(formatter, "SimulatedDisk(seed {:#x}, {} steps)", machine.seed, machine.history.len())
    }
}

fn no_power() -> io::Error {
    io::Error::other("the simulated disk has no power")
}

pub(super) struct SimulatedFolder {
    disk: SimulatedDisk,
    node: NodeId,
}

pub(super) struct SimulatedFile {
    disk: SimulatedDisk,
    node: NodeId,
}

pub(super) struct SimulatedLock {
    disk: SimulatedDisk,
    node: NodeId,
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.lock().state.locked.remove(&self.node);
    }
}

impl SimulatedFolder {
    fn file(&self, node: NodeId) -> SimulatedFile {
        SimulatedFile { disk: self.disk.clone(), node }
    }
}

impl Folder for SimulatedFolder {
    const TELLS_STATE: bool = false;

    type Leaf = NodeId;
    type File = SimulatedFile;
    type Lock = SimulatedLock;

    fn child(&self, name: &[u8]) -> io::Result<Node<Self>> {
        self.disk.look(|state| {
            let node = state.lookup(self.node, name)?;
            let metadata = state.metadata(node);
            Ok(match metadata.shape {
                Shape::Folder => Node::Folder(Self { disk: self.disk.clone(), node }, metadata),
                Shape::Link => Node::Link,
                Shape::File | Shape::Other => Node::Leaf(node, metadata),
            })
        })
    }

    fn open_folder(&self, name: &[u8]) -> io::Result<Self> {
        match self.child(name)? {
            Node::Folder(folder, _) => Ok(folder),
            Node::Link | Node::Leaf(..) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn metadata(&self) -> io::Result<Metadata> {
        self.disk.look(|state| Ok(state.metadata(self.node)))
    }

    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata> {
        self.disk.look(|state| Ok(state.metadata(state.lookup(self.node, name)?)))
    }

    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.disk.look(|state| state.link_target(state.lookup(self.node, name)?))
    }

    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()> {
        let names: Vec<_> = self.disk.look(|state| Ok(state.names(self.node)?.keys().cloned().collect()))?;
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
        file.disk.look(|state| Ok(state.metadata(file.node)))
    }

    fn create_file(&self, name: &[u8]) -> io::Result<SimulatedFile> {
        Ok(self.file(self.disk.step("create a file", |state| state.add_file(self.node, name))?))
    }

    fn open_own_file(&self, name: &[u8]) -> io::Result<SimulatedFile> {
        match self.child(name)? {
            Node::Leaf(leaf, metadata) if metadata.shape == Shape::File => Ok(self.file(leaf)),
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    fn make_folder(&self, name: &[u8], _private: bool) -> io::Result<()> {
        self.disk.step("make a folder", |state| state.add_folder(self.node, name).map(drop))
    }

    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        self.disk.step("make a link", |state| state.add_link(self.node, name, target).map(drop))
    }

    fn rename(&self, name: &[u8], to: &Self, to_name: &[u8], replace: bool) -> io::Result<()> {
        self.disk.step("rename", |state| state.rename((self.node, name), (to.node, to_name), replace))
    }

    fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        self.disk.step("remove a file", |state| state.remove(self.node, name, false))
    }

    fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        self.disk.step("remove a folder", |state| state.remove(self.node, name, true))
    }

    fn ready_to_sync(&self) -> io::Result<SyncFolder> {
        let (disk, node) = (self.disk.clone(), self.node);
        Ok(Box::new(move || {
            disk.step("sync a folder", |state| {
                state.sync_folder(node);
                Ok(())
            })
        }))
    }

    fn dress(&self, file: &SimulatedFile, replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()> {
        self.disk.step("set attributes", |state| {
            let old = replaced.map(|name| state.lookup(self.node, name)).transpose()?;
            let inherited = old.is_some_and(|old| state.metadata(old).executable);
            state.set_attributes(file.node, attributes.modified, attributes.executable.unwrap_or(inherited));
            Ok(())
        })
    }

    fn lock(&self, name: &[u8]) -> io::Result<Option<SimulatedLock>> {
        let found = self.disk.look(|state| Ok(state.lookup(self.node, name).ok()))?;
        let node = match found {
            Some(node) => node,
            None => self.disk.step("create a file", |state| state.add_file(self.node, name))?,
        };
        let free = self.disk.lock().state.locked.insert(node);
        Ok(free.then(|| SimulatedLock { disk: self.disk.clone(), node }))
    }

    fn space(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.look(|state| {
            let content = state.content(self.node);
            let start = usize::try_from(offset).map_or(content.len(), |offset| offset.min(content.len()));
            let count = buffer.len().min(content.len() - start);
            buffer[..count].copy_from_slice(&content[start..start + count]);
            Ok(count)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.step("write", |state| state.write(self.node, bytes, offset)).map(|()| bytes.len())
    }

    fn length(&self) -> io::Result<u64> {
        self.disk.look(|state| Ok(state.content(self.node).len() as u64))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.step("set a length", |state| state.set_length(self.node, length))
    }

    fn sync_content(&self) -> io::Result<()> {
        self.disk.sync_file("sync content", self.node, false)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync_file("sync a file", self.node, true)
    }
}
