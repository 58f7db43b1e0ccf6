//! The actions on entries, by key, menu, button or drop.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use shared::change::PathPair;
use shared::{Change, Conflict, VPath};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, Element};

use super::model::{ChangeResult, Clipboard, Command, Entries, Verb};
use super::state::{Changes, Confirmation, Transfer};
use super::submission::Submission;
use crate::env::{dialog_is_open, has_keyboard};
use crate::folder::model::keys::FileAction;
use crate::folder::model::permission;
use crate::i18n::fill;
use crate::printable::printable;

impl Changes {
    /// Performs the action of a key that was pressed in the list.
    pub fn perform(self, action: FileAction) {
        match action {
            FileAction::Menu => self.open_menu_at_row(),
            _ if !self.allows(action) => {}
            FileAction::Copy => self.put_on_clipboard(false),
            FileAction::Rename => self.rename(),
            FileAction::Trash => self.trash(),
            FileAction::Delete => self.delete(),
            FileAction::Cut => self.put_on_clipboard(true),
            FileAction::Undo => self.undo(),
            FileAction::Redo => self.redo(),
        }
    }

    /// True if the rights in the current folder allow the action.
    fn allows(self, action: FileAction) -> bool {
        match action {
            FileAction::Menu => true,
            FileAction::Copy => self.browser.allows_untracked(permission::COPY),
            FileAction::Rename | FileAction::Cut => self.browser.allows_untracked(permission::MOVE),
            FileAction::Trash | FileAction::Delete => self.browser.allows_untracked(permission::REMOVE),
            FileAction::Undo | FileAction::Redo => self.browser.allows_changes_untracked(),
        }
    }

    /// The entries that a command acts on: those selected, or the one with the focus if none is. If some of them have yet
    /// to arrive, says so and returns `None`. `None` also while the rows are not those of the folder in the title.
    pub(super) fn selected_entries(self) -> Option<Entries> {
        let browser = self.browser;
        if !browser.shows_folder() {
            return None;
        }
        let mut rows: Vec<_> = browser.selection.with_untracked(|selection| selection.iter().collect());
        if rows.is_empty() {
            rows.push(browser.cursor.get_untracked());
        }
        let (entries, is_complete) = browser.listing.with_untracked(|listing| {
            let are_there = rows.last().is_some_and(|last| *last < listing.rows.len());
            (are_there.then(|| Entries::new(listing, rows)), listing.is_complete())
        });
        if entries.is_none() && !is_complete {
            self.show_message(self.words().wait_for_rows.to_owned(), None);
        }
        entries
    }

    /// Opens the dialog for a new folder in the current one.
    pub fn new_folder(self) {
        if self.browser.allows_untracked(permission::ADD) {
            self.new_folder_in.set(Some(self.browser.folder.get_untracked()));
        }
    }

    /// Makes a folder.
    pub(super) fn make_folder(self, folder: &VPath, name: &[u8]) {
        if let Ok(path) = folder.join(name) {
            self.submit(Change::MakeFolder { paths: vec![path], existing_ok: false });
        }
    }

    /// Turns the selected row, or the focused one, into a field for its name.
    pub(crate) fn rename(self) {
        let browser = self.browser;
        if !browser.shows_folder() {
            return;
        }
        let row = browser
            .selection
            .with_untracked(|selection| if selection.len() == 1 { selection.iter().next() } else { None })
            .unwrap_or_else(|| browser.cursor.get_untracked());
        let name = browser.listing.with_untracked(|listing| listing.rows.name(row).map(<[u8]>::to_vec));
        if let Some(name) = name {
            browser.cursor.set(row);
            // A row that is due to get the focus must not take it from the field.
            browser.focus_pending.set_value(false);
            browser.hold_row(&name);
            self.renaming.set(Some(name));
        }
    }

    /// Ends renaming.
    pub(crate) fn end_renaming(self) {
        self.renaming.set(None);
        self.browser.release_row();
    }

    /// Renames an entry of the current folder.
    pub(crate) fn rename_to(self, before: &[u8], name: &[u8]) {
        let folder = self.browser.folder.get_untracked();
        if let (Ok(from), Ok(to)) = (folder.join(before), folder.join(name))
            && from != to
        {
            self.submit(Change::Move { items: vec![PathPair { from, to, if_etag: None }], conflict: Conflict::Fail });
        }
    }

    /// Moves the selected entries to the trash.
    pub(crate) fn trash(self) {
        if let Some(entries) = self.selected_entries() {
            self.run(Submission::of_entries(entries, Command::Trash));
        }
    }

    /// Deletes the selected entries permanently, after confirmation.
    pub(crate) fn delete(self) {
        let Some(entries) = self.selected_entries() else { return };
        let question = match (entries.len(), entries.names().next()) {
            (1, Some(name)) => fill(self.words().confirm_delete_one, &[("name", &printable(name))]),
            (count, _) => self.counted(|words| &words.confirm_delete_many, count),
        };
        self.confirm(question, Submission::of_entries(entries, Command::Delete));
    }

    /// Executes a change that cannot be undone after the user confirmed it.
    pub(crate) fn confirm_deletion(self, question: String, change: Change) {
        self.confirm(question, Submission::of(vec![change], Verb::Deleted));
    }

    fn confirm(self, question: String, submission: Submission) {
        self.confirmation.set(Some(Confirmation { question, submission }));
    }

    /// Opens the folder picker to move or copy the selected entries.
    pub(crate) fn open_folder_picker(self, copy: bool) {
        if let Some(entries) = self.selected_entries() {
            self.transfer.set(Some(Transfer { entries, copy }));
        }
    }

    /// Copies the selected entries within their folder.
    pub(crate) fn duplicate(self) {
        if let Some(entries) = self.selected_entries() {
            let folder = entries.folder().clone();
            self.run(Submission::of_entries(entries, Command::Copy(folder)));
        }
    }

    /// Cuts or copies the selected entries.
    pub(crate) fn put_on_clipboard(self, cut: bool) {
        let Some(entries) = self.selected_entries() else { return };
        let words = self.words();
        let message = match (cut, has_keyboard()) {
            (true, true) => words.cut_to_clipboard,
            (true, false) => words.cut_by_touch,
            (false, true) => words.copied_to_clipboard,
            (false, false) => words.copied_by_touch,
        };
        self.clipboard.set(Some(Clipboard::new(entries, cut)));
        self.show_notice(message.to_owned());
    }

    /// Pastes the clipboard into the current folder. Returns `false` if there is nothing to paste.
    pub fn paste(self) -> bool {
        let Some(clipboard) = self.clipboard.get_untracked().filter(|_| self.may_paste()) else { return false };
        if clipboard.cut {
            self.clipboard.set(None);
        }
        let folder = self.browser.folder.get_untracked();
        if let Some((entries, command)) = clipboard.paste(&folder) {
            // Entries that were not moved stay cut, unless the user cut or copied others in the meantime.
            let keep_rest = move |results: &[ChangeResult]| {
                let rest = clipboard.after_moves(results);
                if clipboard.cut && !rest.is_empty() && self.clipboard.with_untracked(Option::is_none) {
                    self.clipboard.set(Some(rest));
                }
            };
            self.run_then(Submission::of_entries(entries, command), keep_rest);
        }
        true
    }

    /// Handles the browser's copy and cut events: puts the names on the system clipboard, whose previous content a
    /// later paste must not find.
    pub fn on_copy(self, event: &ClipboardEvent) {
        let Some(data) = event.clipboard_data().filter(|_| is_free(event.target())) else { return };
        self.clipboard.with_untracked(|clipboard| {
            if let Some(clipboard) = clipboard {
                let _ = data.set_data("text/plain", &clipboard.names());
                event.prevent_default();
            }
        });
    }

    /// Handles the browser's paste event: pastes the page's clipboard, unless the event carries files of the system.
    pub fn on_paste(self, event: &ClipboardEvent) {
        let files = event.clipboard_data().and_then(|data| data.files()).is_some_and(|files| files.length() > 0);
        let busy = event.default_prevented() || files || self.browser.in_trash.get_untracked();
        if !busy && is_free(event.target()) && self.paste() {
            event.prevent_default();
        }
    }

    /// Moves or copies the dragged entries into a folder.
    pub(super) fn drop_into(self, folder: &VPath, copy: bool) {
        let dragged = self.dragged.get_untracked();
        self.dragged.set(None);
        self.drop_target.set(None);
        if let Some(entries) = dragged.filter(|entries| entries.may_go_to(folder, copy)) {
            self.run(Submission::of_entries(entries, Command::transfer(folder.clone(), copy)));
        }
    }
}

/// True unless a text field or a dialog uses the clipboard itself.
fn is_free(target: Option<web_sys::EventTarget>) -> bool {
    let element = target.and_then(|target| target.dyn_into::<Element>().ok());
    !dialog_is_open()
        && element.is_none_or(|element| element.closest("input, textarea").is_ok_and(|found| found.is_none()))
}
