//! A measured figure against its bound, as a sentence and as a table row. Pure.

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
}

impl Verdict {
    pub(crate) fn is_met(&self) -> bool {
        self.bound.is_met(self.value)
    }

    pub(crate) fn sentence(&self) -> String {
        let (sign, bound) = match self.bound {
            Bound::AtLeast(bound) => ("≥", bound),
            Bound::AtMost(bound) => ("≤", bound),
        };
        let met = if self.is_met() { "met" } else { "NOT MET" };
        let (value, bound) = (self.in_unit(number(self.value)), self.in_unit(bound.to_string()));
        format!("{}: {value}, goal {sign} {bound}: {met}", self.what)
    }

    /// A row of a Markdown table, below [`HEADING`].
    pub(crate) fn row(&self) -> String {
        let bound = match self.bound {
            Bound::AtLeast(bound) => self.in_unit(format!("≥ {bound}")),
            Bound::AtMost(bound) => self.in_unit(format!("≤ {bound}")),
        };
        let met = if self.is_met() { "met" } else { "**not met**" };
        format!("| {} | {} | {bound} | {met} |\n", self.what, self.in_unit(number(self.value)))
    }

    /// Counts have no unit.
    fn in_unit(&self, figure: String) -> String {
        if self.unit.is_empty() { figure } else { format!("{figure} {}", self.unit) }
    }
}

/// Head of the table of [`Verdict::row`].
pub(crate) const HEADING: &str = "| what | measured | goal | |\n|---|---|---|---|\n";

/// A number with three significant digits.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        size => format!("{value:.*}", (2 - size.log10().floor() as i32).clamp(0, 6) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Verdict, number};

    #[test]
    fn sentence_compares_a_figure_with_its_bound() {
        let verdict = Verdict { what: "files".into(), value: 1.5, unit: "×", bound: Bound::AtLeast(2.0) };
        assert_eq!(verdict.sentence(), "files: 1.50 ×, goal ≥ 2 ×: NOT MET");
        let counted = Verdict { what: "lost".into(), value: 0.0, unit: "", bound: Bound::AtMost(0.0) };
        assert_eq!(counted.sentence(), "lost: 0, goal ≤ 0: met");
        assert!(Bound::AtMost(1.5).is_met(1.5) && !Bound::AtMost(1.5).is_met(1.6));
    }

    #[test]
    fn row_states_whether_a_goal_is_met() {
        let verdict = |value| Verdict { what: "w".into(), value, unit: "×", bound: Bound::AtLeast(2.0) };
        assert_eq!(verdict(2.5).row(), "| w | 2.50 × | ≥ 2 × | met |\n");
        assert!(verdict(1.5).row().ends_with("**not met** |\n"));
    }

    #[test]
    fn number_keeps_three_significant_digits() {
        for (value, text) in [(12345.6, "12346"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"), (0.0, "0")] {
            assert_eq!(number(value), text);
        }
    }
}
