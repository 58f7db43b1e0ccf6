//! The way from each old row to its new place, where rows of a listing came and went.

use std::ops::Range;

/// Where the rows of before are now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remap {
    /// Runs of old rows that stayed together, in order, each with its first new row.
    kept: Vec<(Range<usize>, usize)>,
    /// Old rows whose entry is another one now, with their new rows, sorted.
    pub(super) moved: Vec<(usize, usize)>,
    before: usize,
    len: usize,
}

impl Remap {
    /// Where an old row is; none if it is gone.
    pub fn of(&self, row: usize) -> Option<usize> {
        if row >= self.before {
            // Not here yet: it will follow those that are.
            return Some(row - self.before + self.len);
        }
        let run = self.kept.partition_point(|(old, _)| old.end <= row);
        match self.kept.get(run).filter(|(old, _)| old.contains(&row)) {
            Some((old, new)) => Some(new + row - old.start),
            None => self.moved.binary_search_by_key(&row, |(old, _)| *old).ok().map(|index| self.moved[index].1),
        }
    }

    /// Where an old row is, or else the row that took its place: the next one, or the last.
    pub fn nearest(&self, row: usize) -> usize {
        let next = || {
            let run = self.kept.partition_point(|(old, _)| old.end <= row);
            self.kept.get(run).map(|(old, new)| new + row.max(old.start) - old.start)
        };
        self.of(row).or_else(next).unwrap_or(self.len.saturating_sub(1))
    }
}

/// A piece of the new order.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Old rows.
    Kept(Range<usize>),
    /// One of the new entries.
    New(usize),
}

impl Piece {
    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Kept(rows) => rows.len(),
            Self::New(_) => 1,
        }
    }
}

/// Old rows without those that are gone, with the new ones put before the rows that they are to precede.
pub(super) fn arrange(
    len: usize,
    gone: impl Iterator<Item = usize>,
    new: impl ExactSizeIterator<Item = usize>,
) -> (Vec<Piece>, Remap) {
    let (mut gone, mut new) = (gone.peekable(), new.enumerate().peekable());
    let (mut pieces, mut remap) = (Vec::new(), Remap { before: len, ..Remap::default() });
    let mut from = 0;
    loop {
        while let Some((index, _)) = new.next_if(|(_, at)| *at <= from) {
            pieces.push(Piece::New(index));
            remap.len += 1;
        }
        if gone.next_if_eq(&from).is_some() {
            from += 1;
            continue;
        }
        if from >= len {
            break;
        }
        let stop = gone.peek().copied().unwrap_or(len);
        let end = new.peek().map_or(stop, |(_, at)| stop.min(*at)).min(len);
        remap.kept.push((from..end, remap.len));
        remap.len += end - from;
        pieces.push(Piece::Kept(from..end));
        from = end;
    }
    (pieces, remap)
}
