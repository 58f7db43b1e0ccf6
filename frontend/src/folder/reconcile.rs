//! What the server tells of the folder on the screen, beside what the page itself changes there: where the one is older
//! than the other, a look says what is there now.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::files::StatEntry;
use shared::{ErrorCode, VPath};

use super::model::{Edit, Listing, Look, Own};
use super::state::Browser;
use crate::failure::Failure;
use crate::net::api::call_retrying;

/// Where more names are in doubt, the folder is read again.
const LOOKS_MAX: usize = 16;

impl Browser {
    /// Takes in what is told of some entries of a folder.
    pub fn hear(self, folder: &VPath, told: Vec<Edit>) {
        let (taken, looks) = self.own(|own, listing| own.hear(listing, told)).unwrap_or_default();
        self.merge(folder, &taken);
        self.look(folder, looks);
    }

    /// The page shows what it asks for: a change of these names.
    pub fn asked<'a>(self, folder: &VPath, names: impl Iterator<Item = &'a [u8]>) {
        self.work.update_value(|work| work.own.asked(folder, names));
    }

    /// Such a change is over, and the list shows what was `said` of it.
    pub fn answered<'a>(self, folder: &VPath, names: impl Iterator<Item = &'a [u8]>, said: &[Edit]) {
        let looks = self.own(|own, listing| own.answered(folder, listing, names, said)).unwrap_or_default();
        self.look(folder, looks);
    }

    fn own<T>(self, act: impl FnOnce(&mut Own, &Listing) -> T) -> Option<T> {
        self.listing.with_untracked(|listing| self.work.try_update_value(|work| act(&mut work.own, listing)))
    }

    fn look(self, folder: &VPath, looks: Vec<Look>) {
        if looks.len() > LOOKS_MAX {
            self.own(|own, _| own.give_up(&looks));
            return self.refresh();
        }
        for look in looks {
            let Ok(path) = folder.join(&look.name) else { continue };
            let folder = folder.clone();
            spawn_local(async move {
                let found = match call_retrying(&StatEntry { path }, None, |_| {}).await {
                    Ok(entry) => Some(Edit::Present(entry)),
                    Err(Failure::Refused { code: ErrorCode::NotFound, .. }) => Some(Edit::absent(&look.name)),
                    Err(_) => None,
                };
                if found.is_none() && self.folder.with_untracked(|here| *here == folder) {
                    self.refresh();
                }
                let looked = self.own(|own, listing| own.looked(&folder, listing, look, found));
                let (taken, looks) = looked.unwrap_or_default();
                self.merge(&folder, &taken);
                self.look(&folder, looks);
            });
        }
    }
}
