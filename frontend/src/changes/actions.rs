//! What a person can do with files, whichever way they ask for it: by key, menu, button or by dragging.

use leptos::prelude::*;
use shared::change::{Chosen, Leg};
use shared::{Change, Conflict, VPath};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, Element};

use super::execute::Done;
use super::model::clipboard::transfer;
use super::model::{Clipboard, Verb};
use super::state::{Changes, Sending, Sure};
use crate::folder::model::keys::Deed;
use crate::folder::model::permission;
use crate::i18n::fill;
use crate::printable::printable;

impl Changes {
    /// Does what a key press in the list asks for.
    pub fn press(self, deed: Deed) {
        match deed {
            Deed::Menu => self.open_menu_at_row(),
            _ if !self.allows(deed) => {}
            Deed::Copy => self.take(false),
            Deed::Rename => self.rename(),
            Deed::Trash => self.trash(),
            Deed::Delete => self.delete(),
            Deed::Cut => self.take(true),
            Deed::Undo => self.undo(),
            Deed::Redo => self.redo(),
        }
    }

    fn allows(self, deed: Deed) -> bool {
        match deed {
            Deed::Menu => true,
            Deed::Copy => self.browser.allows_untracked(permission::COPY),
            Deed::Rename | Deed::Cut => self.browser.allows_untracked(permission::MOVE),
            Deed::Trash | Deed::Delete => self.browser.allows_untracked(permission::REMOVE),
            Deed::Undo | Deed::Redo => self.browser.allows_changes_untracked(),
        }
    }

    /// What is selected, or else the focused row; none, and a word about it, where not all of it is here yet.
    pub(super) fn chosen(self) -> Option<Vec<VPath>> {
        let browser = self.browser;
        let mut selection = browser.selection.get_untracked();
        if selection.is_empty() {
            selection.select([browser.cursor.get_untracked()]);
        }
        let paths: Vec<_> = selection.iter().map_while(|row| browser.path_of(row)).collect();
        if paths.len() < selection.len() && !browser.listing.with_untracked(|listing| listing.is_complete()) {
            self.say(self.words().wait_for_rows.to_owned(), None);
            return None;
        }
        (!paths.is_empty()).then_some(paths)
    }

    /// Asks for the name of a new folder in the one on the screen.
    pub fn new_folder(self) {
        if self.browser.allows_untracked(permission::ADD) {
            self.making.set(Some(self.browser.folder.get_untracked()));
        }
    }

    /// Makes a folder.
    pub(super) fn make_folder(self, folder: &VPath, name: &[u8]) {
        if let Ok(path) = folder.join(name) {
            self.make(Change::MakeFolder { paths: vec![path], existing_ok: false });
        }
    }

    /// Turns the focused row into a field for its name.
    pub(crate) fn rename(self) {
        let browser = self.browser;
        let row = browser
            .selection
            .with_untracked(|selection| if selection.len() == 1 { selection.iter().next() } else { None })
            .unwrap_or_else(|| browser.cursor.get_untracked());
        let name = browser.listing.with_untracked(|listing| listing.rows.name(row).map(<[u8]>::to_vec));
        if let Some(name) = name {
            browser.cursor.set(row);
            // The field has the focus from now on, and not the row that may be about to get it.
            browser.focus_due.set_value(false);
            self.renaming.set(Some(name));
        }
    }

    /// Gives an entry of the folder on the screen another name.
    pub(crate) fn rename_to(self, before: &[u8], name: &[u8]) {
        let folder = self.browser.folder.get_untracked();
        if let (Ok(from), Ok(to)) = (folder.join(before), folder.join(name))
            && from != to
        {
            self.make(Change::Move { items: vec![Leg { from, to, if_etag: None }], conflict: Conflict::Fail });
        }
    }

    /// Puts what is chosen into the trash.
    pub(crate) fn trash(self) {
        if let Some(paths) = self.chosen() {
            self.make(Change::Trash { items: items(paths) });
        }
    }

    /// Deletes what is chosen for ever, once the person is sure.
    pub(crate) fn delete(self) {
        let Some(paths) = self.chosen() else { return };
        let text = match &paths[..] {
            [path] => fill(self.words().delete_one, &[("name", &printable(path.name()))]),
            _ => self.counted(|words| &words.delete_many, paths.len()),
        };
        self.make_sure(text, Change::Delete { items: items(paths) });
    }

    /// Makes a change that cannot be undone, once the person is sure.
    pub(crate) fn make_sure(self, text: String, change: Change) {
        self.sure.set(Some(Sure { text, change, verb: Verb::Deleted }));
    }

    /// Asks for the folder to move or copy what is chosen to.
    pub(crate) fn send(self, copy: bool) {
        if let Some(paths) = self.chosen() {
            self.sending.set(Some(Sending { paths, copy }));
        }
    }

    /// Makes another one of each, beside it.
    pub(crate) fn duplicate(self) {
        let Some(paths) = self.chosen() else { return };
        let folder = self.browser.folder.get_untracked();
        if let Some(change) = transfer(&paths, &folder, true) {
            self.make(change);
        }
    }

    /// Cuts or copies what is chosen.
    pub(crate) fn take(self, cut: bool) {
        let Some(paths) = self.chosen() else { return };
        let text = match cut {
            true => self.counted(|words| &words.cut_to_clipboard, paths.len()),
            false => self.counted(|words| &words.copied_to_clipboard, paths.len()),
        };
        self.clipboard.set(Some(Clipboard::new(paths, cut)));
        self.say(text, None);
    }

    /// Puts what was cut or copied into the folder on the screen; false where there is nothing to paste.
    pub fn paste(self) -> bool {
        let Some(clipboard) = self.clipboard.get_untracked().filter(|_| self.may_paste()) else { return false };
        if clipboard.cut {
            self.clipboard.set(None);
        }
        let folder = self.browser.folder.get_untracked();
        if let Some(change) = clipboard.paste(&folder) {
            let verb = Verb::of(&change);
            // What could not be moved is still cut, unless the person took something else meanwhile.
            let keep = move |done: &[Done]| {
                let left = clipboard.left_by(done.iter().map(|(change, outcomes)| (change, &outcomes[..])));
                if clipboard.cut && !left.is_empty() && self.clipboard.with_untracked(Option::is_none) {
                    self.clipboard.set(Some(left));
                }
            };
            self.start_then(vec![change], verb, Box::new(keep));
        }
        true
    }

    /// The browser cuts or copies: it takes the names as a text, and forgets whatever its clipboard held before.
    pub fn hand_over(self, event: &ClipboardEvent) {
        let Some(data) = event.clipboard_data().filter(|_| is_free(event.target())) else { return };
        self.clipboard.with_untracked(|clipboard| {
            if let Some(clipboard) = clipboard {
                let _ = data.set_data("text/plain", &clipboard.names());
                event.prevent_default();
            }
        });
    }

    /// The browser pastes: what was cut or copied here, unless files come from elsewhere.
    pub fn pasted(self, event: &ClipboardEvent) {
        let files = event.clipboard_data().and_then(|data| data.files()).is_some_and(|files| files.length() > 0);
        let busy = event.default_prevented() || files || self.browser.in_trash.get_untracked();
        if !busy && is_free(event.target()) && self.paste() {
            event.prevent_default();
        }
    }

    /// Moves or copies what is dragged into a folder.
    pub(super) fn drop_into(self, folder: &VPath, copy: bool) {
        let dragged = self.dragged.get_untracked().unwrap_or_default();
        self.dragged.set(None);
        self.drop_on.set(None);
        if let Some(change) = transfer(&dragged, folder, copy) {
            self.make(change);
        }
    }
}

/// True where no field and no dialog has a use for the clipboard.
fn is_free(target: Option<web_sys::EventTarget>) -> bool {
    let element = target.and_then(|target| target.dyn_into::<Element>().ok());
    element.is_none_or(|element| element.closest("input, textarea, dialog").is_ok_and(|found| found.is_none()))
}

fn items(paths: Vec<VPath>) -> Vec<Chosen> {
    paths.into_iter().map(|path| Chosen { path, if_etag: None }).collect()
}
