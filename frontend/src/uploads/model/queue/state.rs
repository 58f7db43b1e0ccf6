//! `Queue`: its data, and the accessors that keep totals and version consistent.

use std::collections::VecDeque;

use super::super::item::{Batch, Id, Item, Stage};
use super::super::totals::Totals;
use super::events::{Connectivity, Effect};
use crate::ui::resolution::Resolution;

/// The uploads of the page.
#[derive(Debug)]
pub struct Queue {
    pub(super) items: Vec<Item>,
    /// Uploads that are shown, in the order of their addition.
    pub(super) shown: Vec<Id>,
    /// Small files to send, in order. Some may have left the stage `Waiting`.
    pub(super) small: VecDeque<Id>,
    /// Large files to send, as `small`.
    pub(super) large: VecDeque<Id>,
    /// Files to compare, as `small`.
    pub(super) to_compare: VecDeque<Id>,
    /// Uploads in the stage `Backoff`.
    pub(super) in_backoff: Vec<Id>,
    /// Uploads in the stage `Conflict`, in the order in which the user is asked.
    pub(super) conflicts: VecDeque<Id>,
    /// Answers for all conflicts of a batch.
    pub(super) resolutions: Vec<(Batch, Resolution)>,
    pub(super) effects: Vec<Effect>,
    pub(super) totals: Totals,
    pub(super) connectivity: Connectivity,
    pub(super) version: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            shown: Vec::new(),
            small: VecDeque::new(),
            large: VecDeque::new(),
            to_compare: VecDeque::new(),
            in_backoff: Vec::new(),
            conflicts: VecDeque::new(),
            resolutions: Vec::new(),
            effects: Vec::new(),
            totals: Totals::default(),
            connectivity: Connectivity::Online,
            version: 0,
        }
    }
}

impl Queue {
    /// The upload with that id.
    pub fn get(&self, id: Id) -> Option<&Item> {
        self.items.get(id)
    }

    /// The uploads that are shown, in the order of their addition.
    pub fn shown(&self) -> &[Id] {
        &self.shown
    }

    /// The totals.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether the server answers.
    pub fn connectivity(&self) -> Connectivity {
        self.connectivity
    }

    /// A number that grows with each change of the queue.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Removes and returns the effects to perform.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(super) fn insert(&mut self, item: Item) -> Id {
        let id = self.items.len();
        self.totals.add(&item);
        self.items.push(item);
        self.shown.push(id);
        self.version += 1;
        id
    }

    pub(super) fn stage(&self, id: Id) -> Option<&Stage> {
        self.items.get(id).map(|item| &item.stage)
    }

    pub(super) fn has_conflict(&self, id: Id) -> bool {
        matches!(self.stage(id), Some(Stage::Conflict(_)))
    }

    /// Changes an item; the only way to do so, because the totals follow here.
    pub(super) fn edit(&mut self, id: Id, change: impl FnOnce(&mut Item)) {
        let Some(item) = self.items.get_mut(id) else { return };
        self.totals.remove(item);
        change(item);
        self.totals.add(item);
        self.version += 1;
    }

    pub(super) fn for_each_shown(&mut self, act: impl Fn(&mut Self, Id)) {
        let ids = self.shown.clone();
        ids.into_iter().for_each(|id| act(self, id));
    }
}
