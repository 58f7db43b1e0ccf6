//! Provides [`Changes`] to the components.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::state::Changes;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::ui::toast::Toasts;

impl Changes {
    /// Provides the state to the components, and follows the changes that an earlier page requested.
    pub fn provide(browser: FileBrowser, prefs: Prefs, toasts: Toasts) -> Self {
        let changes = Self::new(browser, prefs, toasts);
        provide_context(changes);
        // What was begun in one place refers to entries there, and does not act in another.
        Effect::new(move |_| {
            browser.folder.track();
            browser.in_trash.track();
            changes.end_unfinished();
        });
        changes.follow_running_jobs();
        changes
    }

    /// Ends renaming and dragging, and closes the menus and the dialogs that act on entries on the screen.
    fn end_unfinished(self) {
        self.end_renaming();
        self.menu.set(None);
        self.folder_menu.set(None);
        self.drag_ended();
        self.new_folder_in.set(None);
        self.transfer.set(None);
        self.confirmation.set(None);
    }
}
