//! The state of the Trash screen, and what changes it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::changes::ListTrash;
use shared::change::{RestoreItem, Trashed};
use shared::{Change, Conflict, TrashId};

use crate::changes::Changes;
use crate::env::{focus, focused};
use crate::failure::Failure;
use crate::folder::model::Selection;
use crate::folder::model::keys::{FileAction, Intent, Motion, Press, Reach, destination, intent};
use crate::folder::model::permission;
use crate::i18n::fill;
use crate::net::api::call_with_rights;
use crate::printable::printable;

/// How many rows a key for a whole screen goes, about.
const PAGE_ROWS: usize = 12;

/// What is known of the trash.
#[derive(Clone, PartialEq)]
pub(super) enum Known {
    Nothing,
    Items,
    Failed(Failure),
}

/// The state of the Trash screen.
#[derive(Clone, Copy)]
pub(super) struct Bin {
    pub(super) items: RwSignal<Vec<Trashed>>,
    pub(super) known: RwSignal<Known>,
    /// How many there are in all.
    pub(super) total: RwSignal<u64>,
    pub(super) next: RwSignal<Option<String>>,
    pub(super) selection: RwSignal<Selection>,
    pub(super) cursor: RwSignal<usize>,
    changes: Changes,
}

impl Bin {
    pub(super) fn new(changes: Changes) -> Self {
        let bin = Self {
            items: RwSignal::new(Vec::new()),
            known: RwSignal::new(Known::Nothing),
            total: RwSignal::new(0),
            next: RwSignal::new(None),
            selection: RwSignal::default(),
            cursor: RwSignal::new(0),
            changes,
        };
        Effect::new(move |_| {
            changes.change_ended.track();
            bin.load();
        });
        bin
    }

    /// Reads as much of the trash as was read before, and at least a page.
    pub(super) fn load(self) {
        let wanted = self.items.with_untracked(Vec::len);
        spawn_local(async move {
            let (mut items, mut cursor) = (Vec::new(), None);
            loop {
                match call_with_rights(&ListTrash { limit: None, cursor }).await {
                    Ok((page, rights)) => {
                        self.changes.browser.set_rights(rights);
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
    pub(super) fn more(self) {
        let cursor = self.next.get_untracked();
        spawn_local(async move {
            match call_with_rights(&ListTrash { limit: None, cursor }).await {
                Ok((page, rights)) => {
                    self.changes.browser.set_rights(rights);
                    let mut items = self.items.get_untracked();
                    items.extend(page.items);
                    self.show(items, page.next_cursor, page.total);
                }
                Err(failure) => self.fail(failure),
            }
        });
    }

    fn show(self, items: Vec<Trashed>, next: Option<String>, total: u64) {
        let chosen = self.chosen_ids();
        let here = self.items.with_untracked(|items| items.get(self.cursor.get_untracked()).map(|item| item.id));
        let row = here.and_then(|id| items.iter().position(|item| item.id == id));
        let last = items.len().saturating_sub(1);
        let mut selection = Selection::default();
        selection.select(items.iter().enumerate().filter(|(_, item)| chosen.contains(&item.id)).map(|(row, _)| row));
        self.items.set(items);
        self.next.set(next);
        self.total.set(total);
        self.selection.set(selection);
        self.cursor.update(|cursor| *cursor = row.unwrap_or((*cursor).min(last)));
        self.known.set(Known::Items);
        // What had the focus may be among what is gone.
        request_animation_frame(move || {
            if focused().is_none() {
                focus(&row_id(self.cursor.try_get_untracked().unwrap_or(0)));
            }
        });
    }

    fn fail(self, failure: Failure) {
        self.known.set(Known::Failed(failure));
    }

    fn chosen_ids(self) -> Vec<TrashId> {
        self.chosen().iter().map(|item| item.id).collect()
    }

    fn chosen(self) -> Vec<Trashed> {
        self.items.with_untracked(|items| {
            self.selection
                .with_untracked(|selection| selection.iter().filter_map(|row| items.get(row).cloned()).collect())
        })
    }

    /// Takes away what is on its way out, before the server said so; [`Bin::load`] puts it right in the end.
    fn take_away(self) {
        let gone = self.chosen_ids();
        let row = self.selection.with_untracked(|selection| selection.iter().next()).unwrap_or(0);
        self.items.update(|items| items.retain(|item| !gone.contains(&item.id)));
        self.total.update(|total| *total = total.saturating_sub(gone.len() as u64));
        self.selection.update(Selection::clear);
        self.go_to(row.min(self.items.with_untracked(Vec::len).saturating_sub(1)));
    }

    /// Brings back what is selected.
    pub(super) fn restore(self) {
        let back = |item: Trashed| RestoreItem { id: item.id, to: Some(item.entry.path) };
        let items: Vec<_> = self.chosen().into_iter().map(back).collect();
        if !items.is_empty() {
            self.take_away();
            self.changes.submit(Change::Restore { items, conflict: Conflict::Fail });
        }
    }

    /// Deletes what is selected for ever, once the person is sure.
    pub(super) fn purge(self) {
        if !self.changes.browser.allows_untracked(permission::REMOVE) {
            return;
        }
        let chosen = self.chosen();
        let text = match &chosen[..] {
            [] => return,
            [item] => fill(self.changes.words().confirm_delete_one, &[("name", &printable(item.entry.path.name()))]),
            _ => self.changes.counted(|words| &words.confirm_delete_many, chosen.len()),
        };
        let ids = chosen.iter().map(|item| item.id).collect();
        self.changes.confirm_deletion(text, Change::Purge { ids: Some(ids) });
    }

    /// Empties the trash, once the person is sure.
    pub(super) fn empty(self) {
        let count = usize::try_from(self.total.get_untracked()).unwrap_or(usize::MAX);
        let text = self.changes.counted(|words| &words.confirm_empty_trash, count);
        self.changes.confirm_deletion(text, Change::Purge { ids: None });
    }

    /// Takes a key press in the list; false for what is not the list's.
    pub(super) fn press(self, press: Press<'_>) -> bool {
        let row = self.cursor.get_untracked();
        let len = self.items.with_untracked(Vec::len);
        match intent(press, false) {
            Some(Intent::Move(motion, reach)) => self.go(motion, reach, len),
            Some(Intent::Toggle) => self.selection.update(|selection| selection.toggle(row)),
            Some(Intent::SelectAll) => self.selection.update(|selection| selection.span(0..len, false)),
            Some(Intent::Clear) => self.selection.update(Selection::clear),
            Some(Intent::Act(FileAction::Trash | FileAction::Delete)) => self.purge(),
            _ => return false,
        }
        true
    }

    fn go(self, motion: Motion, reach: Reach, len: usize) {
        let to = destination(self.cursor.get_untracked(), motion, len, PAGE_ROWS);
        self.select(to, reach);
    }

    /// Goes to a row, and selects as the movement says.
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
        self.go_to(to);
    }

    fn go_to(self, row: usize) {
        self.cursor.set(row);
        request_animation_frame(move || {
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

/// The id of a row's element.
pub(super) fn row_id(row: usize) -> String {
    format!("trashed-{row}")
}
