//! When a screen reader announces the progress of uploads: at the start, at each quarter, at the end.

use super::totals::Totals;

/// Progress worth announcing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// Uploads began.
    Started,
    /// 25, 50 or 75 per cent are done.
    Quarter(u8),
    /// No upload is left.
    Finished,
}

/// Finds the milestones in successive totals.
#[derive(Clone, Copy, Debug, Default)]
pub struct MilestoneTracker {
    active: bool,
    quarter: u8,
}

impl MilestoneTracker {
    /// The milestone that `totals` reach. `None` if there is none, or if it was reached before.
    pub fn next(&mut self, totals: &Totals) -> Option<Milestone> {
        let active = totals.active > 0;
        match (self.active, active) {
            (false, true) => {
                *self = Self { active: true, quarter: totals.percent() / 25 };
                Some(Milestone::Started)
            }
            (true, false) if totals.paused + totals.conflicts == 0 => {
                *self = Self::default();
                (totals.files > 0).then_some(Milestone::Finished)
            }
            (true, true) => {
                let quarter = totals.percent() / 25;
                // Files that are added later lower the percentage; the quarters they lower it to were announced.
                let reached = quarter > self.quarter;
                self.quarter = quarter;
                reached.then_some(Milestone::Quarter(quarter * 25))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_quarters_and_end_are_announced_once() {
        let mut tracker = MilestoneTracker::default();
        let mut announced = Vec::new();
        for sent in 0..=1_000 {
            let totals = Totals { files: 1, bytes: 1_001, sent, active: 1, ..Totals::default() };
            announced.extend(tracker.next(&totals));
        }
        announced.extend(tracker.next(&Totals { files: 1, done: 1, ..Totals::default() }));
        announced.extend(tracker.next(&Totals { files: 1, done: 1, ..Totals::default() }));
        let quarter = Milestone::Quarter;
        assert_eq!(announced, [Milestone::Started, quarter(25), quarter(50), quarter(75), Milestone::Finished]);
    }
}
