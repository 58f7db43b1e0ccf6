//! A change that was requested, with the outcome of each of its items.

use shared::{Change, Outcome};

/// One request and its outcomes. Items past the end of `outcomes` were not attempted.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeResult {
    /// The request.
    pub change: Change,
    /// One outcome for each item, in the order of the items.
    pub outcomes: Vec<Outcome>,
}

impl ChangeResult {
    /// True if any item failed.
    pub fn has_failures(&self) -> bool {
        self.outcomes.iter().any(is_failure)
    }
}

/// True for `Outcome::Failed`.
pub fn is_failure(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}
