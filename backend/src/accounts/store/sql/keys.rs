//! Statements about access keys.

use super::statement::{Sql, statements};

statements! {
    /// Holds while a person has fewer keys than the limit.
    GUARD_KEYS = "UPDATE meta SET change = change WHERE (SELECT COUNT(*) FROM access_keys WHERE person = $1) < $2";
    /// Makes a key.
    ADD_KEY = "
        INSERT INTO access_keys (id, secret, person, name, rights, folder, created, expires)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// The key of an id.
    KEY = "
        SELECT id, secret, person, name, rights, folder, created, expires, used FROM access_keys WHERE id = $1";
    /// The keys of a person, the newest first.
    KEYS_OF = "
        SELECT id, secret, person, name, rights, folder, created, expires, used
        FROM access_keys WHERE person = $1 ORDER BY created DESC, id";
    /// Notes when a key was used last.
    SET_KEY_USED = "UPDATE access_keys SET used = $1 WHERE id = $2 AND (used IS NULL OR used < $1)";
    /// Removes a key of a person.
    REMOVE_KEY = "DELETE FROM access_keys WHERE person = $1 AND id = $2";
    /// Removes the keys of a person.
    REMOVE_KEYS_OF = "DELETE FROM access_keys WHERE person = $1";
}
