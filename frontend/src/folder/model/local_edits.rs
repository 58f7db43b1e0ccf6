//! What this page itself changed in a folder, and how what the server tells of it is taken: it may come before the
//! answer or after it, and after a later change as well, and then it is older than what the list shows. What speaks
//! against the list is therefore looked at before it counts, and not while a change is under way.

use std::collections::HashMap;

use shared::{ETag, VPath};

use super::edit::Edit;
use super::listing::Listing;

/// Most names that are kept; beyond it those are forgotten of which nothing is awaited.
const NAMES_MAX: usize = 20_000;

/// The names of one folder that the page changed.
#[derive(Debug, Default)]
pub struct Own {
    folder: VPath,
    names: HashMap<Box<[u8]>, Name>,
}

#[derive(Debug, Default)]
struct Name {
    /// How many answers are awaited: of changes, and of looks.
    awaited: u32,
    /// Counts the changes.
    change: u32,
    /// The state in which the server left it, if anything is there: who hears of that is no longer behind.
    etag: Option<ETag>,
    /// What was told last while answers were awaited.
    told: Option<Edit>,
}

/// A name to be looked at, because what was told of it may be older than what the list shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The raw name.
    pub name: Box<[u8]>,
    change: u32,
}

impl Own {
    /// A change of these names is asked for, and shown.
    pub fn asked<'a>(&mut self, folder: &VPath, names: impl Iterator<Item = &'a [u8]>) {
        if self.folder != *folder {
            *self = Self { folder: folder.clone(), names: HashMap::new() };
        }
        for name in names {
            if let Some(name) = self.name(name) {
                name.awaited += 1;
                name.change += 1;
            }
        }
    }

    /// The change of these names was answered, and the list shows what the answer said of them and of others; tells what
    /// is to be looked at.
    pub fn answered<'a>(
        &mut self,
        folder: &VPath,
        listing: &Listing,
        names: impl Iterator<Item = &'a [u8]>,
        said: &[Edit],
    ) -> Vec<Look> {
        if self.folder != *folder {
            return Vec::new();
        }
        for edit in said {
            if let Some(name) = self.name(edit.name()) {
                name.etag = edit.etag();
            }
        }
        let told: Vec<_> = names.filter_map(|name| self.names.get_mut(name)?.receive()).collect();
        if listing.folder == *folder { self.hear(listing, told).1 } else { Vec::new() }
    }

    /// Something is told of the folder on the screen: answers what may be shown at once, and what is to be looked at.
    pub fn hear(&mut self, listing: &Listing, told: Vec<Edit>) -> (Vec<Edit>, Vec<Look>) {
        if self.folder != listing.folder || self.names.is_empty() {
            return (told, Vec::new());
        }
        let (own, mut taken): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|edit| self.names.contains_key(edit.name()));
        let names: Vec<_> = own.iter().map(Edit::name).collect();
        let rows = listing.rows.find_each(&names);
        let mut looks = Vec::new();
        for (edit, row) in own.into_iter().zip(rows) {
            let Some(name) = self.names.get_mut(edit.name()) else { continue };
            if name.awaited > 0 {
                name.told = Some(edit);
            } else if listing.agrees(row, &edit) {
                if name.etag.is_some() && name.etag == edit.etag() {
                    // Whatever is told of it from now on is newer.
                    self.names.remove(edit.name());
                }
                taken.push(edit);
            } else {
                name.awaited += 1;
                looks.push(Look { name: edit.name().into(), change: name.change });
            }
        }
        (taken, looks)
    }

    /// Somebody looked, and this is there; none where the server did not say. Answers what is to be shown, and what is to
    /// be looked at once more, because it was changed or told of meanwhile.
    pub fn looked(
        &mut self,
        folder: &VPath,
        listing: &Listing,
        look: Look,
        found: Option<Edit>,
    ) -> (Vec<Edit>, Vec<Look>) {
        let Some(name) = self.names.get_mut(&look.name).filter(|_| self.folder == *folder) else {
            return Default::default();
        };
        let told = name.receive();
        if listing.folder != *folder {
            return Default::default();
        }
        match found {
            Some(found) if name.awaited == 0 && name.change == look.change => {
                name.etag = found.etag();
                // What was told meanwhile is of before the look or of after it.
                let doubts = told.filter(|told| *told != found).map(|_| {
                    name.awaited += 1;
                    look
                });
                (vec![found], doubts.into_iter().collect())
            }
            // It was changed meanwhile.
            found => self.hear(listing, found.into_iter().chain(told).collect()),
        }
    }

    /// Nothing comes of these looks.
    pub fn give_up(&mut self, looks: &[Look]) {
        for look in looks {
            if let Some(name) = self.names.get_mut(&look.name) {
                name.receive();
            }
        }
    }

    fn name(&mut self, name: &[u8]) -> Option<&mut Name> {
        if self.names.len() >= NAMES_MAX && !self.names.contains_key(name) {
            self.names.retain(|_, name| name.awaited > 0);
        }
        (self.names.len() < NAMES_MAX || self.names.contains_key(name))
            .then(|| self.names.entry(name.into()).or_default())
    }
}

impl Name {
    /// An answer came; if it was the last one awaited, what was told meanwhile can be judged.
    fn receive(&mut self) -> Option<Edit> {
        self.awaited = self.awaited.saturating_sub(1);
        if self.awaited == 0 { self.told.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Order};

    use super::super::sample;
    use super::*;

    /// Somebody at a folder: what their list shows, and what was asked to be looked at.
    struct Page {
        own: Own,
        listing: Listing,
        looks: Vec<Look>,
    }

    impl Page {
        fn new(names: &[&str]) -> Self {
            Self { own: Own::default(), listing: sample::listing(names), looks: Vec::new() }
        }

        fn ask(&mut self, edits: &[Edit]) {
            self.own.asked(&VPath::root(), edits.iter().map(Edit::name));
            self.listing.merge(edits);
        }

        fn answer(&mut self, edits: &[Edit]) {
            self.listing.merge(edits);
            let looks = self.own.answered(&VPath::root(), &self.listing, edits.iter().map(Edit::name), edits);
            self.looks.extend(looks);
        }

        fn make(&mut self, edits: &[Edit]) {
            self.ask(edits);
            self.answer(edits);
        }

        fn hear(&mut self, edits: &[Edit]) {
            let (taken, looks) = self.own.hear(&self.listing, edits.to_vec());
            self.listing.merge(&taken);
            self.looks.extend(looks);
        }

        fn find(&mut self, look: Look, found: Option<Edit>) {
            let (taken, looks) = self.own.looked(&VPath::root(), &self.listing, look, found);
            self.listing.merge(&taken);
            self.looks.extend(looks);
        }

        #[track_caller]
        fn shows(&self, names: &[&str], looks: &[&str]) {
            let name = |row| String::from_utf8_lossy(self.listing.rows.name(row).unwrap()).into_owned();
            assert_eq!((0..self.listing.rows.len()).map(name).collect::<Vec<_>>(), names);
            let looked_at: Vec<_> = self.looks.iter().map(|look| String::from_utf8_lossy(&look.name)).collect();
            assert_eq!(looked_at, looks);
        }
    }

    fn present(name: &str, state: u8) -> Edit {
        Edit::Present(Entry { etag: Some(ETag([state; 16])), ..sample::file(name, 1) })
    }

    fn gone(name: &str) -> Edit {
        Edit::absent(name.as_bytes())
    }

    /// A rename, and what is told of it.
    fn there() -> [Edit; 2] {
        [gone("a"), present("z", 2)]
    }

    fn back() -> [Edit; 2] {
        [gone("z"), present("a", 3)]
    }

    #[test]
    fn what_is_told_late_of_a_change_that_was_taken_back_changes_nothing() {
        let mut page = Page::new(&["a", "m"]);
        page.make(&there());
        page.make(&back());
        page.hear(&there());
        page.shows(&["a", "m"], &["a", "z"]);
        for (look, found) in std::mem::take(&mut page.looks).into_iter().zip([present("a", 3), gone("z")]) {
            page.find(look, Some(found));
        }
        page.hear(&back());
        page.shows(&["a", "m"], &[]);
    }

    #[test]
    fn what_is_told_while_a_change_is_under_way_is_judged_by_its_answer() {
        let mut page = Page::new(&["a", "m"]);
        page.ask(&there());
        page.hear(&there());
        page.answer(&there());
        page.shows(&["m", "z"], &[]);
        page.ask(&back());
        page.hear(&there());
        page.shows(&["a", "m"], &[]);
        page.answer(&back());
        page.shows(&["a", "m"], &["z", "a"]);
    }

    #[test]
    fn what_others_did_counts_once_it_was_looked_at() {
        let mut page = Page::new(&["a", "m"]);
        page.make(&there());
        page.hear(&[gone("z"), gone("m")]);
        page.shows(&["z"], &["z"]);
        let look = page.looks.remove(0);
        page.find(look, Some(gone("z")));
        page.shows(&[], &[]);
    }

    #[test]
    fn who_heard_of_the_last_change_is_not_behind() {
        let mut page = Page::new(&["a"]);
        page.make(&there());
        page.hear(&there());
        page.hear(&[gone("z")]);
        page.shows(&[], &[]);
    }

    #[test]
    fn a_look_that_a_change_overtook_is_repeated() {
        let mut page = Page::new(&["a"]);
        page.make(&there());
        page.hear(&[gone("z")]);
        let look = page.looks.remove(0);
        page.make(&back());
        page.shows(&["a"], &[]);
        page.find(look, Some(present("z", 2)));
        page.shows(&["a"], &["z"]);
    }

    #[test]
    fn what_is_told_during_a_look_is_looked_at_too() {
        let mut page = Page::new(&["a"]);
        page.make(&there());
        page.hear(&[present("a", 6)]);
        page.hear(&[present("a", 7)]);
        page.shows(&["z"], &["a"]);
        let look = page.looks.remove(0);
        page.find(look, Some(present("a", 6)));
        page.shows(&["a", "z"], &["a"]);
    }

    #[test]
    fn what_was_left_is_let_be() {
        let mut page = Page::new(&["a"]);
        page.ask(&there());
        page.listing = Listing::new(VPath::parse("sub").unwrap(), Order::default());
        page.hear(&[present("b", 1)]);
        page.own.answered(&VPath::root(), &page.listing, there().iter().map(Edit::name), &there());
        page.listing = sample::listing(&["z"]);
        page.hear(&[present("a", 9)]);
        assert_eq!(page.looks.len(), 1, "nothing is awaited any more");
    }

    #[test]
    fn no_more_names_are_kept_than_the_bound() {
        let mut page = Page::new(&[]);
        let name = |index: usize| index.to_string().into_bytes();
        for index in 0..NAMES_MAX + 10 {
            page.own.asked(&VPath::root(), [&name(index)[..]].into_iter());
        }
        assert_eq!(page.own.names.len(), NAMES_MAX);
        page.own.answered(&VPath::root(), &page.listing, [&name(0)[..]].into_iter(), &[]);
        page.own.asked(&VPath::root(), [&b"more"[..]].into_iter());
        assert_eq!(page.own.names.len(), NAMES_MAX);
        assert!(page.own.names.contains_key(&b"more"[..]));
    }
}
