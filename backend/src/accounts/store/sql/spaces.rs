//! Statements about spaces and grants.

use super::statement::{Sql, statements};

statements! {
    /// All spaces.
    SPACES = "SELECT id, folder, name, closed, quota, home_of FROM spaces";
    /// All grants.
    GRANTS = "SELECT space, whom, id, rights FROM grants";
    /// Holds while there are fewer spaces than the limit.
    GUARD_SPACES = "UPDATE meta SET change = change WHERE (SELECT COUNT(*) FROM spaces) < $1";
    /// Holds while a space has fewer grants than the limit.
    GUARD_GRANTS = "UPDATE meta SET change = change WHERE (SELECT COUNT(*) FROM grants WHERE space = $1) < $2";
    /// Makes a space.
    ADD_SPACE = "INSERT INTO spaces (id, folder, name, closed, quota, home_of) VALUES ($1, $2, $3, $4, $5, $6)";
    /// Sets the name, whether it is closed, and the quota of a space.
    SET_SPACE = "UPDATE spaces SET name = $1, closed = $2, quota = $3 WHERE id = $4";
    /// Removes a space, with its grants.
    REMOVE_SPACE = "DELETE FROM spaces WHERE id = $1";
    /// Grants rights on a space, in place of those granted to the same holder before.
    SET_GRANT = "
        INSERT INTO grants (space, whom, id, rights) VALUES ($1, $2, $3, $4)
        ON CONFLICT (space, whom, id) DO UPDATE SET rights = excluded.rights";
    /// Removes a grant.
    REMOVE_GRANT = "DELETE FROM grants WHERE space = $1 AND whom = $2 AND id = $3";
    /// Removes every grant to a person or a group.
    REMOVE_GRANTS_TO = "DELETE FROM grants WHERE whom = $1 AND id = $2";
}
