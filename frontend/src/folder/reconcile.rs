//! Events from the server about the folder on the screen, reconciled with the changes that this page makes itself: an
//! event that may be older than the list is checked by a request.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::files::StatEntry;
use shared::{ErrorCode, VPath};

use super::model::{Edit, Listing, LocalEdits, Recheck};
use super::state::FileBrowser;
use crate::failure::Failure;
use crate::net::api::call_retrying;

/// Most entries that are rechecked one by one; the folder is read again instead of rechecking more.
const RECHECKS_MAX: usize = 16;

impl FileBrowser {
    /// Merges events from the server about entries of a folder into the list.
    pub fn receive(self, folder: &VPath, events: Vec<Edit>) {
        let taken = self.with_local_edits(|local_edits, listing| local_edits.receive(listing, events));
        let (accepted, rechecks) = taken.unwrap_or_default();
        self.merge(folder, &accepted);
        self.recheck(folder, rechecks);
    }

    /// Announces a change of the entries `names` by this page, before its request is sent: until
    /// [`FileBrowser::finish_change`] is called, events about them are deferred.
    pub fn expect_change<'a>(self, folder: &VPath, names: impl Iterator<Item = &'a [u8]>) {
        self.work.update_value(|work| work.local_edits.expect_change(folder, names));
    }

    /// Ends a change that [`FileBrowser::expect_change`] announced, once the list shows the `outcome`. The deferred
    /// events that contradict the list are checked by requests.
    pub fn finish_change<'a>(self, folder: &VPath, names: impl Iterator<Item = &'a [u8]>, outcome: &[Edit]) {
        let rechecks = self
            .with_local_edits(|local_edits, listing| local_edits.finish_change(folder, listing, names, outcome))
            .unwrap_or_default();
        self.recheck(folder, rechecks);
    }

    /// Keeps the row of an entry in the list while the user edits its name, whatever others do to the entry: without it
    /// the field would disappear, and the next keys would act on the list.
    pub fn hold_row(self, name: &[u8]) {
        self.release_row();
        let folder = self.folder.get_untracked();
        self.expect_change(&folder, std::iter::once(name));
        self.work.update_value(|work| work.held = Some((folder, name.into())));
    }

    /// Ends [`FileBrowser::hold_row`]; the list shows what happened to the entry meanwhile.
    pub fn release_row(self) {
        let held = self.work.try_update_value(|work| work.held.take()).flatten();
        if let Some((folder, name)) = held {
            self.finish_change(&folder, std::iter::once(&*name), &[]);
        }
    }

    /// Puts the held row into a newer listing that lacks it; its absence shows once the row is released.
    pub(super) fn keep_held_row(self, newer: &mut Listing) {
        let Some((folder, name)) = self.work.with_value(|work| work.held.clone()) else { return };
        if folder != newer.folder || newer.rows.find(&name, 0).is_some() {
            return;
        }
        let entry = self.listing.with_untracked(|shown| shown.entry(shown.rows.find(&name, 0)?));
        if let Some(entry) = entry {
            newer.merge(&[Edit::Present(entry)]);
            self.work.update_value(|work| _ = work.local_edits.receive(newer, vec![Edit::absent(&name)]));
        }
    }

    fn with_local_edits<T>(self, act: impl FnOnce(&mut LocalEdits, &Listing) -> T) -> Option<T> {
        self.listing.with_untracked(|listing| self.work.try_update_value(|work| act(&mut work.local_edits, listing)))
    }

    fn recheck(self, folder: &VPath, rechecks: Vec<Recheck>) {
        if rechecks.len() > RECHECKS_MAX {
            self.with_local_edits(|local_edits, _| local_edits.cancel_rechecks(&rechecks));
            return self.refresh();
        }
        for recheck in rechecks {
            if let Ok(path) = folder.join(&recheck.name) {
                spawn_local(self.recheck_entry(folder.clone(), path, recheck));
            }
        }
    }

    async fn recheck_entry(self, folder: VPath, path: VPath, recheck: Recheck) {
        let found = match call_retrying(&StatEntry { path }, None, |_| {}).await {
            Ok(entry) => Some(Edit::Present(entry)),
            Err(Failure::Refused { code: ErrorCode::NotFound, .. }) => Some(Edit::absent(&recheck.name)),
            Err(_) => None,
        };
        if found.is_none() && self.folder.with_untracked(|here| *here == folder) {
            self.refresh();
        }
        let finished =
            self.with_local_edits(|local_edits, listing| local_edits.finish_recheck(&folder, listing, recheck, found));
        let (accepted, rechecks) = finished.unwrap_or_default();
        self.merge(&folder, &accepted);
        self.recheck(&folder, rechecks);
    }
}
