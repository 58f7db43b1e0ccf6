//! The share of one owner, as a percentage of what all owners have together. Pure.

/// How much of `all` one owner may take: `percent` of it, and at least `least`, but never more than `all`.
pub fn share_of(all: u64, percent: u8, least: u64) -> u64 {
    let share = u128::from(all) * u128::from(percent) / 100;
    u64::try_from(share).unwrap_or(all).max(least).min(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_at_least_the_least_and_at_most_all() {
        let check =
            |all, percent, least, expected| assert_eq!(share_of(all, percent, least), expected, "{all} {percent}");
        check(4096, 25, 16, 1024);
        check(20, 25, 16, 16);
        check(4, 25, 16, 4);
        check(1024, 100, 1, 1024);
        check(1024, 255, 1, 1024);
        check(u64::MAX, 100, 0, u64::MAX);
        check(0, 25, 16, 0);
    }
}
