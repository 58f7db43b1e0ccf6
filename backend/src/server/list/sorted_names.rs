//! The names of a folder in order, sorted only as far as requests have come: the first page of a million names needs
//! the order of its own thousand only. Pure.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::order::OrderKey;
use shared::{Direction, Order};

use super::names::{Names, eight_bytes};

/// Least names that are sorted at a time.
const STEP_NAMES: usize = 4096;

/// The names of a folder, in order.
pub(super) struct SortedNames {
    order: Order,
    names: Names,
    items: Mutex<Items>,
}

struct Items {
    list: Vec<Item>,
    /// So many items, from the first on, are in place; all others come after them.
    sorted: usize,
}

/// A name in the order: what is compared first, and the number of the name.
#[derive(Clone, Copy)]
pub(super) struct Item {
    rank: u64,
    name: u32,
    pub(super) folder: bool,
}

impl SortedNames {
    /// In the order of names.
    pub(super) fn by_name(names: Names, order: Order) -> Self {
        let items = (0_u32..).zip(names.folders()).map(|(name, folder)| {
            // The beginning of the key as a number: it decides most comparisons.
            Item { rank: eight_bytes(names.parts(name as usize).1), name, folder: *folder }
        });
        let items = items.collect();
        Self::new(names, order, items)
    }

    /// In another order. `ranks` has, for each name whose entry still exists, its number, whether the entry is a
    /// folder, and its [`Order::rank`].
    pub(super) fn by_rank(names: Names, order: Order, ranks: Vec<(usize, bool, u64)>) -> Self {
        // `Names` holds fewer than 2³² names.
        let items = ranks.into_iter().map(|(name, folder, rank)| Item { rank, name: name as u32, folder });
        Self::new(names, order, items.collect())
    }

    fn new(mut names: Names, order: Order, list: Vec<Item>) -> Self {
        names.shrink();
        Self { order, names, items: Mutex::new(Items { list, sorted: 0 }) }
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.items().list.len()
    }

    /// The memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.names.bytes() + self.items().list.capacity() * size_of::<Item>()
    }

    /// The names in `range`, or as many of them as there are. Sorts up to there, which may take a second for a million
    /// names.
    pub(super) fn range(&self, range: Range<usize>) -> Vec<Item> {
        let mut items = self.items();
        let end = range.end.min(items.list.len());
        while items.sorted < end {
            self.sort_further(&mut items, end);
        }
        items.list.get(range.start..end).unwrap_or_default().to_vec()
    }

    /// How many names come before `key` or equal it.
    pub(super) fn count_up_to(&self, key: &OrderKey<'_>) -> usize {
        let items = self.items();
        items.list.iter().filter(|item| self.compare_with(item, key).is_le()).count()
    }

    /// The name of an item.
    pub(super) fn name(&self, item: &Item) -> &[u8] {
        self.names.parts(item.name as usize).0
    }

    /// The [`Order::rank`] of an item.
    pub(super) fn rank(&self, item: &Item) -> u64 {
        match self.order.key {
            // Here the item's rank is the beginning of its key, which follows from the name.
            shared::SortKey::Name => 0,
            _ => item.rank,
        }
    }

    /// Puts more names in place: at first a step, which is enough for a page; then, since a second page is wanted, all.
    fn sort_further(&self, items: &mut Items, end: usize) {
        let Items { list, sorted } = items;
        let rest = &mut list[*sorted..];
        let step = end.max(STEP_NAMES);
        let next = if *sorted == 0 && step < rest.len() {
            rest.select_nth_unstable_by(step, |left, right| self.compare(left, right));
            &mut rest[..step]
        } else {
            rest
        };
        self.sort(next);
        *sorted += next.len();
    }

    /// Sorts by folder and rank, and by name among equals.
    fn sort(&self, items: &mut [Item]) {
        items.sort_unstable_by_key(|item| (!item.folder, item.rank));
        for equal in items.chunk_by_mut(|left, right| (left.folder, left.rank) == (right.folder, right.rank)) {
            if equal.len() > 1 {
                let mut names: Vec<_> = equal.iter().map(|item| (0, item.name)).collect();
                self.names.sort(&mut names, 0);
                equal.iter_mut().zip(names).for_each(|(item, (_, name))| item.name = name);
            }
        }
        if self.order.direction == Direction::Descending {
            items.chunk_by_mut(|left, right| left.folder == right.folder).for_each(<[Item]>::reverse);
        }
    }

    fn compare(&self, left: &Item, right: &Item) -> Ordering {
        self.order_key(left, left.rank).compare(&self.order_key(right, right.rank), self.order)
    }

    fn compare_with(&self, item: &Item, key: &OrderKey<'_>) -> Ordering {
        self.order_key(item, self.rank(item)).compare(key, self.order)
    }

    fn order_key(&self, item: &Item, rank: u64) -> OrderKey<'_> {
        let (name, key) = self.names.parts(item.name as usize);
        OrderKey { folder: item.folder, rank, key, name }
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use shared::order::Position;
    use shared::{Direction, SortKey, Timestamp};

    use super::*;

    type Sample = (Vec<u8>, bool, u64, i64);

    fn order() -> impl Strategy<Value = Order> {
        let key = prop_oneof![Just(SortKey::Name), Just(SortKey::Size), Just(SortKey::Modified)];
        let direction = prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
        (key, direction).prop_map(|(key, direction)| Order { key, direction })
    }

    /// Names that differ early, and names that differ late.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        let late =
            (0_usize..20, vec(any::<u8>(), 1..12)).prop_map(|(same, rest)| [&[b'a'; 20][same..], &rest].concat());
        prop_oneof![vec(any::<u8>(), 1..12), late]
    }

    fn sorted(order: Order, samples: &[Sample]) -> SortedNames {
        let mut names = Names::default();
        for (name, folder, _, _) in samples {
            names.push(name, *folder).unwrap();
        }
        if order.key == SortKey::Name {
            return SortedNames::by_name(names, order);
        }
        let ranks = samples
            .iter()
            .enumerate()
            .map(|(number, (_, folder, size, modified))| (number, *folder, order.rank(*size, Timestamp(*modified))));
        SortedNames::by_rank(names, order, ranks.collect())
    }

    fn positions(order: Order, samples: &[Sample]) -> Vec<Position> {
        let position =
            |(name, folder, size, modified): &Sample| Position::new(*folder, *size, Timestamp(*modified), name);
        let mut positions: Vec<_> = samples.iter().map(position).collect();
        positions.sort_by(|left, right| left.compare(right, order));
        positions
    }

    proptest! {
        #[test]
        fn ranges_are_those_of_a_whole_sort(
            samples in vec((name(), any::<bool>(), 0_u64..4, -2_i64..2), 0..150),
            order in order(),
            starts in vec(0_usize..160, 1..6),
        ) {
            let mut samples = samples;
            samples.sort();
            samples.dedup_by(|left, right| left.0 == right.0);
            let expected = positions(order, &samples);
            let sorted = sorted(order, &samples);
            for start in starts {
                let piece = sorted.range(start..start + 7);
                let names: Vec<_> = piece.iter().map(|item| sorted.name(item)).collect();
                let end = expected.len().min(start + 7);
                let wanted: Vec<_> =
                    expected.get(start..end).unwrap_or_default().iter().map(Position::name).collect();
                prop_assert_eq!(names, wanted);
            }
            for (index, position) in expected.iter().enumerate() {
                prop_assert_eq!(sorted.count_up_to(&position.order_key(order)), index + 1);
            }
        }
    }

    #[test]
    fn range_sorts_a_step_first_and_then_all() {
        let samples: Vec<Sample> = (0_u32..50_000)
            .map(|number| (format!("file {}", number.wrapping_mul(7919) % 50_000).into(), false, 0, 0))
            .collect();
        let sorted = sorted(Order::default(), &samples);
        let first = sorted.range(0..10);
        assert_eq!(sorted.name(&first[9]), b"file 9");
        assert_eq!(sorted.items().sorted, STEP_NAMES);
        let last = sorted.range(49_999..60_000);
        assert_eq!((last.len(), sorted.name(&last[0])), (1, b"file 49999".as_slice()));
        let other = sorted.range(25_000..25_001);
        assert_eq!(sorted.name(&other[0]), b"file 25000");
    }
}
