//! Pages of the trash: which items are wanted, and the selection of a page among all items. Pure.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, VPath};

use super::{LinkScope, StorageError, Visit};

/// An item of the trash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrashItem {
    /// Identifies the item for restoring and purging.
    pub id: TrashId,
    /// The entry as it was when it was trashed.
    pub entry: Entry,
    /// When it was trashed.
    pub trashed: Timestamp,
    /// True for a file or link that was replaced, false for an entry that was deleted.
    pub replaced: bool,
    /// A number for who replaced it; `None` for a deleted entry, and for what an earlier version has kept.
    pub owner: Option<u64>,
    /// The number of its file system: the files of each have a bound of their own.
    pub disk: u64,
    /// False while the disk that it is on is not connected. Such an item is neither restored nor purged.
    pub connected: bool,
}

/// The beginning of the ids of items that went to the trash together, so that the storage can keep one text about all of
/// them, and find it by the id of each. Items whose ids have nothing in common are groups of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TrashGroup([u8; TrashGroup::BYTES]);

impl TrashGroup {
    /// Bytes of an id that tell its group: half of them, so that neither two groups nor two items of one are alike by
    /// chance.
    const BYTES: usize = 8;

    /// The group of an item.
    pub fn of(id: TrashId) -> Self {
        let mut group = [0; Self::BYTES];
        group.copy_from_slice(&id.0[..Self::BYTES]);
        Self(group)
    }

    /// The id of an item of this group that ends like `id`.
    pub fn id(self, mut id: TrashId) -> TrashId {
        id.0[..Self::BYTES].copy_from_slice(&self.0);
        id
    }

    /// The number of the group, in the order of the ids.
    pub fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }
}

impl From<u64> for TrashGroup {
    fn from(number: u64) -> Self {
        Self(number.to_be_bytes())
    }
}

/// An entry that goes to the trash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ToTrash<'a> {
    /// Where it is.
    pub path: &'a VPath,
    /// The state that it must be in.
    pub etag: Option<ETag>,
    /// The item that it becomes. Entries that are trashed together have ids of one [`TrashGroup`], if that is to be fast.
    pub id: TrashId,
}

/// An item of the trash that is restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ToRestore<'a> {
    /// The item.
    pub id: TrashId,
    /// Where its entry goes.
    pub to: &'a VPath,
}

impl TrashItem {
    /// An item of a storage with one file system: replaced by `owner`, or deleted without one.
    #[cfg(feature = "testing")]
    pub(super) fn on_one_disk(id: TrashId, entry: Entry, trashed: Timestamp, owner: Option<u64>) -> Self {
        Self { id, entry, trashed, replaced: owner.is_some(), owner, disk: 0, connected: true }
    }

    /// Its position in the order of the trash.
    pub fn position(&self) -> TrashPosition {
        TrashPosition { trashed: self.trashed, id: self.id }
    }
}

/// A position in the order of the trash: the newest items first, items of one moment by id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrashPosition {
    /// The moment.
    pub trashed: Timestamp,
    /// The id.
    pub id: TrashId,
}

impl Ord for TrashPosition {
    fn cmp(&self, other: &Self) -> Ordering {
        other.trashed.cmp(&self.trashed).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for TrashPosition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Which items of the trash are wanted. The default is all.
#[derive(Clone, Debug)]
pub struct TrashQuery {
    /// Only items that were where these links lead.
    pub below: LinkScope,
    /// Items that are left out, also from the total.
    pub hidden: HashSet<TrashId>,
    /// Only items behind this position.
    pub after: Option<TrashPosition>,
    /// Most items.
    pub limit: usize,
}

impl Default for TrashQuery {
    fn default() -> Self {
        Self { below: LinkScope::default(), hidden: HashSet::new(), after: None, limit: usize::MAX }
    }
}

/// A page of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrashListing {
    /// Its items, in order.
    pub items: Vec<TrashItem>,
    /// How many items the query has on all its pages, those before this one included.
    pub total: u64,
    /// True if items follow.
    pub more: bool,
}

/// # Errors
/// [`ErrorCode::Canceled`] if `visit` ends a listing.
pub(super) fn check_visit(visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
    match visit() {
        Visit::Continue => Ok(()),
        Visit::Stop => Err(StorageError::new(ErrorCode::Canceled, "the listing of the trash was ended")),
    }
}

/// Selects the page of a query from all items, in any order. Keeps no more items than the page has.
pub(super) struct PageSelection<'a> {
    query: &'a TrashQuery,
    /// The first items behind the query's position; the last of them on top.
    first: BinaryHeap<Ranked>,
    total: u64,
    more: bool,
}

struct Ranked(TrashItem);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.position().cmp(&other.0.position())
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl<'a> PageSelection<'a> {
    /// Selects the page of `query`.
    pub(super) fn new(query: &'a TrashQuery) -> Self {
        Self { query, first: BinaryHeap::new(), total: 0, more: false }
    }

    /// Adds an item.
    pub(super) fn add(&mut self, item: TrashItem) {
        let TrashQuery { below, hidden, after, limit } = self.query;
        if hidden.contains(&item.id) || !below.may(&item.entry.path) {
            return;
        }
        self.total += 1;
        if after.is_some_and(|after| item.position() <= after) {
            return;
        }
        self.first.push(Ranked(item));
        if self.first.len() > *limit {
            self.first.pop();
            self.more = true;
        }
    }

    /// Adds items.
    pub(super) fn extend(&mut self, items: impl IntoIterator<Item = TrashItem>) {
        items.into_iter().for_each(|item| self.add(item));
    }

    /// The page of all items that were added.
    pub(super) fn finish(self) -> TrashListing {
        let items = self.first.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect();
        TrashListing { items, total: self.total, more: self.more }
    }
}
