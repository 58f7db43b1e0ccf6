//! Dragging rows within the page onto a folder's row or a link to a folder, to move the entries, or with Ctrl or Alt to
//! copy them. Files that are dragged in from the system belong to `uploads`.

#![cfg(target_arch = "wasm32")]

use leptos::ev::DragEvent;
use leptos::prelude::*;
use shared::VPath;

use super::model::Command;
use super::state::Changes;
use super::submission::Submission;
use crate::folder::model::{Selection, permission};

/// Distance from an edge of the list within which a drag scrolls, in pixels.
const EDGE_PX: f64 = 48.0;
/// Distance that one drag event scrolls, in pixels.
const SCROLL_PX: f64 = 24.0;

/// Most names that a drag offers to other programs as text.
const NAMES_MAX: usize = 1_000;

impl Changes {
    /// Handles `dragstart` of a row: drags the selected rows, after selecting the row if it is not among them.
    pub(crate) fn start_drag(self, event: &DragEvent, row: usize) {
        if ![permission::MOVE, permission::COPY].into_iter().any(|needed| self.browser.allows_untracked(needed)) {
            return event.prevent_default();
        }
        if self.browser.selection.with_untracked(|selection| !selection.contains(row)) {
            self.browser.selection.update(|selection: &mut Selection| selection.only(row));
        }
        let Some(entries) = self.selected_entries() else { return event.prevent_default() };
        if let Some(transfer) = event.data_transfer() {
            transfer.set_effect_allowed("copyMove");
            let names: Vec<_> = entries.names().take(NAMES_MAX).map(String::from_utf8_lossy).collect();
            // Firefox starts no drag without data.
            let _ = transfer.set_data("text/plain", &names.join("\n"));
        }
        self.dragged.set(Some(entries));
    }

    /// Handles `dragend`, after a drop or not.
    pub(crate) fn drag_ended(self) {
        self.dragged.set(None);
        self.drag_left();
    }

    /// Handles `dragover` of a link to the trash, which takes entries that the user may remove.
    pub(crate) fn drag_over_trash(self, event: &DragEvent) {
        let accepted =
            self.dragged.with_untracked(Option::is_some) && self.browser.allows_untracked(permission::REMOVE);
        if accepted {
            event.prevent_default();
            event.stop_propagation();
            if let Some(transfer) = event.data_transfer() {
                transfer.set_drop_effect("move");
            }
        }
        if self.over_trash.get_untracked() != accepted {
            self.over_trash.set(accepted);
        }
    }

    /// Handles `drop` on a link to the trash: moves the dragged entries there.
    pub(crate) fn dropped_on_trash(self, event: &DragEvent) {
        let Some(dragged) = self.dragged.get_untracked() else { return };
        event.prevent_default();
        event.stop_propagation();
        self.drag_ended();
        if self.browser.allows_untracked(permission::REMOVE) {
            self.run(Submission::of_entries(dragged, Command::Trash));
        }
    }

    /// Handles `dragover` of an element that stands for `folder`. Returns `true` if the folder accepts the drop.
    pub(crate) fn drag_over(self, event: &DragEvent, folder: Option<&VPath>) -> bool {
        let copy = copies(event);
        let accepted = self.dragged.with_untracked(|dragged| {
            dragged.as_ref().zip(folder).is_some_and(|(dragged, folder)| dragged.may_go_to(folder, copy))
        });
        let accepted =
            accepted && self.browser.allows_untracked(if copy { permission::COPY } else { permission::MOVE });
        let target = folder.filter(|_| accepted).cloned();
        if accepted {
            event.prevent_default();
            event.stop_propagation();
            if let Some(transfer) = event.data_transfer() {
                transfer.set_drop_effect(if copy { "copy" } else { "move" });
            }
        }
        if self.drop_target.with_untracked(|before| *before != target) {
            self.drop_target.set(target);
        }
        accepted
    }

    /// Handles `dragleave`.
    pub(crate) fn drag_left(self) {
        if self.drop_target.with_untracked(Option::is_some) {
            self.drop_target.set(None);
        }
        if self.over_trash.get_untracked() {
            self.over_trash.set(false);
        }
    }

    /// Handles `drop` on an element that stands for `folder`.
    pub(crate) fn dropped(self, event: &DragEvent, folder: &VPath) {
        if self.dragged.with_untracked(Option::is_some) {
            event.prevent_default();
            event.stop_propagation();
            self.drop_into(folder, copies(event));
        }
    }

    /// True if `folder` would receive the drop; reactive.
    pub(crate) fn is_drop_target(self, folder: &VPath) -> bool {
        self.drop_target.with(|target| target.as_ref() == Some(folder))
    }

    /// True if the entry was cut; reactive.
    pub(crate) fn is_cut(self, path: &VPath) -> bool {
        self.clipboard.with(|clipboard| clipboard.as_ref().is_some_and(|clipboard| clipboard.is_cut(path)))
    }
}

/// Pixels by which a drag at the height `y` scrolls a list of `height` pixels.
pub(crate) fn drag_scroll_step(y: f64, height: f64) -> f64 {
    if y < EDGE_PX {
        -SCROLL_PX
    } else if y > height - EDGE_PX {
        SCROLL_PX
    } else {
        0.0
    }
}

fn copies(event: &DragEvent) -> bool {
    event.ctrl_key() || event.alt_key()
}
