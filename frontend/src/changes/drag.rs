//! Dragging rows within the page: onto a folder's row, the breadcrumb, the places. With Ctrl or Alt it copies. What is
//! dragged in from elsewhere carries files, and is not ours.

use leptos::ev::DragEvent;
use leptos::prelude::*;
use shared::VPath;

use super::model::clipboard::accepts;
use super::state::Changes;
use crate::folder::model::{Selection, permission};

/// How near to an edge of the list a drag scrolls it, and by how much at a time, in pixels.
const EDGE_PX: f64 = 48.0;
const SCROLL_PX: f64 = 24.0;

impl Changes {
    /// A row begins to be dragged, and with it everything that is selected.
    pub(crate) fn drag(self, event: &DragEvent, row: usize) {
        if ![permission::MOVE, permission::COPY].into_iter().any(|needed| self.browser.allows_untracked(needed)) {
            return event.prevent_default();
        }
        if self.browser.selection.with_untracked(|selection| !selection.contains(row)) {
            self.browser.selection.update(|selection: &mut Selection| selection.only(row));
        }
        let Some(paths) = self.chosen() else { return event.prevent_default() };
        if let Some(transfer) = event.data_transfer() {
            transfer.set_effect_allowed("copyMove");
            let names: Vec<_> = paths.iter().map(|path| path.display_name().into_owned()).collect();
            // Without data, Firefox drags nothing.
            let _ = transfer.set_data("text/plain", &names.join("\n"));
        }
        self.dragged.set(Some(paths));
    }

    /// The drag ended, wherever.
    pub(crate) fn drag_ended(self) {
        self.dragged.set(None);
        self.drop_on.set(None);
    }

    /// The drag is over a folder: answers whether it may be dropped there.
    pub(crate) fn drag_over(self, event: &DragEvent, folder: Option<&VPath>) -> bool {
        let copy = copies(event);
        let takes = self.dragged.with_untracked(|dragged| {
            dragged.as_ref().zip(folder).is_some_and(|(dragged, folder)| accepts(dragged, folder, copy))
        });
        let takes = takes && self.browser.allows_untracked(if copy { permission::COPY } else { permission::MOVE });
        let target = folder.filter(|_| takes).cloned();
        if takes {
            event.prevent_default();
            event.stop_propagation();
            if let Some(transfer) = event.data_transfer() {
                transfer.set_drop_effect(if copy { "copy" } else { "move" });
            }
        }
        if self.drop_on.with_untracked(|before| *before != target) {
            self.drop_on.set(target);
        }
        takes
    }

    /// The drag left what it was over.
    pub(crate) fn drag_left(self) {
        if self.drop_on.with_untracked(Option::is_some) {
            self.drop_on.set(None);
        }
    }

    /// What is dragged is let go over a folder.
    pub(crate) fn dropped(self, event: &DragEvent, folder: &VPath) {
        if self.dragged.with_untracked(Option::is_some) {
            event.prevent_default();
            event.stop_propagation();
            self.drop_into(folder, copies(event));
        }
    }

    /// True if the folder is what the drag would be dropped on.
    pub(crate) fn is_drop(self, folder: &VPath) -> bool {
        self.drop_on.with(|target| target.as_ref() == Some(folder))
    }

    /// True if an entry waits to be moved away.
    pub(crate) fn is_cut(self, path: &VPath) -> bool {
        self.clipboard.with(|clipboard| clipboard.as_ref().is_some_and(|clipboard| clipboard.is_cut(path)))
    }
}

/// How far a drag at a height within a list of a height scrolls it.
pub(crate) fn scroll_by(at: f64, height: f64) -> f64 {
    if at < EDGE_PX {
        -SCROLL_PX
    } else if at > height - EDGE_PX {
        SCROLL_PX
    } else {
        0.0
    }
}

fn copies(event: &DragEvent) -> bool {
    event.ctrl_key() || event.alt_key()
}
