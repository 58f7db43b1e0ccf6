//! The state of the Trash screen.

use std::collections::HashSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::changes::ListTrash;
use shared::change::{RestoreItem, Trashed};
use shared::{Change, Conflict, Rights, TrashId};

use crate::changes::Changes;
use crate::env::{focus, focused, once_rendered};
use crate::failure::Failure;
use crate::folder::model::Selection;
use crate::folder::model::keys::{FileAction, Intent, Motion, Press, Reach, destination, intent};
use crate::folder::model::permission;
use crate::i18n::fill;
use crate::net::api::call_with_rights;
use crate::printable::printable;

/// Number of rows that Page Up and Page Down move.
const PAGE_ROWS: usize = 12;

/// The contents of the trash.
#[derive(Clone, PartialEq)]
pub(super) enum Contents {
    Loading,
    Loaded,
    Failed(Failure),
}

/// The state of the Trash screen. A copy is the same state.
#[derive(Clone, Copy)]
pub(super) struct TrashState {
    /// The entries of the pages that were read.
    pub(super) items: RwSignal<Vec<Trashed>>,
    pub(super) contents: RwSignal<Contents>,
    /// Number of entries in the trash.
    pub(super) total: RwSignal<u64>,
    /// Cursor of the next page.
    pub(super) next: RwSignal<Option<String>>,
    pub(super) selection: RwSignal<Selection>,
    /// The focused row.
    pub(super) cursor: RwSignal<usize>,
    changes: Changes,
}

impl TrashState {
    pub(super) fn new(changes: Changes) -> Self {
        let trash = Self {
            items: RwSignal::new(Vec::new()),
            contents: RwSignal::new(Contents::Loading),
            total: RwSignal::new(0),
            next: RwSignal::new(None),
            selection: RwSignal::default(),
            cursor: RwSignal::new(0),
            changes,
        };
        Effect::new(move |_| {
            changes.change_ended.track();
            trash.load();
        });
        trash
    }

    /// Reads as many entries as were read before, and at least one page.
    pub(super) fn load(self) {
        let wanted = self.items.with_untracked(Vec::len);
        spawn_local(async move {
            let (mut items, mut cursor) = (Vec::new(), None);
            loop {
                match call_with_rights(&ListTrash { limit: None, cursor }).await {
                    Ok((page, rights)) => {
                        self.set_rights(rights);
                        items.extend(page.items);
                        cursor = page.next_cursor;
                        if cursor.is_none() || items.len() >= wanted {
                            break self.show(items, cursor, page.total);
                        }
                    }
                    Err(failure) => break self.fail(failure),
                }
            }
        });
    }

    /// Reads the next page.
    pub(super) fn load_more(self) {
        let cursor = self.next.get_untracked();
        spawn_local(async move {
            match call_with_rights(&ListTrash { limit: None, cursor }).await {
                Ok((page, rights)) => {
                    self.set_rights(rights);
                    let mut items = self.items.try_get_untracked().unwrap_or_default();
                    items.extend(page.items);
                    self.show(items, page.next_cursor, page.total);
                }
                Err(failure) => self.fail(failure),
            }
        });
    }

    fn show(self, items: Vec<Trashed>, next: Option<String>, total: u64) {
        // The user may have left the screen before the response.
        if self.items.is_disposed() {
            return;
        }
        let selected = self.selected_ids();
        let focused_id = self.items.with_untracked(|items| items.get(self.cursor.get_untracked()).map(|item| item.id));
        let row = focused_id.and_then(|id| items.iter().position(|item| item.id == id));
        let last = items.len().saturating_sub(1);
        let mut selection = Selection::default();
        selection.select(items.iter().enumerate().filter(|(_, item)| selected.contains(&item.id)).map(|(row, _)| row));
        self.items.set(items);
        self.next.set(next);
        self.total.set(total);
        self.selection.set(selection);
        self.cursor.update(|cursor| *cursor = row.unwrap_or((*cursor).min(last)));
        self.contents.set(Contents::Loaded);
        // The row with the focus may be gone.
        once_rendered(move || {
            if focused().is_none() {
                focus(&row_id(self.cursor.try_get_untracked().unwrap_or(0)));
            }
        });
    }

    /// Takes the rights in the trash, which are not those of the folder that the user may have opened since.
    fn set_rights(self, rights: Option<Rights>) {
        if !self.items.is_disposed() {
            self.changes.browser.set_rights(rights);
        }
    }

    fn fail(self, failure: Failure) {
        self.contents.set(Contents::Failed(failure));
    }

    fn selected_ids(self) -> Vec<TrashId> {
        self.selected().iter().map(|item| item.id).collect()
    }

    fn selected(self) -> Vec<Trashed> {
        self.items.with_untracked(|items| {
            self.selection
                .with_untracked(|selection| selection.iter().filter_map(|row| items.get(row).cloned()).collect())
        })
    }

    /// Removes the selected rows before the server confirms; [`TrashState::load`] corrects the rows afterwards.
    fn remove_selected(self) {
        let removed: HashSet<_> = self.selected_ids().into_iter().collect();
        let row = self.selection.with_untracked(|selection| selection.iter().next()).unwrap_or(0);
        self.items.update(|items| items.retain(|item| !removed.contains(&item.id)));
        self.total.update(|total| *total = total.saturating_sub(removed.len() as u64));
        self.selection.update(Selection::clear);
        self.focus_row(row.min(self.items.with_untracked(Vec::len).saturating_sub(1)));
    }

    /// Restores the selected entries.
    pub(super) fn restore(self) {
        let back = |item: Trashed| RestoreItem { id: item.id, to: Some(item.entry.path) };
        let items: Vec<_> = self.selected().into_iter().map(back).collect();
        if !items.is_empty() {
            self.remove_selected();
            self.changes.submit(Change::Restore { items, conflict: Conflict::Fail });
        }
    }

    /// Deletes the selected entries permanently, after confirmation.
    pub(super) fn purge(self) {
        if !self.changes.browser.allows_untracked(permission::REMOVE) {
            return;
        }
        let selected = self.selected();
        let text = match &selected[..] {
            [] => return,
            [item] => fill(self.changes.words().confirm_delete_one, &[("name", &printable(item.entry.path.name()))]),
            _ => self.changes.counted(|words| &words.confirm_delete_many, selected.len()),
        };
        let ids = selected.iter().map(|item| item.id).collect();
        self.changes.confirm_deletion(text, Change::Purge { ids: Some(ids) });
    }

    /// Deletes every entry of the trash permanently, after confirmation. Entries on a disk that is not connected stay: the
    /// question subtracts those among the loaded rows.
    pub(super) fn empty(self) {
        let absent = self.items.with_untracked(|items| items.iter().filter(|item| item.absent).count());
        let total = usize::try_from(self.total.get_untracked()).unwrap_or(usize::MAX);
        let count = total.saturating_sub(absent);
        if count == 0 && absent > 0 {
            return self.changes.show_notice(self.changes.words().failures.disk_absent.sentences());
        }
        let text = self.changes.counted(|words| &words.confirm_empty_trash, count);
        self.changes.confirm_deletion(text, Change::Purge { ids: None });
    }

    /// Handles a key press in the list. Returns `false` for a key without a meaning here.
    pub(super) fn press(self, press: Press<'_>) -> bool {
        let row = self.cursor.get_untracked();
        let len = self.items.with_untracked(Vec::len);
        match intent(press, false) {
            Some(Intent::Move(motion, reach)) => self.move_cursor(motion, reach, len),
            Some(Intent::Toggle) => self.selection.update(|selection| selection.toggle(row)),
            Some(Intent::SelectAll) => self.selection.update(|selection| selection.span(0..len, false)),
            Some(Intent::Clear) => self.selection.update(Selection::clear),
            Some(Intent::Act(FileAction::Trash | FileAction::Delete)) => self.purge(),
            _ => return false,
        }
        true
    }

    fn move_cursor(self, motion: Motion, reach: Reach, len: usize) {
        let to = destination(self.cursor.get_untracked(), motion, len, PAGE_ROWS);
        self.select(to, reach);
    }

    /// Focuses a row, and changes the selection by `reach`.
    pub(super) fn select(self, to: usize, reach: Reach) {
        let from = self.cursor.get_untracked();
        self.selection.update(|selection| match reach {
            Reach::Select => selection.only(to),
            Reach::Pass => {}
            Reach::Extend | Reach::ExtendMore => {
                let anchor = *selection.anchor.get_or_insert(from);
                selection.span(anchor.min(to)..=anchor.max(to), reach == Reach::ExtendMore);
            }
        });
        self.focus_row(to);
    }

    fn focus_row(self, row: usize) {
        self.cursor.set(row);
        once_rendered(move || {
            let id = row_id(row);
            if let Some(element) = document().get_element_by_id(&id) {
                let options = web_sys::ScrollIntoViewOptions::new();
                options.set_block(web_sys::ScrollLogicalPosition::Nearest);
                element.scroll_into_view_with_scroll_into_view_options(&options);
            }
            focus(&id);
        });
    }
}

/// The id of the element of a row.
pub(super) fn row_id(row: usize) -> String {
    format!("trashed-{row}")
}
