//! Statements about links for setting up, invitations and new passwords.

use super::statement::{Sql, statements};

statements! {
    /// Holds while there are fewer links than the limit.
    GUARD_LINKS = "UPDATE meta SET change = change WHERE (SELECT COUNT(*) FROM links) < $1";
    /// Makes a link.
    ADD_LINK = "
        INSERT INTO links (token, kind, person, offer, made_by, created, expires)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// The link of a token.
    LINK = "SELECT token, kind, person, offer, made_by, created, expires, used FROM links WHERE token = $1";
    /// The links of a kind, the newest first.
    LINKS = "
        SELECT token, kind, person, offer, made_by, created, expires, used
        FROM links WHERE kind = $1 ORDER BY created DESC, token LIMIT $2";
    /// Spends a link: it is of that kind, unspent and in time, and its maker is still an administrator.
    SPEND_LINK = "
        UPDATE links SET used = $1
        WHERE token = $2 AND kind = $3 AND used IS NULL AND expires > $1
            AND (made_by IS NULL OR made_by IN (SELECT id FROM users WHERE admin = 1 AND disabled IS NULL))";
    /// Removes a link.
    REMOVE_LINK = "DELETE FROM links WHERE token = $1";
    /// Removes the links of a kind.
    REMOVE_LINKS = "DELETE FROM links WHERE kind = $1";
    /// Removes the unspent links of a person.
    REMOVE_LINKS_OF = "DELETE FROM links WHERE person = $1 AND used IS NULL";
    /// Forgets links that expired before a moment.
    FORGET_LINKS = "DELETE FROM links WHERE expires < $1";
}
