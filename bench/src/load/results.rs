//! What a scenario measured: notes, and figures with their bounds. Pure.

use crate::measure::verdict::{Bound, Verdict};

#[derive(Default)]
pub(crate) struct Results {
    /// Sentences that explain the figures.
    pub(crate) notes: Vec<String>,
    pub(crate) checks: Vec<Check>,
}

/// A figure with its bound.
pub(crate) struct Check {
    pub(crate) verdict: Verdict,
    /// The speed of the machine counts, so a quick run prints the figure and does not enforce the bound.
    is_of_speed: bool,
}

impl Check {
    /// A bound that holds on every machine.
    pub(crate) fn anywhere(what: &str, value: f64, unit: &'static str, bound: Bound) -> Self {
        Self { verdict: Verdict { what: what.into(), value, unit, bound }, is_of_speed: false }
    }

    /// A bound that holds on a fast and otherwise idle machine.
    pub(crate) fn of_speed(what: &str, value: f64, unit: &'static str, bound: Bound) -> Self {
        Self { is_of_speed: true, ..Self::anywhere(what, value, unit, bound) }
    }

    /// A count that must be zero.
    pub(crate) fn none(what: &str, count: usize) -> Self {
        Self::anywhere(what, count as f64, "", Bound::AtMost(0.0))
    }

    pub(crate) fn is_broken(&self, quick: bool) -> bool {
        self.is_enforced(quick) && !self.verdict.is_met()
    }

    pub(crate) fn is_enforced(&self, quick: bool) -> bool {
        !(quick && self.is_of_speed)
    }

    pub(crate) fn sentence(&self, quick: bool) -> String {
        let suffix = if self.is_enforced(quick) { "" } else { " (not enforced)" };
        format!("{}{suffix}", self.verdict.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Check};

    #[test]
    fn a_quick_run_does_not_enforce_bounds_of_speed() {
        let slow = Check::of_speed("listings", 2.0, "s", Bound::AtMost(1.0));
        assert!(slow.is_broken(false) && !slow.is_broken(true));
        assert!(slow.sentence(true).ends_with("NOT MET (not enforced)"));
        let lost = Check::none("files lost", 1);
        assert!(lost.is_broken(false) && lost.is_broken(true) && lost.sentence(true).ends_with("NOT MET"));
    }
}
