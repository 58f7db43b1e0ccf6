//! A loss of power: a random part of the changes that are not durable is lost.

use shared::Timestamp;

use super::state::{Body, FIRST_SECOND, NameChange, State, Write};
use crate::storage::testing::scramble::scramble;

impl State {
    /// The state after power was lost and came back. Each change that was not synced is kept or lost at random, and
    /// written bytes are kept, lost, kept in part or zeros.
    pub(super) fn after_power_loss(&mut self) -> Self {
        for (_, change) in std::mem::take(&mut self.unsynced) {
            self.settle(change);
        }
        let mut chance = self.chance;
        let mut nodes = self.nodes.clone();
        for node in &mut nodes {
            match &mut node.body {
                Body::Folder { now, durable } => now.clone_from(durable),
                Body::File { now, durable, unsynced, attributes_unsynced } => {
                    for write in unsynced.drain(..) {
                        write.settle(durable, next(&mut chance));
                    }
                    now.clone_from(durable);
                    if std::mem::take(attributes_unsynced) && next(&mut chance).is_multiple_of(2) {
                        node.executable = false;
                        node.modified = Timestamp::from_parts(FIRST_SECOND, 0);
                    }
                }
                Body::Link(_) | Body::Special => {}
            }
        }
        let (has_links, has_log, folds, capacity) = (self.has_links, self.has_log, self.folds, self.capacity);
        let reserved = self.reserved.clone();
        let mut rebooted = Self { nodes, has_links, has_log, folds, capacity, reserved, ..Self::new(chance) };
        (rebooted.clock, rebooted.changes) = (self.clock, self.changes);
        rebooted
    }

    /// Keeps or loses a change that no sync has made durable.
    fn settle(&mut self, change: NameChange) {
        let kept = self.next_chance().is_multiple_of(2);
        match change {
            NameChange::Appears { folder, name, node } if kept => self.keep(folder, |names| names.insert(name, node)),
            NameChange::Vanishes { folder, name } if kept => self.keep(folder, |names| names.remove(&name)),
            NameChange::Moves { from, to, node } if kept => {
                let is_folder = matches!(self.nodes[node].body, Body::Folder { .. });
                self.keep(to.0, |names| names.insert(to.1, node));
                if is_folder || self.next_chance().is_multiple_of(2) {
                    self.keep(from.0, |names| names.remove(&from.1));
                }
            }
            NameChange::Exchanges { one, other } if kept => self.keep_exchange(one, other),
            _ => {}
        }
    }

    fn next_chance(&mut self) -> u64 {
        next(&mut self.chance)
    }
}

impl Write {
    /// What is left of a write that was never synced.
    fn settle(self, content: &mut Vec<u8>, chance: u64) {
        match (self, chance % 4) {
            (_, 0) => {}
            // The length became durable before the bytes.
            (Self::Bytes { offset, bytes }, 1) => Self::Bytes { offset, bytes: vec![0; bytes.len()] }.apply(content),
            (Self::Bytes { offset, mut bytes }, 2) => {
                bytes.truncate(bytes.len() / 2);
                Self::Bytes { offset, bytes }.apply(content);
            }
            (write, _) => write.apply(content),
        }
    }
}

fn next(chance: &mut u64) -> u64 {
    *chance = chance.wrapping_add(1);
    scramble(*chance)
}
