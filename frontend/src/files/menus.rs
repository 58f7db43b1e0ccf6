//! The menus: of what is selected, and of the folder itself.

use leptos::prelude::*;

use super::download::download;
use crate::changes::Changes;
use crate::env::prefs::Prefs;
use crate::folder::model::Selection;
use crate::i18n::Words;
use crate::ui::menu::{Menu, MenuItem};
use crate::uploads::{choose_files, choose_folder};

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
