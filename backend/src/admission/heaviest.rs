//! Which owner has most of what a cache keeps. Pure.

use std::collections::BTreeMap;

use super::owner::Who;

/// The owner with the greatest sum of weights. A full cache drops an entry of this owner, so that what one keeps does not
/// displace what others keep. `None` without entries.
pub fn heaviest(entries: impl IntoIterator<Item = (Who, u64)>) -> Option<Who> {
    let mut sums = BTreeMap::<Who, u64>::new();
    for (who, weight) in entries {
        let sum = sums.entry(who).or_default();
        *sum = sum.saturating_add(weight);
    }
    sums.into_iter().max_by_key(|(_, sum)| *sum).map(|(who, _)| who)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_owner_has_the_greatest_sum() {
        let (one, other) = (Who::client("one"), Who::client("other"));
        assert_eq!(heaviest([(one, 3), (other, 2), (other, 2)]), Some(other));
        assert_eq!(heaviest([(one, u64::MAX), (other, 2), (one, 1)]), Some(one));
        assert_eq!(heaviest([]), None);
    }
}
