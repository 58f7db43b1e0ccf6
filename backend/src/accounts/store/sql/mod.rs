//! Every statement of the accounts: one text for both databases.
//!
//! Parameters are `$1`, `$2` and so on in the order of their first use, because SQLite counts them so. No statement is
//! made at run time, so no value becomes a part of one.

mod audit;
mod keys;
mod links;
mod people;
mod sessions;
mod spaces;
mod statement;
mod store;

pub use audit::*;
pub use keys::*;
pub use links::*;
pub use people::*;
pub use sessions::*;
pub use spaces::*;
pub use statement::Sql;
pub use store::*;

/// The statements of each subject.
pub const ALL: [&[Sql]; 7] = [audit::ALL, keys::ALL, links::ALL, people::ALL, sessions::ALL, spaces::ALL, store::ALL];

/// The number of statements.
pub(super) const COUNT: usize = {
    let mut count = 0;
    let mut subject = 0;
    while subject < ALL.len() {
        count += ALL[subject].len();
        subject += 1;
    }
    count
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parameters_are_numbered_in_the_order_of_their_first_use() {
        assert_eq!(Sql::new("", "a = $1 AND b = $2 OR c = $1 LIMIT $10").parameters(), [1, 2, 10]);
        for sql in ALL.concat() {
            let numbers = sql.parameters();
            assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{}", sql.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = ALL.concat().iter().map(|sql| sql.name).collect();
        assert_eq!(names.len(), COUNT);
    }
}
