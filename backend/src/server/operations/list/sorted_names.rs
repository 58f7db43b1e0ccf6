//! The names of a folder in order, sorted only as far as somebody asked: the first page of a million names needs its own
//! thousand in order and no other. Names and what they are compared by lie one after another in one piece of memory,
//! so that a name costs its bytes and few more. Pure.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::order::{Place, push_name_key};
use shared::{Direction, Order};

/// Least names that are sorted at a time.
const STEP_NAMES: usize = 4096;
/// So few names are compared whole.
const FEW_NAMES: usize = 16;

/// Names on their way into [`Sorted`], by their number.
#[derive(Default)]
pub(in crate::server) struct Names {
    /// The name and its key, for each.
    bytes: Vec<u8>,
    /// Where the name ends in the bytes, and where its key does.
    ends: Vec<(u32, u32)>,
    folders: Vec<bool>,
}

/// More names, or longer ones, than can be kept in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::server) struct TooMany;

/// The names of a folder.
pub(in crate::server) struct Sorted {
    order: Order,
    names: Names,
    items: Mutex<Items>,
}

struct Items {
    list: Vec<Item>,
    /// So many of the first are where they belong, and all others come after them.
    sorted: usize,
}

/// One name: what is compared first, and where the rest of it is.
#[derive(Clone, Copy)]
pub(in crate::server) struct Item {
    rank: u64,
    name: u32,
    pub(in crate::server) folder: bool,
}

impl Names {
    /// Takes a name in, and whether there is a folder behind it.
    pub(in crate::server) fn push(&mut self, name: &[u8], folder: bool) -> Result<(), TooMany> {
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len();
        push_name_key(name, &mut self.bytes);
        let end = |end: usize| u32::try_from(end).map_err(|_| TooMany);
        self.ends.push((end(name_end)?, end(self.bytes.len())?));
        self.folders.push(folder);
        Ok(())
    }

    /// How many there are.
    pub(in crate::server) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All names, by their numbers.
    pub(in crate::server) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|number| self.parts(number).0)
    }

    /// The name of that number, and its key.
    fn parts(&self, number: usize) -> (&[u8], &[u8]) {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize);
        let (name_end, key_end) = self.ends[number];
        (&self.bytes[start..name_end as usize], &self.bytes[name_end as usize..key_end as usize])
    }

    /// Sorts names, by their numbers, whose keys are the same before `at`. Most names of a long folder begin alike
    /// ("holiday picture …"), and to compare that again and again, each time elsewhere in memory, would take most of the
    /// time: eight bytes of each are taken out as a number, and only those that have the same one are looked at further.
    fn sort(&self, names: &mut [(u64, u32)], at: usize) {
        let mut longer = false;
        if names.len() > FEW_NAMES {
            for (bytes, name) in &mut *names {
                let key = self.parts(*name as usize).1;
                longer |= key.len() > at + 8;
                *bytes = eight_bytes(key.get(at..).unwrap_or_default());
            }
            names.sort_unstable_by_key(|(bytes, _)| *bytes);
        }
        if longer {
            names.chunk_by_mut(|left, right| left.0 == right.0).for_each(|same| self.sort(same, at + 8));
        } else {
            let parts = |name: u32| {
                let (name, key) = self.parts(name as usize);
                (key, name)
            };
            names.sort_unstable_by(|left, right| parts(left.1).cmp(&parts(right.1)));
        }
    }

    /// In the order of names.
    pub(in crate::server) fn by_name(self, order: Order) -> Sorted {
        let list = (0_u32..).zip(&self.folders).map(|(name, folder)| {
            // The beginning of the key, as a number: most names are told apart by it.
            Item { rank: eight_bytes(self.parts(name as usize).1), name, folder: *folder }
        });
        let list = list.collect();
        self.sorted(order, list)
    }

    /// In another order: of each name that is still there its number, whether it is a folder, and its
    /// [`Order::rank`].
    pub(in crate::server) fn by_rank(self, order: Order, ranks: Vec<(usize, bool, u64)>) -> Sorted {
        // There are fewer than 2³² names, or they would not have been taken in.
        let list = ranks.into_iter().map(|(name, folder, rank)| Item { rank, name: name as u32, folder });
        let list = list.collect();
        self.sorted(order, list)
    }

    fn sorted(mut self, order: Order, list: Vec<Item>) -> Sorted {
        self.folders = Vec::new();
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
        Sorted { order, names: self, items: Mutex::new(Items { list, sorted: 0 }) }
    }
}

impl Sorted {
    /// How many there are.
    pub(in crate::server) fn len(&self) -> usize {
        self.items().list.len()
    }

    /// How much memory it takes, in bytes.
    pub(in crate::server) fn bytes(&self) -> usize {
        let Names { bytes, ends, .. } = &self.names;
        bytes.capacity() + ends.capacity() * size_of::<(u32, u32)>() + self.items().list.capacity() * size_of::<Item>()
    }

    /// Some of the names, in order; fewer where there are not so many. Sorts up to there, which takes a moment for a
    /// million names.
    pub(in crate::server) fn range(&self, range: Range<usize>) -> Vec<Item> {
        let mut items = self.items();
        let end = range.end.min(items.list.len());
        while items.sorted < end {
            self.sort_on(&mut items, end);
        }
        items.list.get(range.start..end).unwrap_or_default().to_vec()
    }

    /// How many names come before that place, or are it.
    pub(in crate::server) fn count_up_to(&self, place: &Place<'_>) -> usize {
        let items = self.items();
        items.list.iter().filter(|item| self.compare_with(item, place).is_le()).count()
    }

    /// The name itself.
    pub(in crate::server) fn name(&self, item: &Item) -> &[u8] {
        self.names.parts(item.name as usize).0
    }

    /// What is compared of it; of no use with another order.
    pub(in crate::server) fn rank(&self, item: &Item) -> u64 {
        match self.order.key {
            // That of the key's beginning is not told: whoever has the name has the key.
            shared::SortKey::Name => 0,
            _ => item.rank,
        }
    }

    /// Brings the next names where they belong: at first a step, which is enough for a page; who wants more will want
    /// all, and that is sorted at once.
    fn sort_on(&self, items: &mut Items, end: usize) {
        let Items { list, sorted } = items;
        let rest = &mut list[*sorted..];
        let step = end.max(STEP_NAMES);
        let now = if *sorted == 0 && step < rest.len() {
            rest.select_nth_unstable_by(step, |left, right| self.compare(left, right));
            &mut rest[..step]
        } else {
            rest
        };
        self.sort(now);
        *sorted += now.len();
    }

    /// Sorts by what an item has itself, and looks at the names only where that is the same.
    fn sort(&self, items: &mut [Item]) {
        items.sort_unstable_by_key(|item| (!item.folder, item.rank));
        for same in items.chunk_by_mut(|left, right| (left.folder, left.rank) == (right.folder, right.rank)) {
            if same.len() > 1 {
                let mut names: Vec<_> = same.iter().map(|item| (0, item.name)).collect();
                self.names.sort(&mut names, 0);
                same.iter_mut().zip(names).for_each(|(item, (_, name))| item.name = name);
            }
        }
        if self.order.direction == Direction::Descending {
            items.chunk_by_mut(|left, right| left.folder == right.folder).for_each(<[Item]>::reverse);
        }
    }

    fn compare(&self, left: &Item, right: &Item) -> Ordering {
        self.place(left, left.rank).compare(&self.place(right, right.rank), self.order)
    }

    fn compare_with(&self, item: &Item, place: &Place<'_>) -> Ordering {
        self.place(item, self.rank(item)).compare(place, self.order)
    }

    fn place(&self, item: &Item, rank: u64) -> Place<'_> {
        let (name, key) = self.names.parts(item.name as usize);
        Place { folder: item.folder, rank, key, name }
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of a key as a number. What is shorter comes before what it is the beginning of, or is equal to it.
fn eight_bytes(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let known = key.len().min(8);
    bytes[..known].copy_from_slice(&key[..known]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use shared::order::Position;
    use shared::{Direction, SortKey, Timestamp};

    use super::*;

    type Told = (Vec<u8>, bool, u64, i64);

    fn order() -> impl Strategy<Value = Order> {
        let key = prop_oneof![Just(SortKey::Name), Just(SortKey::Size), Just(SortKey::Modified)];
        let direction = prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
        (key, direction).prop_map(|(key, direction)| Order { key, direction })
    }

    /// Names that differ soon, and such as differ late.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        let late =
            (0_usize..20, vec(any::<u8>(), 1..12)).prop_map(|(same, rest)| [&[b'a'; 20][same..], &rest].concat());
        prop_oneof![vec(any::<u8>(), 1..12), late]
    }

    fn sorted(order: Order, told: &[Told]) -> Sorted {
        let mut names = Names::default();
        for (name, folder, _, _) in told {
            names.push(name, *folder).unwrap();
        }
        if order.key == SortKey::Name {
            return names.by_name(order);
        }
        let ranks = told
            .iter()
            .enumerate()
            .map(|(number, (_, folder, size, modified))| (number, *folder, order.rank(*size, Timestamp(*modified))));
        names.by_rank(order, ranks.collect())
    }

    fn positions(order: Order, told: &[Told]) -> Vec<Position> {
        let position =
            |(name, folder, size, modified): &Told| Position::new(*folder, *size, Timestamp(*modified), name);
        let mut positions: Vec<_> = told.iter().map(position).collect();
        positions.sort_by(|left, right| left.compare(right, order));
        positions
    }

    proptest! {
        #[test]
        fn pieces_come_as_a_whole_sort_has_them(
            told in vec((name(), any::<bool>(), 0_u64..4, -2_i64..2), 0..150),
            order in order(),
            starts in vec(0_usize..160, 1..6),
        ) {
            let mut told = told;
            told.sort();
            told.dedup_by(|left, right| left.0 == right.0);
            let expected = positions(order, &told);
            let sorted = sorted(order, &told);
            for start in starts {
                let piece = sorted.range(start..start + 7);
                let names: Vec<_> = piece.iter().map(|item| sorted.name(item)).collect();
                let end = expected.len().min(start + 7);
                let wanted: Vec<_> =
                    expected.get(start..end).unwrap_or_default().iter().map(Position::name).collect();
                prop_assert_eq!(names, wanted);
            }
            for (index, position) in expected.iter().enumerate() {
                prop_assert_eq!(sorted.count_up_to(&position.place(order)), index + 1);
            }
        }
    }

    #[test]
    fn many_names_are_sorted_in_two_steps() {
        let told: Vec<Told> = (0_u32..50_000)
            .map(|number| (format!("file {}", number.wrapping_mul(7919) % 50_000).into(), false, 0, 0))
            .collect();
        let sorted = sorted(Order::default(), &told);
        let first = sorted.range(0..10);
        assert_eq!(sorted.name(&first[9]), b"file 9");
        assert_eq!(sorted.items().sorted, STEP_NAMES);
        let last = sorted.range(49_999..60_000);
        assert_eq!((last.len(), sorted.name(&last[0])), (1, b"file 49999".as_slice()));
        let other = sorted.range(25_000..25_001);
        assert_eq!(sorted.name(&other[0]), b"file 25000");
    }
}
