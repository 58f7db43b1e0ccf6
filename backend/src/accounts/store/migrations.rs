//! The tables, and how those of an earlier version become those of this one. Both databases run the same text, in which
//! [`Dialect`] replaces three words.

/// What a database calls three types.
pub(super) struct Dialect {
    /// `BYTES`: a string of bytes.
    pub(super) bytes: &'static str,
    /// `INT`: a signed number of 64 bits.
    pub(super) int: &'static str,
    /// `COUNTER`: a primary key that rises with each row and is never used again.
    pub(super) counter: &'static str,
}

/// SQLite's words.
pub(super) const SQLITE: Dialect =
    Dialect { bytes: "BLOB", int: "INTEGER", counter: "INTEGER PRIMARY KEY AUTOINCREMENT" };
/// PostgreSQL's words.
#[cfg(any(feature = "postgres", test))]
pub(super) const POSTGRES: Dialect =
    Dialect { bytes: "BYTEA", int: "BIGINT", counter: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY" };

/// The table of one row that exists before all others. `schema` is the number of migrations that have been run.
pub(super) const META: &str = "
    CREATE TABLE IF NOT EXISTS meta (
        one INT PRIMARY KEY CHECK (one = 1),
        instance BYTES NOT NULL,
        schema INT NOT NULL,
        change INT NOT NULL
    )";

/// Makes the row; `$1` is the id of a new database.
pub(super) const FIRST_ROW: &str =
    "INSERT INTO meta (one, instance, schema, change) VALUES (1, $1, 0, 0) ON CONFLICT (one) DO NOTHING";

/// The id, and the number of migrations that have been run.
pub(super) const STATE: &str = "SELECT instance, schema FROM meta";

/// Notes the number of migrations that have been run.
pub(super) const FINISH: &str = "UPDATE meta SET schema = $1";

/// Statements that lead from one version of the tables to the next. Released ones never change. Moments are seconds
/// since 1970; truth values are 0 and 1.
const MIGRATIONS: &[&[&str]] = &[&[
    "CREATE TABLE users (
        id BYTES PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        shown TEXT NOT NULL,
        source TEXT NOT NULL,
        admin INT NOT NULL,
        password TEXT,
        epoch INT NOT NULL,
        created INT NOT NULL,
        disabled INT,
        language TEXT
    )",
    "CREATE TABLE groups (
        id BYTES PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL
    )",
    "CREATE TABLE members (
        team BYTES NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
        person BYTES NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        PRIMARY KEY (team, person)
    )",
    "CREATE INDEX members_by_person ON members (person)",
    "CREATE TABLE spaces (
        id BYTES PRIMARY KEY,
        folder BYTES NOT NULL UNIQUE,
        name TEXT NOT NULL,
        closed INT NOT NULL,
        quota INT,
        home_of BYTES UNIQUE REFERENCES users (id) ON DELETE SET NULL
    )",
    "CREATE TABLE grants (
        space BYTES NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
        whom TEXT NOT NULL,
        id BYTES NOT NULL,
        rights TEXT NOT NULL,
        PRIMARY KEY (space, whom, id)
    )",
    "CREATE INDEX grants_by_holder ON grants (whom, id)",
    "CREATE TABLE sessions (
        token BYTES PRIMARY KEY,
        id BYTES NOT NULL UNIQUE,
        person BYTES NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        how TEXT NOT NULL,
        device TEXT NOT NULL,
        address TEXT NOT NULL,
        created INT NOT NULL,
        seen INT NOT NULL,
        confirmed INT NOT NULL,
        expires INT NOT NULL,
        remember INT NOT NULL
    )",
    "CREATE INDEX sessions_by_person ON sessions (person, seen)",
    "CREATE INDEX sessions_by_end ON sessions (expires)",
    "CREATE TABLE access_keys (
        id TEXT PRIMARY KEY,
        secret BYTES NOT NULL,
        person BYTES NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        rights TEXT NOT NULL,
        folder BYTES,
        created INT NOT NULL,
        expires INT NOT NULL,
        used INT
    )",
    "CREATE INDEX access_keys_by_person ON access_keys (person)",
    "CREATE TABLE links (
        token BYTES PRIMARY KEY,
        kind TEXT NOT NULL,
        person BYTES REFERENCES users (id) ON DELETE CASCADE,
        offer TEXT NOT NULL,
        made_by BYTES,
        created INT NOT NULL,
        expires INT NOT NULL,
        used INT
    )",
    "CREATE INDEX links_by_end ON links (expires)",
    "CREATE TABLE audit (
        number COUNTER,
        moment INT NOT NULL,
        actor BYTES,
        name TEXT NOT NULL,
        act TEXT NOT NULL,
        path BYTES,
        share BYTES,
        address TEXT,
        outcome TEXT NOT NULL,
        more TEXT NOT NULL
    )",
    "CREATE INDEX audit_by_time ON audit (moment)",
    "CREATE INDEX audit_by_actor ON audit (actor, number)",
    "CREATE INDEX audit_by_share ON audit (share, number)",
    "CREATE TABLE changes (
        change INT NOT NULL,
        moment INT NOT NULL,
        what TEXT NOT NULL,
        id BYTES NOT NULL
    )",
    "CREATE INDEX changes_by_number ON changes (change)",
    "CREATE INDEX changes_by_time ON changes (moment)",
]];

/// The number of migrations that this program knows.
pub(super) fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

/// The statements that are still to be run after `done` migrations, in the words of a database. `None` for a database of
/// a later version.
pub(super) fn missing(done: i64, dialect: &Dialect) -> Option<Vec<String>> {
    let missing = MIGRATIONS.get(usize::try_from(done).ok()?..)?;
    Some(missing.iter().flat_map(|statements| statements.iter()).map(|text| dialect.translate(text)).collect())
}

impl Dialect {
    /// A text with the three words replaced, where they are whole words.
    pub(super) fn translate(&self, text: &str) -> String {
        let mut translated = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            if word.is_empty() {
                let end = rest.find(is_word).unwrap_or(rest.len());
                translated.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            translated.push_str(match word {
                "BYTES" => self.bytes,
                "INT" => self.int,
                "COUNTER" => self.counter,
                other => other,
            });
            rest = &rest[word.len()..];
        }
        translated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_replaced() {
        let text = "CREATE TABLE t (n COUNTER, id BYTES, POINT INT, BYTES_2 INT)";
        assert_eq!(
            POSTGRES.translate(text),
            "CREATE TABLE t (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id BYTEA, POINT BIGINT, BYTES_2 BIGINT)"
        );
        let expected = "CREATE TABLE t (n INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB, POINT INTEGER, BYTES_2 INTEGER)";
        assert_eq!(SQLITE.translate(text), expected);
    }

    #[test]
    fn a_later_database_has_no_missing_statements() {
        assert!(missing(0, &SQLITE).is_some_and(|statements| !statements.is_empty()));
        assert_eq!(missing(newest(), &SQLITE), Some(Vec::new()));
        assert_eq!(missing(newest() + 1, &SQLITE), None);
        assert_eq!(missing(-1, &SQLITE), None);
    }
}
