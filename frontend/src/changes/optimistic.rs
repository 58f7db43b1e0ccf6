//! What the list shows of a change: at once what will be, and where the server says otherwise, what it said.

use leptos::prelude::*;
use shared::{Change, Outcome, VPath};

use super::model::prediction::{Guess, guess, settled};
use super::state::Changes;
use crate::env::{clock, focused};
use crate::folder::model::Edit;

/// What the list shows of a change before the server said what became of it.
pub(super) struct Shown {
    folder: VPath,
    /// Of each item that nothing was said of so far.
    guesses: Vec<Guess>,
    /// The names that it brought.
    brought: Vec<Vec<u8>>,
}

impl Changes {
    /// Shows what a change will do whose turn has come.
    pub(super) fn show(self, change: &Change) -> Shown {
        let (folder, guesses) = self.guess(change);
        self.browser.asked(&folder, names(&guesses));
        let brought = self.merge(&folder, &forth(&guesses), &self.foreseen_in(&folder), &[]);
        Shown { folder, guesses, brought }
    }

    /// Shows what a change will do whose turn, of that number, has yet to come. It goes on being shown whatever becomes
    /// of those before it.
    pub(super) fn foresee(self, change: &Change, turn: u32) -> Shown {
        let (folder, guesses) = self.guess(change);
        let edits = forth(&guesses);
        self.browser.asked(&folder, names(&guesses));
        let brought = self.merge(&folder, &edits, &[], &[]);
        if !edits.is_empty() {
            self.foreseen.update_value(|foreseen| foreseen.push((turn, folder.clone(), edits)));
        }
        Shown { folder, guesses, brought }
    }

    fn guess(self, change: &Change) -> (VPath, Vec<Guess>) {
        let folder = self.browser.folder.get_untracked();
        let guesses = self.browser.listing.with_untracked(|listing| match listing.folder == folder {
            true => guess(change, listing, clock()),
            false => vec![Guess::default(); change.len()],
        });
        (folder, guesses)
    }

    fn foreseen_in(self, folder: &VPath) -> Vec<Edit> {
        self.foreseen.with_value(|foreseen| {
            let here = foreseen.iter().filter(|(_, there, _)| there == folder);
            here.flat_map(|(.., edits)| edits.iter().cloned()).collect()
        })
    }

    /// Puts the list right after what the server said of the next items.
    pub(super) fn settle(self, shown: &mut Shown, change: &Change, outcomes: &[Outcome]) {
        let guesses: Vec<_> = shown.guesses.drain(..change.len().min(shown.guesses.len())).collect();
        let done = |index: usize| matches!(outcomes.get(index), Some(Outcome::Done { .. }));
        let back = guesses.iter().enumerate().filter(|(index, _)| !done(*index)).flat_map(|(_, guess)| &guess.back);
        let mut edits: Vec<_> = back.cloned().collect();
        // A name that was guessed wrong goes away again.
        let said = settled(change, outcomes, &shown.folder);
        let right = |name: &[u8]| said.iter().any(|edit| edit.name() == name);
        let wrong = guesses.iter().enumerate().filter(|(index, _)| done(*index)).flat_map(|(_, guess)| &guess.forth);
        if said.len() <= guesses.len().max(8) {
            edits.extend(wrong.filter(|edit| !right(edit.name())).map(|edit| Edit::absent(edit.name())));
        }
        edits.extend(said.iter().cloned());
        self.merge(&shown.folder, &edits, &self.foreseen_in(&shown.folder), &shown.brought);
        self.browser.answered(&shown.folder, names(&guesses), &said);
    }

    /// Merges edits into the list, and what comes `after` them, and goes to what the edits bring, unless it was gone to
    /// `before`; answers what they bring.
    fn merge(self, folder: &VPath, edits: &[Edit], after: &[Edit], before: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let free = self.browser.has_focus();
        self.browser.merge(folder, &[edits, after].concat());
        let brought: Vec<_> =
            edits.iter().filter(|edit| matches!(edit, Edit::Present(_))).map(|edit| edit.name().to_vec()).collect();
        let news: Vec<_> = brought.iter().filter(|name| !before.contains(name)).map(Vec::as_slice).collect();
        let here = self.browser.folder.with_untracked(|here| here == folder);
        // What a person is about to act on stays chosen, or their deed would be done to something else.
        let choosing = self.menu.with_untracked(Option::is_some) || self.renaming.with_untracked(Option::is_some);
        if here && !news.is_empty() && !choosing {
            self.browser.reveal(&news, free);
        }
        // What had the focus may have gone with the selection that it belonged to.
        request_animation_frame(move || {
            if focused().is_none() {
                self.browser.focus_cursor();
            }
        });
        brought
    }
}

/// The names that guesses are about, each once for each of them.
fn names(guesses: &[Guess]) -> impl Iterator<Item = &[u8]> {
    guesses.iter().flat_map(|guess| guess.forth.iter().map(Edit::name))
}

fn forth(guesses: &[Guess]) -> Vec<Edit> {
    guesses.iter().flat_map(|guess| guess.forth.iter().cloned()).collect()
}
