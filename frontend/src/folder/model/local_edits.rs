//! The entries that this page itself changes, and how events from the server about them are taken.
//!
//! An event may arrive before the response to the change, after it, or after a later change, and is then older than what
//! the list shows. So an event that contradicts the list is checked by a request of its own first, and not before the
//! changes of that entry are over.

use std::collections::HashMap;

use shared::{ETag, VPath};

use super::edit::Edit;
use super::listing::Listing;

/// Most entries that are remembered; beyond it, those without an outstanding response are dropped.
const NAMES_MAX: usize = 20_000;

/// The entries of one folder that the page changes.
#[derive(Debug, Default)]
pub struct LocalEdits {
    folder: VPath,
    names: HashMap<Box<[u8]>, LocalEdit>,
}

#[derive(Debug, Default)]
struct LocalEdit {
    /// Responses that are outstanding: to changes, and to rechecks.
    outstanding: u32,
    /// Counts the changes.
    generation: u32,
    /// The state in which the server left the entry. An event with this state is not older than the list.
    etag: Option<ETag>,
    /// The last event that arrived while responses were outstanding.
    deferred: Option<Edit>,
}

/// An entry to be requested from the server, because an event about it may be older than what the list shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Recheck {
    /// The raw name.
    pub name: Box<[u8]>,
    generation: u32,
}

impl LocalEdits {
    /// A change of these entries begins, and the list shows its result already.
    pub fn expect_change<'a>(&mut self, folder: &VPath, names: impl Iterator<Item = &'a [u8]>) {
        if self.folder != *folder {
            *self = Self { folder: folder.clone(), names: HashMap::new() };
        }
        for name in names {
            if let Some(edit) = self.edit_of(name) {
                edit.outstanding += 1;
                edit.generation += 1;
            }
        }
    }

    /// The change of the entries `names` is over, and the list shows its `outcome`. Returns the rechecks that are due.
    pub fn finish_change<'a>(
        &mut self,
        folder: &VPath,
        listing: &Listing,
        names: impl Iterator<Item = &'a [u8]>,
        outcome: &[Edit],
    ) -> Vec<Recheck> {
        if self.folder != *folder {
            return Vec::new();
        }
        for changed in outcome {
            if let Some(edit) = self.edit_of(changed.name()) {
                edit.etag = changed.etag();
            }
        }
        let deferred: Vec<_> = names.filter_map(|name| self.names.get_mut(name)?.take_response()).collect();
        if listing.folder == *folder { self.receive(listing, deferred).1 } else { Vec::new() }
    }

    /// Takes events about the folder on the screen. Returns those that the list may show, and the rechecks that are due.
    pub fn receive(&mut self, listing: &Listing, events: Vec<Edit>) -> (Vec<Edit>, Vec<Recheck>) {
        if self.folder != listing.folder || self.names.is_empty() {
            return (events, Vec::new());
        }
        let (local, mut accepted): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|event| self.names.contains_key(event.name()));
        let names: Vec<_> = local.iter().map(Edit::name).collect();
        let rows = listing.rows.find_each(&names);
        let mut rechecks = Vec::new();
        for (event, row) in local.into_iter().zip(rows) {
            let Some(edit) = self.names.get_mut(event.name()) else { continue };
            if edit.outstanding > 0 {
                edit.deferred = Some(event);
            } else if listing.agrees(row, &event) {
                if edit.etag.is_some() && edit.etag == event.etag() {
                    // Every later event is newer than the list.
                    self.names.remove(event.name());
                }
                // A complete list that agrees already needs no merge. A later page of another may be older than the event.
                if !listing.is_complete() {
                    accepted.push(event);
                }
            } else {
                edit.outstanding += 1;
                rechecks.push(Recheck { name: event.name().into(), generation: edit.generation });
            }
        }
        (accepted, rechecks)
    }

    /// Takes the response to a recheck; `None` if the server gave no answer. Returns the edits that the list may show, and
    /// the rechecks that are due because the entry changed, or an event arrived, in the meantime.
    pub fn finish_recheck(
        &mut self,
        folder: &VPath,
        listing: &Listing,
        recheck: Recheck,
        found: Option<Edit>,
    ) -> (Vec<Edit>, Vec<Recheck>) {
        let Some(edit) = self.names.get_mut(&recheck.name).filter(|_| self.folder == *folder) else {
            return Default::default();
        };
        let deferred = edit.take_response();
        if listing.folder != *folder {
            return Default::default();
        }
        match found {
            Some(found) if edit.outstanding == 0 && edit.generation == recheck.generation => {
                edit.etag = found.etag();
                // The deferred event is from before the response or from after it.
                let again = deferred.filter(|event| *event != found).map(|_| {
                    edit.outstanding += 1;
                    recheck
                });
                (vec![found], again.into_iter().collect())
            }
            // The entry changed in the meantime, so this is one event more.
            found => self.receive(listing, found.into_iter().chain(deferred).collect()),
        }
    }

    /// Gives up rechecks whose requests are not sent.
    pub fn cancel_rechecks(&mut self, rechecks: &[Recheck]) {
        for recheck in rechecks {
            if let Some(edit) = self.names.get_mut(&recheck.name) {
                edit.take_response();
            }
        }
    }

    fn edit_of(&mut self, name: &[u8]) -> Option<&mut LocalEdit> {
        if self.names.len() >= NAMES_MAX && !self.names.contains_key(name) {
            self.names.retain(|_, edit| edit.outstanding > 0);
        }
        (self.names.len() < NAMES_MAX || self.names.contains_key(name))
            .then(|| self.names.entry(name.into()).or_default())
    }
}

impl LocalEdit {
    /// Counts a response; the last one outstanding releases the deferred event.
    fn take_response(&mut self) -> Option<Edit> {
        self.outstanding = self.outstanding.saturating_sub(1);
        if self.outstanding == 0 { self.deferred.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Order};

    use super::super::sample;
    use super::*;

    /// A page at a folder: the list that it shows, and the rechecks that are due.
    struct Page {
        local_edits: LocalEdits,
        listing: Listing,
        rechecks: Vec<Recheck>,
    }

    impl Page {
        fn new(names: &[&str]) -> Self {
            Self { local_edits: LocalEdits::default(), listing: sample::listing(names), rechecks: Vec::new() }
        }

        fn begin(&mut self, edits: &[Edit]) {
            self.local_edits.expect_change(&VPath::root(), edits.iter().map(Edit::name));
            self.listing.merge(edits);
        }

        fn finish(&mut self, edits: &[Edit]) {
            self.listing.merge(edits);
            let rechecks =
                self.local_edits.finish_change(&VPath::root(), &self.listing, edits.iter().map(Edit::name), edits);
            self.rechecks.extend(rechecks);
        }

        fn change(&mut self, edits: &[Edit]) {
            self.begin(edits);
            self.finish(edits);
        }

        fn receive(&mut self, edits: &[Edit]) {
            let (accepted, rechecks) = self.local_edits.receive(&self.listing, edits.to_vec());
            self.listing.merge(&accepted);
            self.rechecks.extend(rechecks);
        }

        fn recheck(&mut self, recheck: Recheck, found: Option<Edit>) {
            let (accepted, rechecks) = self.local_edits.finish_recheck(&VPath::root(), &self.listing, recheck, found);
            self.listing.merge(&accepted);
            self.rechecks.extend(rechecks);
        }

        #[track_caller]
        fn shows(&self, names: &[&str], rechecks: &[&str]) {
            let name = |row| String::from_utf8_lossy(self.listing.rows.name(row).unwrap()).into_owned();
            assert_eq!((0..self.listing.rows.len()).map(name).collect::<Vec<_>>(), names);
            let due: Vec<_> = self.rechecks.iter().map(|recheck| String::from_utf8_lossy(&recheck.name)).collect();
            assert_eq!(due, rechecks);
        }
    }

    fn present(name: &str, state: u8) -> Edit {
        Edit::Present(Entry { etag: Some(ETag([state; 16])), ..sample::file(name, 1) })
    }

    fn gone(name: &str) -> Edit {
        Edit::absent(name.as_bytes())
    }

    /// A rename, and the events about it.
    fn rename() -> [Edit; 2] {
        [gone("a"), present("z", 2)]
    }

    fn undo() -> [Edit; 2] {
        [gone("z"), present("a", 3)]
    }

    #[test]
    fn late_events_of_an_undone_change_are_rechecked_and_change_nothing() {
        let mut page = Page::new(&["a", "m"]);
        page.change(&rename());
        page.change(&undo());
        page.receive(&rename());
        page.shows(&["a", "m"], &["a", "z"]);
        for (recheck, found) in std::mem::take(&mut page.rechecks).into_iter().zip([present("a", 3), gone("z")]) {
            page.recheck(recheck, Some(found));
        }
        page.receive(&undo());
        page.shows(&["a", "m"], &[]);
    }

    #[test]
    fn events_during_a_change_wait_for_its_response() {
        let mut page = Page::new(&["a", "m"]);
        page.begin(&rename());
        page.receive(&rename());
        page.finish(&rename());
        page.shows(&["m", "z"], &[]);
        page.begin(&undo());
        page.receive(&rename());
        page.shows(&["a", "m"], &[]);
        page.finish(&undo());
        page.shows(&["a", "m"], &["z", "a"]);
    }

    #[test]
    fn changes_of_others_show_once_rechecked() {
        let mut page = Page::new(&["a", "m"]);
        page.change(&rename());
        page.receive(&[gone("z"), gone("m")]);
        page.shows(&["z"], &["z"]);
        let recheck = page.rechecks.remove(0);
        page.recheck(recheck, Some(gone("z")));
        page.shows(&[], &[]);
    }

    #[test]
    fn events_after_the_last_local_state_are_accepted() {
        let mut page = Page::new(&["a"]);
        page.change(&rename());
        page.receive(&rename());
        page.receive(&[gone("z")]);
        page.shows(&[], &[]);
    }

    #[test]
    fn a_recheck_that_a_change_overtakes_is_repeated() {
        let mut page = Page::new(&["a"]);
        page.change(&rename());
        page.receive(&[gone("z")]);
        let recheck = page.rechecks.remove(0);
        page.change(&undo());
        page.shows(&["a"], &[]);
        page.recheck(recheck, Some(present("z", 2)));
        page.shows(&["a"], &["z"]);
    }

    #[test]
    fn an_event_during_a_recheck_is_rechecked_too() {
        let mut page = Page::new(&["a"]);
        page.change(&rename());
        page.receive(&[present("a", 6)]);
        page.receive(&[present("a", 7)]);
        page.shows(&["z"], &["a"]);
        let recheck = page.rechecks.remove(0);
        page.recheck(recheck, Some(present("a", 6)));
        page.shows(&["a", "z"], &["a"]);
    }

    #[test]
    fn a_folder_that_was_left_is_not_rechecked() {
        let mut page = Page::new(&["a"]);
        page.begin(&rename());
        page.listing = Listing::new(VPath::parse("sub").unwrap(), Order::default());
        page.receive(&[present("b", 1)]);
        page.local_edits.finish_change(&VPath::root(), &page.listing, rename().iter().map(Edit::name), &rename());
        page.listing = sample::listing(&["z"]);
        page.receive(&[present("a", 9)]);
        assert_eq!(page.rechecks.len(), 1, "no response is outstanding");
    }

    #[test]
    fn local_edits_remember_at_most_names_max() {
        let mut page = Page::new(&[]);
        let name = |index: usize| index.to_string().into_bytes();
        for index in 0..NAMES_MAX + 10 {
            page.local_edits.expect_change(&VPath::root(), [&name(index)[..]].into_iter());
        }
        assert_eq!(page.local_edits.names.len(), NAMES_MAX);
        page.local_edits.finish_change(&VPath::root(), &page.listing, [&name(0)[..]].into_iter(), &[]);
        page.local_edits.expect_change(&VPath::root(), [&b"more"[..]].into_iter());
        assert_eq!(page.local_edits.names.len(), NAMES_MAX);
        assert!(page.local_edits.names.contains_key(&b"more"[..]));
    }
}
