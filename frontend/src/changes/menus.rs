//! The menus: of what is selected, and of the folder itself.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, MouseEvent};

use super::state::Changes;
use crate::browse::model::Selection;
use crate::browse::{Phase, download};
use crate::env::focused;
use crate::env::prefs::Prefs;
use crate::i18n::Words;
use crate::ui::menu::{Menu, MenuItem, Spot};
use crate::uploads::{choose_files, choose_folder};

/// How far into its row a menu opens that was asked for by key: below the name, not below the box to tick.
const ROW_INSET: f64 = 48.0;

/// The menus.
#[component]
pub fn Menus() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let of_selection = Callback::new(move |()| changes.selection_items());
    let of_folder = Callback::new(move |()| changes.folder_items());
    view! {
        <Menu open=changes.menu label=prefs.text(|words| words.actions) items=of_selection />
        <Menu open=changes.folder_menu label=prefs.text(|words| words.actions) items=of_folder />
    }
}

impl Changes {
    /// Opens the menu of what is chosen below the focused row.
    pub(super) fn open_menu_at_row(self) {
        let row = focused().and_then(|element| element.closest(".row").ok().flatten());
        if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
            self.choose_cursor();
            self.menu.set(Some(Spot::beside(&row, ROW_INSET)));
        }
    }

    /// Opens the menu of what is chosen below a button.
    pub(crate) fn open_menu_below(self, target: Option<web_sys::EventTarget>) {
        let button = target.and_then(|target| target.dyn_into::<Element>().ok());
        let button = button.and_then(|element| element.closest("button").ok().flatten());
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            self.menu.set(Some(Spot::beside(&button, 0.0)));
        }
    }

    /// Opens the folder's menu, where the pointer is on nothing else that has one.
    pub(crate) fn open_folder_menu(self, event: &MouseEvent) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let free = target
            .is_some_and(|target| target.closest(".row, .head, a, button, input").is_ok_and(|found| found.is_none()));
        let ready = self.browser.phase.get_untracked() == Phase::Ready;
        if free && ready && self.may() && !event.default_prevented() {
            event.prevent_default();
            self.folder_menu.set(Some(Spot::at(event.client_x(), event.client_y())));
        }
    }

    /// A menu that opens without a selection is about the focused row.
    fn choose_cursor(self) {
        let row = self.browser.cursor.get_untracked();
        if self.browser.selection.with_untracked(|selection| !selection.contains(row)) {
            self.browser.selection.update(|selection: &mut Selection| selection.only(row));
        }
    }

    fn does(self, deed: fn(Self)) -> Callback<()> {
        Callback::new(move |()| deed(self))
    }

    fn item(
        self,
        label: fn(&'static Words) -> &'static str,
        icon: &'static str,
        keys: &'static str,
        run: Callback<()>,
    ) -> MenuItem {
        MenuItem { label: self.prefs.text(label), icon, keys, danger: false, apart: false, run }
    }

    fn selection_items(self) -> Vec<MenuItem> {
        let (browser, server) = (self.browser, self.server);
        let one = browser.selection.with_untracked(Selection::len) <= 1;
        let row = browser.cursor.get_untracked();
        let mut items = Vec::new();
        if one {
            items.push(self.item(|words| words.open, "open", "", Callback::new(move |()| browser.open(row))));
        }
        let download = Callback::new(move |()| download(browser, server));
        items.push(self.item(|words| words.download, "download", "", download));
        if !self.may() {
            return items;
        }
        if one {
            let rename = self.item(|words| words.rename, "rename", "F2", self.does(Self::rename));
            items.push(MenuItem { apart: true, ..rename });
        }
        let send = self.item(|words| words.move_to, "move", "", self.does(|changes| changes.send(false)));
        items.push(MenuItem { apart: !one, ..send });
        items.push(self.item(|words| words.copy_to, "copy", "", self.does(|changes| changes.send(true))));
        items.push(self.item(|words| words.duplicate, "duplicate", "", self.does(Self::duplicate)));
        let cut = self.item(|words| words.cut, "cut", "Ctrl X", self.does(|changes| changes.take(true)));
        items.push(MenuItem { apart: true, ..cut });
        items.push(self.item(|words| words.copy, "copy", "Ctrl C", self.does(|changes| changes.take(false))));
        items.extend(self.paste_item());
        let trash = self.item(|words| words.to_trash, "trash", self.words().key_delete, self.does(Self::trash));
        items.push(MenuItem { apart: true, ..trash });
        let delete = self.item(|words| words.delete_forever, "delete", "", self.does(Self::delete));
        items.push(MenuItem { danger: true, ..delete });
        items
    }

    fn folder_items(self) -> Vec<MenuItem> {
        let browser = self.browser;
        let mut items = vec![
            self.item(|words| words.new_folder, "new-folder", "", self.does(Self::new_folder)),
            self.item(|words| words.upload, "upload", "", Callback::new(|()| choose_files())),
            self.item(|words| words.upload_folder, "upload-folder", "", Callback::new(|()| choose_folder())),
        ];
        items.extend(self.paste_item().map(|paste| MenuItem { apart: true, ..paste }));
        let refresh = self.item(|words| words.refresh, "refresh", "", Callback::new(move |()| browser.refresh()));
        items.push(MenuItem { apart: true, ..refresh });
        items
    }

    fn paste_item(self) -> Option<MenuItem> {
        let some = self.clipboard.with_untracked(Option::is_some);
        some.then(|| self.item(|words| words.paste, "paste", "Ctrl V", self.does(|changes| _ = changes.paste())))
    }
}
