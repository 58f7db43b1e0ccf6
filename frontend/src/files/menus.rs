//! The context menus of the selection and of the folder: which items they have.

use leptos::prelude::*;

use super::download::download;
use crate::changes::Changes;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::folder::model::{Selection, permission};
use crate::i18n::Words;
use crate::server_info::ServerInfo;
use crate::ui::menu::{Menu, MenuItem};
use crate::uploads::{choose_files, choose_folder};

/// Both context menus.
#[component]
pub fn Menus() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let items = Items { changes, prefs, browser: FileBrowser::get(), server: ServerInfo::get() };
    let of_selection = Callback::new(move |()| items.of_selection());
    let of_folder = Callback::new(move |()| items.of_folder());
    view! {
        <Menu open=changes.menu label=prefs.text(|words| words.actions) items=of_selection />
        <Menu open=changes.folder_menu label=prefs.text(|words| words.actions) items=of_folder />
    }
}

/// The items of the menus: those that the rights in the folder allow.
#[derive(Clone, Copy)]
struct Items {
    changes: Changes,
    prefs: Prefs,
    browser: FileBrowser,
    server: ServerInfo,
}

impl Items {
    fn act(self, action: fn(Changes)) -> Callback<()> {
        Callback::new(move |()| action(self.changes))
    }

    fn item(
        self,
        label: fn(&'static Words) -> &'static str,
        icon: &'static str,
        keys: &'static str,
        run: Callback<()>,
    ) -> MenuItem {
        MenuItem { label: self.prefs.text(label), icon, keys, danger: false, separator: false, run }
    }

    fn of_selection(self) -> Vec<MenuItem> {
        let one = self.browser.selection.with_untracked(Selection::len) <= 1;
        joined([self.reading(one), self.transfer(one), self.clipboard(), self.removal()])
    }

    fn reading(self, one: bool) -> Vec<MenuItem> {
        let (browser, server) = (self.browser, self.server);
        let row = browser.cursor.get_untracked();
        let open = one.then(|| self.item(|words| words.open, "open", "", Callback::new(move |()| browser.open(row))));
        let download = Callback::new(move |()| download(browser, server));
        open.into_iter().chain([self.item(|words| words.download, "download", "", download)]).collect()
    }

    fn transfer(self, one: bool) -> Vec<MenuItem> {
        let mut items = Vec::new();
        if self.browser.allows_untracked(permission::MOVE) {
            items.extend(one.then(|| self.item(|words| words.rename, "rename", "F2", self.act(Changes::rename))));
            items.push(self.item(
                |words| words.move_to,
                "move",
                "",
                self.act(|changes| changes.open_folder_picker(false)),
            ));
        }
        if self.browser.allows_untracked(permission::COPY) {
            items.push(self.item(
                |words| words.copy_to,
                "copy",
                "",
                self.act(|changes| changes.open_folder_picker(true)),
            ));
            items.push(self.item(|words| words.duplicate, "duplicate", "", self.act(Changes::duplicate)));
        }
        items
    }

    fn clipboard(self) -> Vec<MenuItem> {
        let mut items = Vec::new();
        if self.browser.allows_untracked(permission::MOVE) {
            items.push(self.item(
                |words| words.cut,
                "cut",
                "Ctrl X",
                self.act(|changes| changes.put_on_clipboard(true)),
            ));
        }
        if self.browser.allows_untracked(permission::COPY) {
            items.push(self.item(
                |words| words.copy,
                "copy",
                "Ctrl C",
                self.act(|changes| changes.put_on_clipboard(false)),
            ));
        }
        items.extend(self.paste());
        items
    }

    fn removal(self) -> Vec<MenuItem> {
        if !self.browser.allows_untracked(permission::REMOVE) {
            return Vec::new();
        }
        let trash = self.item(
            |words| words.move_to_trash,
            "trash",
            self.prefs.lang.get_untracked().words().key_delete,
            self.act(Changes::trash),
        );
        let delete = self.item(|words| words.delete_forever, "delete", "", self.act(Changes::delete));
        vec![trash, MenuItem { danger: true, ..delete }]
    }

    fn of_folder(self) -> Vec<MenuItem> {
        let browser = self.browser;
        let add = match browser.allows_untracked(permission::ADD) {
            true => vec![
                self.item(|words| words.new_folder, "new-folder", "", self.act(Changes::new_folder)),
                self.item(|words| words.upload, "upload", "", Callback::new(|()| choose_files())),
                self.item(|words| words.upload_folder, "upload-folder", "", Callback::new(|()| choose_folder())),
            ],
            false => Vec::new(),
        };
        let refresh = self.item(|words| words.refresh, "refresh", "", Callback::new(move |()| browser.refresh()));
        let all = self.item(|words| words.select_all, "check", "Ctrl A", Callback::new(move |()| browser.select_all()));
        joined([add, self.paste().into_iter().collect(), vec![all, refresh]])
    }

    fn paste(self) -> Option<MenuItem> {
        self.changes
            .may_paste()
            .then(|| self.item(|words| words.paste, "paste", "Ctrl V", self.act(|changes| _ = changes.paste())))
    }
}

/// Joins sections, with a separator above each but the first.
fn joined<const COUNT: usize>(sections: [Vec<MenuItem>; COUNT]) -> Vec<MenuItem> {
    let mut items = Vec::new();
    for section in sections {
        let first = items.len();
        items.extend(section);
        if first > 0
            && let Some(item) = items.get_mut(first)
        {
            item.separator = true;
        }
    }
    items
}
