//! The machine around a simulated disk: power, planned faults and a count of steps.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::state::{NodeId, State};

/// How a step fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Power is lost before the step: it and everything after it fails, reads too, until
    /// [`super::SimulatedDisk::reboot`].
    PowerLoss,
    /// There is no space for the write.
    NoSpace,
    /// The disk fails. A failing sync of a file discards the bytes to write, and a later sync succeeds without them.
    Io,
}

/// A handle to the machine. Clones share it.
#[derive(Clone)]
pub(super) struct Machine(Arc<Mutex<MachineState>>);

pub(super) struct MachineState {
    pub(super) disk: State,
    pub(super) powered: bool,
    pub(super) seed: u64,
    /// The steps so far, one word each.
    pub(super) history: Vec<&'static str>,
    /// Planned faults by number of the step, from 1.
    pub(super) faults: BTreeMap<u64, Fault>,
    /// Changes by other programs, each immediately before the step of that number.
    pub(super) foreign: BTreeMap<u64, ForeignChange>,
}

/// A change by another program.
pub(super) type ForeignChange = Box<dyn FnOnce(&mut State) -> io::Result<()> + Send>;

impl Machine {
    pub(super) fn new(disk: State, seed: u64) -> Self {
        let (history, faults, foreign) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let state = MachineState { disk, powered: true, seed, history, faults, foreign };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, MachineState> {
        // A panic while the lock is held has failed the test already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the disk, which is no step.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> io::Result<T>) -> io::Result<T> {
        let machine = self.lock();
        if !machine.powered {
            return Err(no_power());
        }
        look(&machine.disk)
    }

    /// Counts a step, and takes it unless a fault is planned for it.
    pub(super) fn step<T>(&self, name: &'static str, step: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.count_step(name).and_then(|mut machine| step(&mut machine.disk))
    }

    fn count_step(&self, name: &'static str) -> io::Result<MutexGuard<'_, MachineState>> {
        let mut machine = self.lock();
        if !machine.powered {
            return Err(no_power());
        }
        machine.history.push(name);
        let number = machine.history.len() as u64;
        if let Some(change) = machine.foreign.remove(&number) {
            change(&mut machine.disk)?;
        }
        match machine.faults.get(&number) {
            None => Ok(machine),
            Some(Fault::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Io) => Err(io::Error::other("the simulated disk fails")),
            Some(Fault::PowerLoss) => {
                machine.powered = false;
                Err(no_power())
            }
        }
    }

    /// Syncs a file; `all` includes its attributes.
    pub(super) fn sync_file(&self, name: &'static str, file: NodeId, all: bool) -> io::Result<()> {
        let synced = self.step(name, |state| {
            state.sync_file(file, all);
            Ok(())
        });
        let mut machine = self.lock();
        if synced.is_err() && machine.powered {
            machine.disk.fail_to_sync_file(file);
        }
        synced
    }
}

fn no_power() -> io::Error {
    io::Error::other("the simulated disk has no power")
}
