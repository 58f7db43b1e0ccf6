//! The mapping from old to new rows, after rows were inserted or removed. Pure.

use std::ops::Range;

/// The mapping from old to new rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remap {
    /// Runs of old rows that stay together, in order, each with its first new row.
    kept: Vec<(Range<usize>, usize)>,
    /// Old rows that were removed and inserted again, with their new rows; sorted.
    pub(super) moved: Vec<(usize, usize)>,
    before: usize,
    len: usize,
}

impl Remap {
    /// The new row of an old one; `None` if it is gone.
    pub fn of(&self, row: usize) -> Option<usize> {
        if row >= self.before {
            // A row that has yet to arrive comes after those that have.
            return Some(row - self.before + self.len);
        }
        let run = self.kept.partition_point(|(old, _)| old.end <= row);
        match self.kept.get(run).filter(|(old, _)| old.contains(&row)) {
            Some((old, new)) => Some(new + row - old.start),
            None => self.moved.binary_search_by_key(&row, |(old, _)| *old).ok().map(|index| self.moved[index].1),
        }
    }

    /// The new row of an old one, or the row that takes its place: the next one, or the last.
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
    /// How many rows the piece has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Kept(rows) => rows.len(),
            Self::New(_) => 1,
        }
    }
}

/// The new order: the old rows without those that are `gone`, with each new row before the old row that it precedes.
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
