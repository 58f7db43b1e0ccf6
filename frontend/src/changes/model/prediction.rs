//! What a change will do to the listing on the screen, before the server did it; how to take that back where it did not
//! happen; and what the server's outcomes say of the listing in the end.

use shared::change::Leg;
use shared::{Change, Conflict, Entry, Kind, Outcome, Timestamp, VPath};

use crate::folder::model::{Edit, Listing};

/// What one item of a change will do, and the way back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guess {
    /// What to show.
    pub forth: Vec<Edit>,
    /// What to show if it was not done.
    pub back: Vec<Edit>,
}

/// One guess for each item of the change; `now` is the time in milliseconds since 1970. Nothing is guessed where only
/// the server knows.
pub fn guess(change: &Change, listing: &Listing, now: i64) -> Vec<Guess> {
    match change {
        Change::MakeFolder { paths, .. } => paths.iter().map(|path| made(path, listing, now)).collect(),
        Change::Move { items, conflict } => legs(items, listing, |leg, entry, free| {
            // It would stay: a conflict that the person will be asked about, or a name that only the server chooses.
            if free || *conflict == Conflict::Replace { moved(leg, entry, listing, free) } else { Guess::default() }
        }),
        Change::Copy { items, conflict } => legs(items, listing, |leg, entry, free| {
            let known = free && *conflict != Conflict::KeepBoth && is_in(&leg.to, listing);
            if known { copied(leg, entry) } else { Guess::default() }
        }),
        Change::Trash { items } | Change::Delete { items } => {
            let rows = rows_of(items.iter().map(|item| &item.path), listing);
            rows.into_iter().map(|row| row.map_or_else(Guess::default, |row| gone(listing, row))).collect()
        }
        Change::Restore { items, .. } => vec![Guess::default(); items.len()],
        Change::Purge { .. } => vec![Guess::default(); change.len()],
    }
}

/// What the outcomes say of a folder's entries. Items that failed are not in it: their guesses are taken back.
pub fn settled(change: &Change, outcomes: &[Outcome], folder: &VPath) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut gone = |path: &VPath| {
        if path.parent().as_ref() == Some(folder) {
            edits.push(Edit::absent(path.name()));
        }
    };
    let done = |index: usize| matches!(outcomes.get(index), Some(Outcome::Done { .. }));
    match change {
        Change::Move { items, .. } => {
            items.iter().enumerate().filter(|(index, _)| done(*index)).for_each(|(_, leg)| gone(&leg.from));
        }
        Change::Trash { items } | Change::Delete { items } => {
            items.iter().enumerate().filter(|(index, _)| done(*index)).for_each(|(_, item)| gone(&item.path));
        }
        _ => {}
    }
    for outcome in outcomes {
        if let Outcome::Done { entry: Some(entry), .. } = outcome
            && entry.path.parent().as_ref() == Some(folder)
        {
            edits.push(Edit::Present(entry.clone()));
        }
    }
    edits
}

fn made(path: &VPath, listing: &Listing, now: i64) -> Guess {
    if !is_in(path, listing) || listing.rows.find(path.name(), 0).is_some() {
        return Guess::default();
    }
    let entry = Entry {
        path: path.clone(),
        kind: Kind::Folder,
        size: 0,
        modified: Timestamp::from_milliseconds(now),
        executable: false,
        link: None,
        etag: None,
    };
    Guess { forth: vec![Edit::Present(entry)], back: vec![Edit::absent(path.name())] }
}

fn gone(listing: &Listing, row: usize) -> Guess {
    let Some(entry) = listing.entry(row) else { return Guess::default() };
    Guess { forth: vec![Edit::absent(entry.path.name())], back: vec![Edit::Present(entry)] }
}

/// A guess for each leg whose source is in the listing, told whether its destination is free.
fn legs(items: &[Leg], listing: &Listing, guess: impl Fn(&Leg, Entry, bool) -> Guess) -> Vec<Guess> {
    let from = rows_of(items.iter().map(|leg| &leg.from), listing);
    let to = rows_of(items.iter().map(|leg| &leg.to), listing);
    let each = items.iter().zip(from).zip(to);
    each.map(|((leg, from), to)| {
        let entry = from.and_then(|row| listing.entry(row));
        entry.map_or_else(Guess::default, |entry| guess(leg, entry, to.is_none()))
    })
    .collect()
}

fn moved(leg: &Leg, entry: Entry, listing: &Listing, free: bool) -> Guess {
    let mut guess = Guess { forth: vec![Edit::absent(leg.from.name())], back: Vec::new() };
    if free && is_in(&leg.to, listing) {
        guess.forth.push(Edit::Present(Entry { path: leg.to.clone(), ..entry.clone() }));
        guess.back.push(Edit::absent(leg.to.name()));
    }
    guess.back.push(Edit::Present(entry));
    guess
}

fn copied(leg: &Leg, entry: Entry) -> Guess {
    Guess {
        forth: vec![Edit::Present(Entry { path: leg.to.clone(), ..entry })],
        back: vec![Edit::absent(leg.to.name())],
    }
}

fn is_in(path: &VPath, listing: &Listing) -> bool {
    path.parent().as_ref() == Some(&listing.folder)
}

/// The rows of paths, in one pass over the listing.
fn rows_of<'a>(paths: impl Iterator<Item = &'a VPath>, listing: &Listing) -> Vec<Option<usize>> {
    // No entry has the empty name.
    let names: Vec<_> = paths.map(|path| if is_in(path, listing) { path.name() } else { b"" }).collect();
    listing.rows.find_each(&names)
}

#[cfg(test)]
mod tests {
    use shared::change::Chosen;
    use shared::{ErrorCode, TrashId};

    use super::*;
    use crate::folder::model::sample;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn leg(from: &str, to: &str) -> Leg {
        Leg { from: path(from), to: path(to), if_etag: None }
    }

    fn names(listing: &Listing) -> Vec<String> {
        (0..listing.rows.len())
            .map(|row| String::from_utf8_lossy(listing.rows.name(row).unwrap()).into_owned())
            .collect()
    }

    /// Carries the guesses out and takes them back: what was there has to be there again.
    #[track_caller]
    fn check(listing: &[&str], change: Change, expected: &[&str]) {
        let mut listing = sample::listing(listing);
        let before = listing.rows.clone();
        let guesses = guess(&change, &listing, 0);
        assert_eq!(guesses.len(), change.len());
        let (forth, back): (Vec<_>, Vec<_>) = guesses.into_iter().map(|guess| (guess.forth, guess.back)).unzip();
        listing.merge(&forth.concat());
        assert_eq!(names(&listing), expected);
        listing.merge(&back.concat());
        assert_eq!(listing.rows, before, "taken back");
    }

    #[test]
    fn what_a_person_sees_in_the_next_frame() {
        let conflict = Conflict::Fail;
        check(&["a", "b"], Change::Move { items: vec![leg("a", "c")], conflict }, &["b", "c"]);
        check(&["a", "b"], Change::Move { items: vec![leg("a", "sub/a")], conflict }, &["b"]);
        check(&["a", "b"], Change::Copy { items: vec![leg("a", "z")], conflict }, &["a", "b", "z"]);
        check(&["a"], Change::MakeFolder { paths: vec![path("n")], existing_ok: false }, &["n", "a"]);
        let items = ["b", "a", "elsewhere/c"].map(|text| Chosen { path: path(text), if_etag: None }).to_vec();
        check(&["a", "b", "c"], Change::Trash { items }, &["c"]);
    }

    #[test]
    fn what_only_the_server_knows_is_not_guessed() {
        let conflict = Conflict::Fail;
        check(&["a", "b"], Change::Move { items: vec![leg("a", "b")], conflict }, &["a", "b"]);
        check(&["a"], Change::Move { items: vec![leg("sub/x", "x")], conflict }, &["a"]);
        check(&["a"], Change::Copy { items: vec![leg("a", "a")], conflict: Conflict::KeepBoth }, &["a"]);
        check(&["a"], Change::MakeFolder { paths: vec![path("a")], existing_ok: false }, &["a"]);
    }

    #[test]
    fn outcomes_have_the_last_word() {
        let change = Change::Copy { items: vec![leg("a", "a"), leg("x/b", "b")], conflict: Conflict::KeepBoth };
        let done = |entry| Outcome::Done { entry, trash: None, replaced: Vec::new() };
        let failed = Outcome::Failed { code: ErrorCode::NoSpace, path: None, message: String::new() };
        let copy = sample::file("a%20%282%29", 1);
        let edits = settled(&change, &[done(Some(copy.clone())), failed.clone()], &VPath::root());
        assert_eq!(edits, [Edit::Present(copy)]);

        let change = Change::Move { items: vec![leg("a", "sub/a"), leg("b", "sub/b")], conflict: Conflict::Fail };
        let edits = settled(&change, &[done(Some(sample::file("sub/a", 1))), failed], &VPath::root());
        assert_eq!(edits, [Edit::absent(b"a")]);

        let items = vec![Chosen { path: path("a"), if_etag: None }];
        let trashed = Outcome::Done { entry: None, trash: Some(TrashId::default()), replaced: Vec::new() };
        assert_eq!(settled(&Change::Trash { items }, &[trashed], &VPath::root()), [Edit::absent(b"a")]);
    }
}
