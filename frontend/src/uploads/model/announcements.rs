//! When a screen reader says something of the uploads by itself: at the start, at each quarter, at the end. Never for
//! each piece.

use super::totals::Tally;

/// Something worth saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// Uploads began.
    Started,
    /// So many per cent: 25, 50 or 75.
    Quarter(u8),
    /// Nothing is left to send.
    Finished,
}

/// What was said last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Milestones {
    under_way: bool,
    quarter: u8,
}

impl Milestones {
    /// What is to be said now, if anything.
    pub fn next(&mut self, tally: &Tally) -> Option<Milestone> {
        let busy = tally.moving > 0;
        match (self.under_way, busy) {
            (false, true) => {
                *self = Self { under_way: true, quarter: tally.percent() / 25 };
                Some(Milestone::Started)
            }
            (true, false) if tally.paused + tally.asking == 0 => {
                *self = Self::default();
                (tally.files > 0).then_some(Milestone::Finished)
            }
            (true, true) => {
                let quarter = tally.percent() / 25;
                // Files that are added later turn the figure back; that is no news.
                let news = quarter > self.quarter;
                self.quarter = quarter;
                news.then_some(Milestone::Quarter(quarter * 25))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_quarters_and_end_are_said_once() {
        let mut milestones = Milestones::default();
        let mut said = Vec::new();
        for sent in 0..=1_000 {
            let tally = Tally { files: 1, bytes: 1_001, sent, moving: 1, ..Tally::default() };
            said.extend(milestones.next(&tally));
        }
        said.extend(milestones.next(&Tally { files: 1, done: 1, ..Tally::default() }));
        said.extend(milestones.next(&Tally { files: 1, done: 1, ..Tally::default() }));
        let quarter = Milestone::Quarter;
        assert_eq!(said, [Milestone::Started, quarter(25), quarter(50), quarter(75), Milestone::Finished]);
    }
}
