//! Whether a folder is still as it is shown, once the server begins to tell of changes: what was read before it did is
//! asked for once more and compared by its validators. They cover the rows of a page and the names of the whole folder.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;

use super::proof::Proof;
use super::state::{Browser, Phase};
use crate::net::api::list;

/// More pages than these are not compared one by one: the folder is read again.
const DOUBTS_MAX: usize = 4;

impl Browser {
    /// From now on the server tells what changes: what was read before is looked at once more.
    pub fn check(self) {
        let reading = self.work.try_update_value(|work| {
            work.told += 1;
            work.told_of = Some(self.folder.get_untracked());
            work.check_due = work.reading;
            work.reading
        });
        if reading == Some(false) && self.phase.get_untracked() == Phase::Ready {
            self.prove();
        }
    }

    /// True while what is read of a folder will have to be compared, and can be.
    pub(super) fn is_compared(self, folder: &VPath) -> bool {
        self.work.with_value(|work| work.told_of.as_ref() != Some(folder) && work.proofs.len() < DOUBTS_MAX)
    }

    /// Compares the pages that were read before the server told of changes, and reads the folder again if one is not
    /// the same.
    pub(super) fn prove(self) {
        let (told, doubts) = self.work.with_value(|work| {
            let doubts = work.proofs.iter().filter(|proof| proof.told < work.told).cloned();
            (work.told, doubts.collect::<Vec<_>>())
        });
        spawn_local(async move {
            let same = are_same(&doubts).await;
            let is_here = |proof: &Proof| {
                self.folder.with_untracked(|folder| *folder == proof.request.path)
                    && self.order.get_untracked() == proof.request.order
            };
            let busy = self.work.try_update_value(|work| work.reading || work.told != told);
            match same {
                Some(same) if busy == Some(false) && doubts.iter().all(is_here) => match same {
                    true => self.work.update_value(|work| work.proofs.iter_mut().for_each(|proof| proof.told = told)),
                    false => self.refresh(),
                },
                _ => {}
            }
        });
    }
}

/// None where the server cannot be asked.
async fn are_same(proofs: &[Proof]) -> Option<bool> {
    if proofs.len() > DOUBTS_MAX || proofs.iter().any(|proof| proof.etag.is_none()) {
        return Some(false);
    }
    for proof in proofs {
        if list(&proof.request, None).await.ok()?.page.etag != proof.etag {
            return Some(false);
        }
    }
    Some(true)
}
