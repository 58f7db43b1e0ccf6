//! Statements about people and groups.
//!
//! A statement `GUARD_…` changes nothing: it touches the one row of `meta` while its condition holds, and no row
//! otherwise, which refuses its batch.

use super::statement::{Sql, statements};

statements! {
    /// All people. The last column is 1 for those with a password.
    PEOPLE = "
        SELECT id, name, shown, source, admin, epoch, created, disabled, language,
            CASE WHEN password IS NULL THEN 0 ELSE 1 END
        FROM users";
    /// The id and the password of the person of a name.
    PASSWORD = "SELECT id, password FROM users WHERE name = $1 AND disabled IS NULL";
    /// Holds while there are fewer people than the limit.
    GUARD_PEOPLE = "UPDATE meta SET change = change WHERE (SELECT COUNT(*) FROM users) < $1";
    /// Holds while there is no account.
    GUARD_NO_ACCOUNT = "UPDATE meta SET change = change WHERE NOT EXISTS (SELECT 1 FROM users)";
    /// Holds while the person has an account that is not disabled.
    GUARD_ENABLED = "
        UPDATE meta SET change = change WHERE EXISTS (SELECT 1 FROM users WHERE id = $1 AND disabled IS NULL)";
    /// Holds while the person is an administrator.
    GUARD_ADMINISTRATOR = "
        UPDATE meta SET change = change
        WHERE EXISTS (SELECT 1 FROM users WHERE id = $1 AND admin = 1 AND disabled IS NULL)";
    /// Holds while the person has this password and is not disabled.
    GUARD_PASSWORD = "
        UPDATE meta SET change = change
        WHERE EXISTS (SELECT 1 FROM users WHERE id = $1 AND disabled IS NULL AND password = $2)";
    /// Holds if there is another administrator, or the person is none.
    GUARD_LAST_ADMINISTRATOR = "
        UPDATE meta SET change = change
        WHERE EXISTS (SELECT 1 FROM users WHERE admin = 1 AND disabled IS NULL AND id <> $1)
            OR NOT EXISTS (SELECT 1 FROM users WHERE admin = 1 AND disabled IS NULL AND id = $1)";
    /// Makes a person.
    ADD_PERSON = "
        INSERT INTO users (id, name, shown, source, admin, password, created, epoch)
        VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT change FROM meta))";
    /// Renames a person.
    SET_NAME = "UPDATE users SET name = $1 WHERE id = $2";
    /// Sets how a person is called, and the language.
    SET_SHOWN = "UPDATE users SET shown = $1, language = $2 WHERE id = $3";
    /// Makes a person an administrator, or not.
    SET_ADMINISTRATOR = "UPDATE users SET admin = $1, epoch = (SELECT change FROM meta) WHERE id = $2";
    /// Disables a person at a moment, or enables the person with `NULL`.
    SET_DISABLED = "UPDATE users SET disabled = $1, epoch = (SELECT change FROM meta) WHERE id = $2";
    /// Sets or removes a password.
    SET_PASSWORD = "UPDATE users SET password = $1, epoch = (SELECT change FROM meta) WHERE id = $2";
    /// Replaces the hash of a password by another one of it.
    REHASH_PASSWORD = "UPDATE users SET password = $1 WHERE id = $2 AND password = $3";
    /// Ends what a person is doing.
    CUT_PERSON = "UPDATE users SET epoch = (SELECT change FROM meta) WHERE id = $1";
    /// Ends what the members of a group are doing.
    CUT_GROUP = "
        UPDATE users SET epoch = (SELECT change FROM meta) WHERE id IN (SELECT person FROM members WHERE team = $1)";
    /// Ends what all accounts are doing.
    CUT_ALL = "UPDATE users SET epoch = (SELECT change FROM meta)";
    /// Ends what the holders of grants on a space are doing.
    CUT_HOLDERS = "
        UPDATE users SET epoch = (SELECT change FROM meta)
        WHERE EXISTS (SELECT 1 FROM grants WHERE space = $1 AND whom IN ('accounts', 'anyone'))
            OR id IN (SELECT id FROM grants WHERE space = $1 AND whom = 'user')
            OR id IN (SELECT person FROM members WHERE team IN
                (SELECT id FROM grants WHERE space = $1 AND whom = 'group'))";
    /// Removes a person, with sessions, keys, links and memberships.
    REMOVE_PERSON = "DELETE FROM users WHERE id = $1";
    /// All groups.
    GROUPS = "SELECT id, name, source FROM groups";
    /// All memberships.
    MEMBERS = "SELECT team, person FROM members";
    /// Holds while there are fewer groups than the limit.
    GUARD_GROUPS = "UPDATE meta SET change = change WHERE (SELECT COUNT(*) FROM groups) < $1";
    /// Makes a group.
    ADD_GROUP = "INSERT INTO groups (id, name, source) VALUES ($1, $2, $3)";
    /// Renames a group.
    SET_GROUP_NAME = "UPDATE groups SET name = $1 WHERE id = $2";
    /// Removes a group, with its memberships.
    REMOVE_GROUP = "DELETE FROM groups WHERE id = $1";
    /// Adds a person to a group.
    ADD_MEMBER = "INSERT INTO members (team, person) VALUES ($1, $2) ON CONFLICT (team, person) DO NOTHING";
    /// Removes a person from a group.
    REMOVE_MEMBER = "DELETE FROM members WHERE team = $1 AND person = $2";
}
