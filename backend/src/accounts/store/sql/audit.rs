//! Statements about the audit.

use super::statement::{Sql, statements};

statements! {
    /// Writes an event.
    ADD_EVENT = "
        INSERT INTO audit (moment, actor, name, act, path, share, address, outcome, more)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// The events before a number, from a moment to another, the newest first. `NULL` in place of an actor, an act, a
    /// share or a path is no condition. `$6`, `$7` and `$8` are a path, the first path below it, and the first after these.
    EVENTS = "
        SELECT number, moment, actor, name, act, path, share, address, outcome, more FROM audit
        WHERE number < $1 AND moment >= $2 AND moment < $3
            AND (actor = $4 OR $4 IS NULL) AND (act = $5 OR $5 IS NULL)
            AND (path = $6 OR (path >= $7 AND path < $8) OR $6 IS NULL)
            AND (share = $9 OR $9 IS NULL)
        ORDER BY number DESC LIMIT $10";
    /// Removes events before a moment, at most so many.
    FORGET_EVENTS = "
        DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE moment < $1 ORDER BY moment LIMIT $2)";
}
