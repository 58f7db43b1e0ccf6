//! A change that was requested, with the outcome of each of its items.

use shared::{Change, Outcome};

use super::conflict;

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

    /// The request for the items that were not attempted; `None` if all were.
    pub fn not_attempted(&self) -> Option<Change> {
        let rest: Vec<_> = (self.outcomes.len()..self.change.len()).collect();
        if rest.is_empty() { None } else { conflict::select(&self.change, &rest) }
    }
}

/// True for `Outcome::Failed`.
pub fn is_failure(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}

#[cfg(test)]
mod tests {
    use shared::change::PathItem;
    use shared::{ErrorCode, VPath};

    use super::*;

    fn trash(names: &[&str]) -> Change {
        let item = |name: &&str| PathItem { path: VPath::parse(name).unwrap(), if_etag: None };
        Change::Trash { items: names.iter().map(item).collect() }
    }

    #[test]
    fn items_past_the_outcomes_are_not_attempted() {
        let rest = |outcomes| ChangeResult { change: trash(&["a", "b", "c"]), outcomes }.not_attempted();
        let (done, failed) = (Outcome::done(None), Outcome::failed(ErrorCode::NotFound));
        assert_eq!(rest(vec![]), Some(trash(&["a", "b", "c"])));
        assert_eq!(rest(vec![done.clone(), failed.clone()]), Some(trash(&["c"])));
        assert_eq!(rest(vec![done.clone(), failed, done.clone()]), None);
        let all = ChangeResult { change: Change::Purge { ids: None }, outcomes: vec![done] };
        assert_eq!(all.not_attempted(), None);
    }
}
