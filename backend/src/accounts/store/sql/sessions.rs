//! Statements about sessions.

use super::statement::{Sql, statements};

statements! {
    /// Begins a session.
    ADD_SESSION = "
        INSERT INTO sessions (token, id, person, how, device, address, created, seen, confirmed, expires, remember)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    /// Ends the sessions of a person but for so many, those seen last.
    TRIM_SESSIONS = "
        DELETE FROM sessions WHERE person = $1 AND token NOT IN
            (SELECT token FROM sessions WHERE person = $1 ORDER BY seen DESC, created DESC, token LIMIT $2)";
    /// The session of a token.
    SESSION = "
        SELECT token, id, person, how, device, address, created, seen, confirmed, expires, remember
        FROM sessions WHERE token = $1";
    /// The sessions of a person, the one seen last first.
    SESSIONS_OF = "
        SELECT token, id, person, how, device, address, created, seen, confirmed, expires, remember
        FROM sessions WHERE person = $1 ORDER BY seen DESC, created DESC, token";
    /// Notes when a session was seen last.
    SET_SEEN = "UPDATE sessions SET seen = $1 WHERE token = $2 AND seen < $1";
    /// Gives a session a new token, and notes when its person was confirmed.
    CONFIRM_SESSION = "UPDATE sessions SET token = $1, confirmed = $2, seen = $2 WHERE token = $3";
    /// Ends a session by its token.
    END_SESSION = "DELETE FROM sessions WHERE token = $1";
    /// Ends a session of a person by its id.
    END_SESSION_OF = "DELETE FROM sessions WHERE person = $1 AND id = $2";
    /// Ends the sessions of a person.
    END_SESSIONS_OF = "DELETE FROM sessions WHERE person = $1";
    /// Ends the sessions of a person but for one.
    END_OTHER_SESSIONS = "DELETE FROM sessions WHERE person = $1 AND token <> $2";
    /// Forgets sessions that have expired.
    FORGET_SESSIONS = "DELETE FROM sessions WHERE expires <= $1";
}
