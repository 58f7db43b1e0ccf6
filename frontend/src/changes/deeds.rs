//! What a person can do with files, whichever way they ask for it: by key, menu, button or by dragging.

use leptos::prelude::*;
use shared::change::{Chosen, Leg};
use shared::{Change, Conflict, VPath};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, Element, HtmlElement};

use super::model::clipboard::transfer;
use super::model::{Clipboard, Verb};
use super::state::{Changes, Sending, Sure};
use crate::browse::download;
use crate::browse::model::Selection;
use crate::browse::model::keys::Deed;
use crate::browse::model::text::printable;
use crate::env::focused;
use crate::i18n::fill;
use crate::ui::menu::{MenuItem, Spot};

impl Changes {
    /// Does what a key press in the list asks for.
    pub fn press(self, deed: Deed) {
        match deed {
            Deed::Menu => self.open_menu_at_row(),
            _ if !self.may() => {}
            Deed::Copy => self.take(false),
            Deed::Rename => self.rename(),
            Deed::Trash => self.trash(),
            Deed::Delete => self.delete(),
            Deed::Cut => self.take(true),
            Deed::Undo => self.undo(),
            Deed::Redo => self.redo(),
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
        if self.may() {
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
    pub(super) fn rename(self) {
        let browser = self.browser;
        let row = browser
            .selection
            .with_untracked(|selection| if selection.len() == 1 { selection.iter().next() } else { None })
            .unwrap_or_else(|| browser.cursor.get_untracked());
        let name = browser.listing.with_untracked(|listing| listing.rows.name(row).map(<[u8]>::to_vec));
        if let Some(name) = name {
            browser.cursor.set(row);
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
    pub(super) fn delete(self) {
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
    pub(super) fn duplicate(self) {
        let Some(paths) = self.chosen() else { return };
        let folder = self.browser.folder.get_untracked();
        if let Some(change) = transfer(&paths, &folder, true) {
            self.make(change);
        }
    }

    /// Cuts or copies what is chosen.
    pub(super) fn take(self, cut: bool) {
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
        let Some(clipboard) = self.clipboard.get_untracked().filter(|_| self.may()) else { return false };
        if clipboard.cut {
            self.clipboard.set(None);
        }
        let folder = self.browser.folder.get_untracked();
        if let Some(change) = clipboard.paste(&folder) {
            self.make(change);
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

    /// Opens the menu of what is chosen below the focused row.
    fn open_menu_at_row(self) {
        let row = focused().and_then(|element| element.closest(".row").ok().flatten());
        if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
            self.choose_cursor();
            let around = row.get_bounding_client_rect();
            self.menu.set(Some(Spot::at(around.left() as i32 + 48, around.bottom() as i32)));
        }
    }

    /// Opens the menu of what is chosen below a button.
    pub(crate) fn open_menu_below(self, target: Option<web_sys::EventTarget>) {
        let button = target.and_then(|target| target.dyn_into::<Element>().ok());
        let button = button.and_then(|element| element.closest("button").ok().flatten());
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            self.menu.set(Some(Spot::below(&button)));
        }
    }

    /// A menu that opens without a selection is about the focused row.
    fn choose_cursor(self) {
        let row = self.browser.cursor.get_untracked();
        if self.browser.selection.with_untracked(|selection| !selection.contains(row)) {
            self.browser.selection.update(|selection: &mut Selection| selection.only(row));
        }
    }

    /// What the menu of the selection has in it.
    pub(super) fn menu_items(self) -> Vec<MenuItem> {
        let prefs = self.prefs;
        let one = self.browser.selection.with_untracked(Selection::len) <= 1;
        let row = self.browser.cursor.get_untracked();
        let browser = self.browser;
        let item = |label: fn(&'static crate::i18n::Words) -> &'static str, icon, keys, run: Callback<()>| MenuItem {
            label: prefs.text(label),
            icon,
            keys,
            danger: false,
            apart: false,
            run,
        };
        let does = |deed: fn(Self)| Callback::new(move |()| deed(self));
        let mut items = Vec::new();
        if one {
            items.push(item(|words| words.open, "open", "", Callback::new(move |()| browser.open(row))));
        }
        let server = self.server;
        let download = Callback::new(move |()| download(browser, server));
        items.push(item(|words| words.download, "download", "", download));
        if !self.may() {
            return items;
        }
        if one {
            let rename = item(|words| words.rename, "rename", "F2", does(Self::rename));
            items.push(MenuItem { apart: true, ..rename });
        }
        let send = item(|words| words.move_to, "move", "", does(|changes| changes.send(false)));
        items.push(MenuItem { apart: !one, ..send });
        items.push(item(|words| words.copy_to, "copy", "", does(|changes| changes.send(true))));
        items.push(item(|words| words.duplicate, "duplicate", "", does(Self::duplicate)));
        let cut = item(|words| words.cut, "cut", "Ctrl X", does(|changes| changes.take(true)));
        items.push(MenuItem { apart: true, ..cut });
        items.push(item(|words| words.copy, "copy", "Ctrl C", does(|changes| changes.take(false))));
        if self.clipboard.with_untracked(Option::is_some) {
            items.push(item(|words| words.paste, "paste", "Ctrl V", does(|changes| _ = changes.paste())));
        }
        let trash = item(|words| words.to_trash, "trash", prefs.words().key_delete, does(Self::trash));
        items.push(MenuItem { apart: true, ..trash });
        let delete = item(|words| words.delete_forever, "delete", "", does(Self::delete));
        items.push(MenuItem { danger: true, ..delete });
        items
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
