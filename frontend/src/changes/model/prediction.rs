//! Optimistic updates: the edits of the listing that a change is expected to make, the edits that revert them, and the
//! edits that follow from the server's outcomes.

use shared::change::PathPair;
use shared::{Change, Conflict, Entry, Kind, Outcome, Timestamp, VPath};

use crate::folder::model::{Edit, Listing};

/// The expected effect of one item of a change. Empty if only the server knows the effect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Edits that show the item as done.
    pub apply: Vec<Edit>,
    /// Edits that undo `apply` if the item fails.
    pub revert: Vec<Edit>,
}

/// One prediction for each item of the change. `now` is in milliseconds since 1970.
pub fn predict(change: &Change, listing: &Listing, now: i64) -> Vec<Prediction> {
    match change {
        Change::MakeFolder { paths, .. } => paths.iter().map(|path| new_folder(path, listing, now)).collect(),
        Change::Move { items, conflict } => each_source(items, listing, |pair, entry, free| {
            // With the destination taken, either the user is asked or the server chooses the name.
            if free || *conflict == Conflict::Replace {
                moved(pair, entry, listing, free)
            } else {
                Prediction::default()
            }
        }),
        Change::Copy { items, conflict } => each_source(items, listing, |pair, entry, free| {
            let known = free && *conflict != Conflict::KeepBoth && is_in(&pair.to, listing);
            if known { copied(pair, entry) } else { Prediction::default() }
        }),
        Change::Trash { items } | Change::Delete { items } => {
            let rows = rows_of(items.iter().map(|item| &item.path), listing);
            rows.into_iter().map(|row| row.map_or_else(Prediction::default, |row| removed(listing, row))).collect()
        }
        Change::Restore { items, .. } => vec![Prediction::default(); items.len()],
        Change::Purge { .. } => vec![Prediction::default(); change.len()],
    }
}

/// The edits of `folder` that the outcomes confirm. Failed items are not among them: revert their predictions.
pub fn confirmed_edits(change: &Change, outcomes: &[Outcome], folder: &VPath) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut remove = |path: &VPath| {
        if path.is_in(folder) {
            edits.push(Edit::absent(path.name()));
        }
    };
    let done = |index: usize| matches!(outcomes.get(index), Some(Outcome::Done { .. }));
    match change {
        Change::Move { items, .. } => {
            items.iter().enumerate().filter(|(index, _)| done(*index)).for_each(|(_, pair)| remove(&pair.from));
        }
        Change::Trash { items } | Change::Delete { items } => {
            items.iter().enumerate().filter(|(index, _)| done(*index)).for_each(|(_, item)| remove(&item.path));
        }
        _ => {}
    }
    for outcome in outcomes {
        if let Outcome::Done { entry: Some(entry), .. } = outcome
            && entry.path.is_in(folder)
        {
            edits.push(Edit::Present(entry.clone()));
        }
    }
    edits
}

/// The names in `folder` that a change removes, adds or replaces, as far as the request says.
pub fn affected_names<'a>(change: &'a Change, folder: &'a VPath) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
    let in_folder = move |path: &'a VPath| path.is_in(folder).then(|| path.name());
    match change {
        Change::MakeFolder { paths, .. } => Box::new(paths.iter().filter_map(in_folder)),
        Change::Move { items, .. } => {
            Box::new(items.iter().flat_map(|pair| [&pair.from, &pair.to]).filter_map(in_folder))
        }
        Change::Copy { items, .. } => Box::new(items.iter().map(|pair| &pair.to).filter_map(in_folder)),
        Change::Trash { items } | Change::Delete { items } => {
            Box::new(items.iter().map(|item| &item.path).filter_map(in_folder))
        }
        Change::Restore { items, .. } => {
            Box::new(items.iter().filter_map(|item| item.to.as_ref()).filter_map(in_folder))
        }
        Change::Purge { .. } => Box::new(std::iter::empty()),
    }
}

fn new_folder(path: &VPath, listing: &Listing, now: i64) -> Prediction {
    if !is_in(path, listing) || listing.rows.find(path.name(), 0).is_some() {
        return Prediction::default();
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
    Prediction { apply: vec![Edit::Present(entry)], revert: vec![Edit::absent(path.name())] }
}

fn removed(listing: &Listing, row: usize) -> Prediction {
    let Some(entry) = listing.entry(row) else { return Prediction::default() };
    Prediction { apply: vec![Edit::absent(entry.path.name())], revert: vec![Edit::Present(entry)] }
}

/// Calls `predict` for each item whose source is in the listing, with the source's entry and whether the destination
/// is free.
fn each_source(
    items: &[PathPair],
    listing: &Listing,
    predict: impl Fn(&PathPair, Entry, bool) -> Prediction,
) -> Vec<Prediction> {
    let from = rows_of(items.iter().map(|pair| &pair.from), listing);
    let to = rows_of(items.iter().map(|pair| &pair.to), listing);
    let each = items.iter().zip(from).zip(to);
    each.map(|((pair, from), to)| {
        let entry = from.and_then(|row| listing.entry(row));
        entry.map_or_else(Prediction::default, |entry| predict(pair, entry, to.is_none()))
    })
    .collect()
}

fn moved(pair: &PathPair, entry: Entry, listing: &Listing, free: bool) -> Prediction {
    let mut prediction = Prediction { apply: vec![Edit::absent(pair.from.name())], revert: Vec::new() };
    if free && is_in(&pair.to, listing) {
        prediction.apply.push(Edit::Present(Entry { path: pair.to.clone(), ..entry.clone() }));
        prediction.revert.push(Edit::absent(pair.to.name()));
    }
    prediction.revert.push(Edit::Present(entry));
    prediction
}

fn copied(pair: &PathPair, entry: Entry) -> Prediction {
    Prediction {
        apply: vec![Edit::Present(Entry { path: pair.to.clone(), ..entry })],
        revert: vec![Edit::absent(pair.to.name())],
    }
}

fn is_in(path: &VPath, listing: &Listing) -> bool {
    path.is_in(&listing.folder)
}

/// The row of each path, found in one pass over the listing. `None` for a path without a row.
fn rows_of<'a>(paths: impl Iterator<Item = &'a VPath>, listing: &Listing) -> Vec<Option<usize>> {
    // The empty name stands for paths of other folders, because no entry has it.
    let names: Vec<_> = paths.map(|path| if is_in(path, listing) { path.name() } else { b"" }).collect();
    listing.rows.find_each(&names)
}

#[cfg(test)]
mod tests {
    use shared::change::PathItem;
    use shared::job::LeftOut;
    use shared::{ErrorCode, TrashId};

    use super::*;
    use crate::folder::model::sample;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn pair(from: &str, to: &str) -> PathPair {
        PathPair { from: path(from), to: path(to), if_etag: None }
    }

    fn names(listing: &Listing) -> Vec<String> {
        (0..listing.rows.len())
            .map(|row| String::from_utf8_lossy(listing.rows.name(row).unwrap()).into_owned())
            .collect()
    }

    /// Applies the predictions, compares the names, then reverts the predictions and expects the original rows.
    #[track_caller]
    fn check(listing: &[&str], change: Change, expected: &[&str]) {
        let mut listing = sample::listing(listing);
        let before = listing.rows.clone();
        let predictions = predict(&change, &listing, 0);
        assert_eq!(predictions.len(), change.len());
        let (apply, revert): (Vec<_>, Vec<_>) =
            predictions.into_iter().map(|prediction| (prediction.apply, prediction.revert)).unzip();
        listing.merge(&apply.concat());
        assert_eq!(names(&listing), expected);
        listing.merge(&revert.concat());
        assert_eq!(listing.rows, before, "reverted");
    }

    #[test]
    fn predict_shows_changes_within_the_listing() {
        let conflict = Conflict::Fail;
        check(&["a", "b"], Change::Move { items: vec![pair("a", "c")], conflict }, &["b", "c"]);
        check(&["a", "b"], Change::Move { items: vec![pair("a", "sub/a")], conflict }, &["b"]);
        check(&["a", "b"], Change::Copy { items: vec![pair("a", "z")], conflict }, &["a", "b", "z"]);
        check(&["a"], Change::MakeFolder { paths: vec![path("n")], existing_ok: false }, &["n", "a"]);
        let items = ["b", "a", "elsewhere/c"].map(|text| PathItem { path: path(text), if_etag: None }).to_vec();
        check(&["a", "b", "c"], Change::Trash { items }, &["c"]);
    }

    #[test]
    fn predict_leaves_out_results_that_only_the_server_knows() {
        let conflict = Conflict::Fail;
        check(&["a", "b"], Change::Move { items: vec![pair("a", "b")], conflict }, &["a", "b"]);
        check(&["a"], Change::Move { items: vec![pair("sub/x", "x")], conflict }, &["a"]);
        check(&["a"], Change::Copy { items: vec![pair("a", "a")], conflict: Conflict::KeepBoth }, &["a"]);
        check(&["a"], Change::MakeFolder { paths: vec![path("a")], existing_ok: false }, &["a"]);
    }

    #[test]
    fn confirmed_edits_follow_the_outcomes() {
        let change = Change::Copy { items: vec![pair("a", "a"), pair("x/b", "b")], conflict: Conflict::KeepBoth };
        let done = |entry| Outcome::done(entry);
        let failed = Outcome::failed(ErrorCode::NoSpace);
        let copy = sample::file("a%20%282%29", 1);
        let edits = confirmed_edits(&change, &[done(Some(copy.clone())), failed.clone()], &VPath::root());
        assert_eq!(edits, [Edit::Present(copy)]);

        let change = Change::Move { items: vec![pair("a", "sub/a"), pair("b", "sub/b")], conflict: Conflict::Fail };
        let edits = confirmed_edits(&change, &[done(Some(sample::file("sub/a", 1))), failed], &VPath::root());
        assert_eq!(edits, [Edit::absent(b"a")]);

        let items = vec![PathItem { path: path("a"), if_etag: None }];
        let trashed = Outcome::Done {
            entry: None,
            trash: Some(TrashId::default()),
            replaced: Vec::new(),
            left_out: LeftOut::default(),
        };
        assert_eq!(confirmed_edits(&Change::Trash { items }, &[trashed], &VPath::root()), [Edit::absent(b"a")]);
    }
}
