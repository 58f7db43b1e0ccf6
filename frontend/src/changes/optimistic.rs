//! Optimistic updates of the list: shows the prediction of a change at once, and the server's result where it differs.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use shared::{Change, Outcome, VPath};

use super::model::prediction::{Prediction, confirmed_edits, predict};
use super::state::{Changes, QueuedEdits};
use crate::env::{clock, focused, once_rendered};
use crate::folder::model::Edit;

/// The prediction of a change, as the list shows it until the server's outcomes arrive.
pub(super) struct ShownPrediction {
    folder: VPath,
    /// The predictions of the items without an outcome, in order.
    predictions: Vec<Prediction>,
    /// Names of the rows that the prediction added.
    added: Vec<Vec<u8>>,
}

impl Changes {
    /// Shows the prediction of a change that starts now, below the edits of changes that wait.
    pub(super) fn show_prediction(self, change: &Change) -> ShownPrediction {
        let (folder, predictions) = self.predict(change);
        self.browser.expect_change(&folder, names(&predictions));
        let added = self.merge_edits(&folder, &edits(&predictions), &self.queued_edits_of(&folder), &[]);
        ShownPrediction { folder, predictions, added }
    }

    /// Shows the prediction of a change that waits under the scheduler's id `ticket`. The list shows the prediction
    /// until the change's own outcomes arrive, whatever the outcomes of earlier changes.
    pub(super) fn show_queued_prediction(self, change: &Change, ticket: u32) -> ShownPrediction {
        let (folder, predictions) = self.predict(change);
        let edits = edits(&predictions);
        self.browser.expect_change(&folder, names(&predictions));
        let added = self.merge_edits(&folder, &edits, &[], &[]);
        if !edits.is_empty() {
            let queued = QueuedEdits { ticket, folder: folder.clone(), edits };
            self.queued_edits.update_value(|all| all.push(queued));
        }
        ShownPrediction { folder, predictions, added }
    }

    fn predict(self, change: &Change) -> (VPath, Vec<Prediction>) {
        let folder = self.browser.folder.get_untracked();
        let predictions = self.browser.listing.with_untracked(|listing| match listing.folder == folder {
            true => predict(change, listing, clock()),
            false => vec![Prediction::default(); change.len()],
        });
        (folder, predictions)
    }

    fn queued_edits_of(self, folder: &VPath) -> Vec<Edit> {
        self.queued_edits.with_value(|all| {
            let of_folder = all.iter().filter(|queued| queued.folder == *folder);
            of_folder.flat_map(|queued| queued.edits.iter().cloned()).collect()
        })
    }

    /// Corrects the list by the outcomes of the next items of a change.
    pub(super) fn reconcile(self, shown: &mut ShownPrediction, change: &Change, outcomes: &[Outcome]) {
        let predictions: Vec<_> = shown.predictions.drain(..change.len().min(shown.predictions.len())).collect();
        let done = |index: usize| matches!(outcomes.get(index), Some(Outcome::Done { .. }));
        let failed = predictions.iter().enumerate().filter(|(index, _)| !done(*index));
        let mut edits: Vec<_> = failed.flat_map(|(_, prediction)| &prediction.revert).cloned().collect();
        let confirmed = confirmed_edits(change, outcomes, &shown.folder);
        // Remove predicted names that the outcomes do not confirm. The bound keeps the comparison below quadratic time.
        if confirmed.len() <= predictions.len().max(8) {
            let is_confirmed = |name: &[u8]| confirmed.iter().any(|edit| edit.name() == name);
            let succeeded = predictions.iter().enumerate().filter(|(index, _)| done(*index));
            let predicted = succeeded.flat_map(|(_, prediction)| &prediction.apply);
            edits.extend(predicted.filter(|edit| !is_confirmed(edit.name())).map(|edit| Edit::absent(edit.name())));
        }
        edits.extend(confirmed.iter().cloned());
        self.merge_edits(&shown.folder, &edits, &self.queued_edits_of(&shown.folder), &shown.added);
        self.browser.finish_change(&shown.folder, names(&predictions), &confirmed);
    }

    /// Merges `edits`, then `queued`, into the list and reveals the rows that `edits` add, except those `revealed`
    /// before. Returns the names of the added rows.
    fn merge_edits(self, folder: &VPath, edits: &[Edit], queued: &[Edit], revealed: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let had_focus = self.browser.has_focus();
        self.browser.merge(folder, &[edits, queued].concat());
        let added: Vec<_> =
            edits.iter().filter(|edit| matches!(edit, Edit::Present(_))).map(|edit| edit.name().to_vec()).collect();
        let new: Vec<_> = added.iter().filter(|name| !revealed.contains(name)).map(Vec::as_slice).collect();
        let in_sight = self.browser.folder.with_untracked(|current| current == folder);
        // Revealing selects the new rows. An open menu or name field must keep acting on the selection it was opened
        // for.
        let editing = self.menu.with_untracked(Option::is_some) || self.renaming.with_untracked(Option::is_some);
        if in_sight && !new.is_empty() && !editing {
            self.browser.reveal(&new, had_focus);
        }
        // The element with the focus may be gone together with the selection.
        once_rendered(move || {
            if focused().is_none() {
                self.browser.focus_cursor();
            }
        });
        added
    }
}

/// The name of every edit that the predictions apply.
fn names(predictions: &[Prediction]) -> impl Iterator<Item = &[u8]> {
    predictions.iter().flat_map(|prediction| prediction.apply.iter().map(Edit::name))
}

fn edits(predictions: &[Prediction]) -> Vec<Edit> {
    predictions.iter().flat_map(|prediction| prediction.apply.iter().cloned()).collect()
}
