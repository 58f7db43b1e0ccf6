//! Revalidation of the folder on the screen, once the event stream begins: the pages that were read before are requested
//! again and their validators compared. A validator covers the rows of its page and the names of the whole folder.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;

use super::loaded_page::LoadedPage;
use super::state::{FileBrowser, Phase};
use crate::net::api::list;

/// Most pages that are compared one by one; the folder is read again instead of comparing more.
const COMPARED_PAGES_MAX: usize = 4;

impl FileBrowser {
    /// The event stream begins: checks that the folder has not changed since it was read.
    pub fn revalidate(self) {
        let loading = self.work.try_update_value(|work| {
            work.watch_starts += 1;
            work.watched_folder = Some(self.folder.get_untracked());
            work.revalidation_due = work.loading;
            work.loading
        });
        if loading == Some(false) && self.phase.get_untracked() == Phase::Ready {
            self.revalidate_pages();
        }
    }

    /// True while the pages that are read of a folder will be compared, and are few enough for it.
    pub(super) fn will_be_compared(self, folder: &VPath) -> bool {
        self.work.with_value(|work| {
            work.watched_folder.as_ref() != Some(folder) && work.loaded_pages.len() < COMPARED_PAGES_MAX
        })
    }

    /// Compares the pages that were requested before watching began, and reads the folder again if one has changed.
    pub(super) fn revalidate_pages(self) {
        let (watch_starts, pages) = self.work.with_value(|work| {
            let unwatched = work.loaded_pages.iter().filter(|page| page.watch_starts < work.watch_starts).cloned();
            (work.watch_starts, unwatched.collect::<Vec<_>>())
        });
        spawn_local(async move {
            let Some(unchanged) = are_unchanged(&pages).await else { return };
            let overtaken = self.work.try_update_value(|work| work.loading || work.watch_starts != watch_starts);
            if overtaken != Some(false) || !pages.iter().all(|page| self.is_on_screen(page)) {
                return;
            }
            match unchanged {
                true => self.work.update_value(|work| {
                    work.loaded_pages.iter_mut().for_each(|page| page.watch_starts = watch_starts);
                }),
                false => self.refresh(),
            }
        });
    }

    fn is_on_screen(self, page: &LoadedPage) -> bool {
        self.folder.with_untracked(|folder| *folder == page.request.path)
            && self.order.get_untracked() == page.request.order
    }
}

/// `None` if the server does not answer.
async fn are_unchanged(pages: &[LoadedPage]) -> Option<bool> {
    if pages.len() > COMPARED_PAGES_MAX || pages.iter().any(|page| page.etag.is_none()) {
        return Some(false);
    }
    for page in pages {
        if list(&page.request, None).await.ok()?.page.etag != page.etag {
            return Some(false);
        }
    }
    Some(true)
}
