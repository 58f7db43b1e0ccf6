//! What a scenario found: what there is to tell, and figures against their bounds. Pure.

use crate::measure::verdict::{Bound, Verdict};

#[derive(Default)]
pub(super) struct Found {
    /// Sentences for whoever reads the figures.
    pub(super) notes: Vec<String>,
    pub(super) claims: Vec<Claim>,
}

/// A figure with its bound.
pub(super) struct Claim {
    pub(super) verdict: Verdict,
    /// How fast this machine is decides, too: a quick run measures it and holds nobody to it.
    is_of_speed: bool,
}

impl Claim {
    /// What holds on every machine.
    pub(super) fn anywhere(what: &str, value: f64, unit: &'static str, bound: Bound) -> Self {
        Self { verdict: Verdict { what: what.into(), value, unit, bound }, is_of_speed: false }
    }

    /// What holds on a machine that is quick enough and does nothing else.
    pub(super) fn of_speed(what: &str, value: f64, unit: &'static str, bound: Bound) -> Self {
        Self { is_of_speed: true, ..Self::anywhere(what, value, unit, bound) }
    }

    /// A number of things of which there must be none.
    pub(super) fn none(what: &str, count: usize) -> Self {
        Self::anywhere(what, count as f64, "", Bound::AtMost(0.0))
    }

    pub(super) fn is_broken(&self, quick: bool) -> bool {
        self.is_held(quick) && !self.verdict.is_met()
    }

    pub(super) fn is_held(&self, quick: bool) -> bool {
        !(quick && self.is_of_speed)
    }

    pub(super) fn sentence(&self, quick: bool) -> String {
        let held = if self.is_held(quick) { "" } else { " (measured, not held)" };
        format!("{}{held}", self.verdict.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Claim};

    #[test]
    fn a_quick_run_holds_nobody_to_a_speed() {
        let slow = Claim::of_speed("listings", 2.0, "s", Bound::AtMost(1.0));
        assert!(slow.is_broken(false) && !slow.is_broken(true));
        assert!(slow.sentence(true).ends_with("NOT MET (measured, not held)"));
        let lost = Claim::none("files lost", 1);
        assert!(lost.is_broken(false) && lost.is_broken(true) && lost.sentence(true).ends_with("NOT MET"));
    }
}
