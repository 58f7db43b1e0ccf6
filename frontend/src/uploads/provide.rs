//! Provides [`Uploads`] to the components.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::controller::Uploads;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::ui::toast::Toasts;

impl Uploads {
    /// Provides the uploads to the components, with the unfinished ones of an earlier page.
    pub fn provide(prefs: Prefs, toasts: Toasts, browser: FileBrowser) -> Self {
        let uploads = Self::new(prefs, toasts, browser);
        provide_context(uploads);
        uploads.restore_saved();
        uploads
    }
}
