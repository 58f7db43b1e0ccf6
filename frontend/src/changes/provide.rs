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
        // Leaving a folder ends renaming, because the name belongs to a row of that folder.
        Effect::new(move |_| {
            browser.folder.track();
            changes.renaming.set(None);
        });
        changes.follow_running_jobs();
        changes
    }
}
