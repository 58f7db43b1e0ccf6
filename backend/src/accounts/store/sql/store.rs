//! Statements that every batch or every process needs.

use super::statement::{Sql, statements};

statements! {
    /// The first statement of each batch. Writers of all processes wait for each other at this row, so the numbers are
    /// the order of the commits.
    NEXT_CHANGE = "UPDATE meta SET change = change + 1 RETURNING change";
    /// The number of the last change.
    LAST_CHANGE = "SELECT change FROM meta";
    /// Notes what other processes must forget: the moment, the kind of the thing, its id.
    NOTE_CHANGE = "INSERT INTO changes (change, moment, what, id) VALUES ((SELECT change FROM meta), $1, $2, $3)";
    /// What was changed after the change of a number, in the order of the changes.
    CHANGES_AFTER = "SELECT change, what, id FROM changes WHERE change > $1 ORDER BY change LIMIT $2";
    /// Forgets what every process has read by now.
    FORGET_CHANGES = "DELETE FROM changes WHERE moment < $1";
}
