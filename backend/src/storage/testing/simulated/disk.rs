//! The disk as a test sees it.

use std::fmt;
use std::io;
use std::sync::Arc;

use shared::{Timestamp, VPath};

use super::dir::SimulatedDir;
use super::machine::{Fault, Machine};
use super::state::{NodeId, ROOT, State};
use crate::storage::local::platform::FileType;
use crate::storage::local::tree::{RootFacts, Tree};
use crate::storage::local::{Containment, LocalStorage};

/// The absolute path of the simulated root: a link to `/simulated/docs` stays inside.
pub const SIMULATED_ROOT: &[u8] = b"/simulated";

/// The disk. A clone is another handle to it.
#[derive(Clone)]
pub struct SimulatedDisk(Machine);

impl SimulatedDisk {
    /// An empty disk. Random choices come from the seed, which a failed test can print.
    pub fn new(seed: u64) -> Self {
        Self(Machine::new(State::new(seed), seed))
    }

    /// An empty disk whose file system allows a file one name only.
    pub fn without_links(seed: u64) -> Self {
        Self(Machine::new(State { has_links: false, ..State::new(seed) }, seed))
    }

    /// An empty disk whose file system writes all changes to one log, in their order, as ext4 and XFS do: the sync of a
    /// file or folder makes durable, besides the entry, each change of names that came before its last change.
    pub fn with_log(seed: u64) -> Self {
        Self(Machine::new(State { has_log: true, ..State::new(seed) }, seed))
    }

    /// An empty disk whose file system has several names for one entry: it folds case and `ß`, and gives `.passerelle` the
    /// short name `PASSER~1`.
    pub fn folding(seed: u64) -> Self {
        Self(Machine::new(State { folds: true, ..State::new(seed) }, seed))
    }

    /// An empty disk with room for so many bytes.
    pub fn with_capacity(seed: u64, bytes: u64) -> Self {
        Self(Machine::new(State { capacity: Some(bytes), ..State::new(seed) }, seed))
    }

    /// Makes the disk have so many free bytes, as when other programs write to it or delete from it.
    pub fn leave_free(&self, bytes: u64) -> &Self {
        let mut machine = self.0.lock();
        machine.disk.capacity = Some(machine.disk.used() + bytes);
        drop(machine);
        self
    }

    /// A server's storage on this disk. As on a real disk, only one at a time may write.
    pub fn storage(&self) -> LocalStorage {
        let facts = RootFacts { root_paths: vec![SIMULATED_ROOT.to_vec()], ..RootFacts::default() };
        let root = SimulatedDir::new(&self.0, ROOT);
        LocalStorage::new(Arc::new(Tree::new(root, facts)), Containment::Walk)
    }

    /// Number of steps so far: each call that writes, changes a name or an attribute, or syncs.
    pub fn steps(&self) -> u64 {
        self.0.lock().history.len() as u64
    }

    /// The steps so far, for a failed test to print.
    pub fn history(&self) -> Vec<&'static str> {
        self.0.lock().history.clone()
    }

    /// Plans a fault for a step; steps are counted from 1 since the start.
    pub fn at(&self, step: u64, fault: Fault) -> &Self {
        self.0.lock().faults.insert(step, fault);
        self
    }

    /// Plans that another program writes to a file of the root in place, immediately before that step, and sets its
    /// modification time.
    pub fn write_before(&self, step: u64, name: &str, content: &[u8], modified: Timestamp) -> &Self {
        let (name, content) = (name.as_bytes().to_vec(), content.to_vec());
        let change = move |state: &mut State| {
            let file = state.lookup(ROOT, &name)?;
            state.write(file, &content, 0)?;
            state.set_attributes(file, Some(modified), state.nodes[file].executable);
            Ok(())
        };
        self.0.lock().foreign.insert(step, Box::new(change));
        self
    }

    /// Plans that another program removes an entry of the root, if there is one, immediately before that step.
    pub fn remove_before(&self, step: u64, name: &str) -> &Self {
        let name = name.as_bytes().to_vec();
        let change = move |state: &mut State| match state.lookup(ROOT, &name) {
            Ok(_) => state.remove(ROOT, &name, false),
            Err(_) => Ok(()),
        };
        self.0.lock().foreign.insert(step, Box::new(change));
        self
    }

    /// Cuts the power, if it is on, and returns the disk after a restart: all durable state, and a random part of the
    /// rest. It counts its steps from 0 and has no faults planned.
    pub fn reboot(&self) -> Self {
        let mut machine = self.0.lock();
        machine.powered = false;
        let seed = machine.seed;
        Self(Machine::new(machine.disk.after_power_loss(), seed))
    }
}

/// Building a tree, durably and without counting steps. Paths are raw bytes joined by slashes; missing parent folders
/// are created, and links in the path are not followed.
impl SimulatedDisk {
    /// Adds a file, or overwrites one in place.
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

    /// Adds an empty folder that is another file system: renames in and out fail.
    pub fn add_mount(&self, path: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| {
            let mounted = state.add_folder(folder, name)?;
            state.mount(mounted);
            Ok(())
        })
    }

    /// Adds a symbolic link.
    pub fn add_link(&self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> io::Result<&Self> {
        self.build(path.as_ref(), |state, folder, name| state.add_link(folder, name, target.as_ref()).map(drop))
    }

    /// Adds an entry that is neither file, folder nor link.
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
            let is_folder = state.metadata(state.lookup(folder, name)?).file_type == FileType::Folder;
            state.remove(folder, name, is_folder)
        })
    }

    fn build(&self, path: &[u8], build: impl FnOnce(&mut State, NodeId, &[u8]) -> io::Result<()>) -> io::Result<&Self> {
        let mut machine = self.0.lock();
        let state = &mut machine.disk;
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
        let machine = self.0.lock();
        write!(formatter, "SimulatedDisk(seed {:#x}, {} steps)", machine.seed, machine.history.len())
    }
}
