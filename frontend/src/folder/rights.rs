//! What the user may do in the folder on the screen.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use shared::Rights;

use super::model::permission::allows_changes;
use super::state::{FileBrowser, Phase};

impl FileBrowser {
    /// True if every right of `needed` is known to be there; read again by effects when the rights change.
    pub fn allows(self, needed: Rights) -> bool {
        self.rights.with(|rights| rights.is_some_and(|rights| rights.contains(needed)))
    }

    /// [`Self::allows`] for an action: `false` while the rights are those of a folder that is being left.
    pub fn allows_untracked(self, needed: Rights) -> bool {
        (self.in_trash.get_untracked() || self.shows_folder())
            && self.rights.with_untracked(|rights| rights.is_some_and(|rights| rights.contains(needed)))
    }

    /// True unless the rights are known to lack `needed`: for a request that the user has confirmed since, which the
    /// server authorises.
    pub fn may_request(self, needed: Rights) -> bool {
        self.rights.with_untracked(|rights| rights.is_none_or(|rights| rights.contains(needed)))
    }

    /// True if some change is known to be allowed.
    pub fn allows_changes(self) -> bool {
        self.rights.with(|rights| rights.is_some_and(allows_changes))
    }

    /// [`Self::allows_changes`] outside of effects.
    pub fn allows_changes_untracked(self) -> bool {
        self.rights.with_untracked(|rights| rights.is_some_and(allows_changes))
    }

    /// True if the trash may have a link: where its list is allowed, and where a folder that cannot be shown leaves the
    /// rights unknown.
    pub fn offers_trash(self) -> bool {
        match self.rights.get() {
            Some(rights) => rights.contains(Rights::TRASH),
            None => matches!(self.phase.get(), Phase::Failed(_)),
        }
    }

    /// True if it is known that no change is allowed.
    pub fn is_read_only(self) -> bool {
        self.rights.with(|rights| rights.is_some_and(|rights| !allows_changes(rights)))
    }

    /// Takes the rights that came with a response about a folder; a server that does not say them changes nothing.
    pub fn set_rights(self, rights: Option<Rights>) {
        if rights.is_some() && self.rights.get_untracked() != rights {
            self.rights.set(rights);
        }
    }
}
