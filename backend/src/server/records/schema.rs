//! The tables, and how those of an earlier version become those of this one.

use rusqlite::Connection;

/// Statements that lead from one version of the tables to the next. SQLite's `user_version` is the number of those that
/// have been run, so released ones never change.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE uploads (
        id BLOB PRIMARY KEY,
        owner BLOB NOT NULL,
        key BLOB,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        -- NULL until it is announced.
        length INTEGER,
        -- Bytes that survive a crash.
        durable INTEGER NOT NULL,
        -- The STAGE that began it, without its caller.
        request BLOB NOT NULL,
        -- The path in the storage that a COMMIT is about to give it, or gave it.
        target BLOB,
        -- The answer to the COMMIT that ended it.
        answer BLOB
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX uploads_by_key ON uploads (owner, key) WHERE key IS NOT NULL;
    CREATE INDEX uploads_by_owner ON uploads (owner, created);
    CREATE INDEX uploads_by_expiry ON uploads (expires);

    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,
        owner BLOB NOT NULL,
        id BLOB NOT NULL,
        created INTEGER NOT NULL,
        -- NULL while it runs.
        ended INTEGER,
        state BLOB NOT NULL,
        version INTEGER NOT NULL,
        progress BLOB NOT NULL,
        -- The ids of its items in the trash are derived from this.
        seed BLOB NOT NULL,
        -- True once its client cancelled it.
        canceled INTEGER NOT NULL DEFAULT 0,
        -- The CHANGE, with the scope of its caller at the time.
        request BLOB NOT NULL,
        UNIQUE (owner, id)
    );
    CREATE INDEX jobs_by_end ON jobs (ended);
    CREATE TABLE steps (
        job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
        item INTEGER NOT NULL,
        -- The path in the storage that it was about to give, where it chose one.
        target BLOB,
        -- NULL until the item has ended.
        outcome BLOB,
        PRIMARY KEY (job, item)
    ) WITHOUT ROWID;

    -- Items of the trash that are being removed for good.
    CREATE TABLE purges (id BLOB PRIMARY KEY) WITHOUT ROWID;

    CREATE TABLE digests (
        etag BLOB NOT NULL,
        algorithm BLOB NOT NULL,
        digest BLOB NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (etag, algorithm)
    ) WITHOUT ROWID;
    CREATE INDEX digests_by_use ON digests (used);
    ",
    "
    -- The state of the digests after the durable bytes; NULL where they are read again.
    ALTER TABLE uploads ADD COLUMN digests BLOB;
    ",
    "
    -- The path in the storage of its future file, and the rights of the caller that brought the last bytes.
    ALTER TABLE uploads ADD COLUMN path BLOB;
    ALTER TABLE uploads ADD COLUMN rights BLOB;
    -- The BLAKE3 digest that its last bytes or a failed COMMIT named; it replaces that of the STAGE.
    ALTER TABLE uploads ADD COLUMN required BLOB;
    -- The BLAKE3 digest of the content that is about to become the file at the target.
    ALTER TABLE uploads ADD COLUMN content BLOB;
    -- Why the last attempt to make it a file failed.
    ALTER TABLE uploads ADD COLUMN refused BLOB;
    ",
    "
    -- The client that began it, of a caller without an account.
    ALTER TABLE uploads ADD COLUMN client TEXT;
    ",
    "
    -- What a job has written about its items at a time, in place of a row of `steps` for each: many items that end at
    -- once are one row. Later records of an item add to earlier ones.
    CREATE TABLE item_records (
        job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
        -- That of the job.
        version INTEGER NOT NULL,
        records BLOB NOT NULL,
        PRIMARY KEY (job, version)
    );
    ",
    "
    -- As that of an upload.
    ALTER TABLE jobs ADD COLUMN client TEXT;
    -- The key of the CHANGE, where `id` is made of it and of the client.
    ALTER TABLE jobs ADD COLUMN key BLOB;
    CREATE INDEX jobs_by_key ON jobs (owner, key) WHERE key IS NOT NULL;
    ",
    "
    -- What the caller that brought the last bytes may do, in place of `rights`.
    ALTER TABLE uploads ADD COLUMN scope BLOB;
    ",
];

/// The tables are those of a later version.
pub(super) struct LaterVersion;

/// The migrations that the tables of this database still need.
///
/// # Errors
/// Of SQLite; [`LaterVersion`] within.
pub(super) fn missing(connection: &Connection) -> rusqlite::Result<Result<&'static [&'static str], LaterVersion>> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let missing = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..));
    Ok(missing.ok_or(LaterVersion))
}

/// Runs migrations, all or none.
pub(super) fn migrate(connection: &mut Connection, missing: &[&str]) -> rusqlite::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    missing.iter().try_for_each(|migration| transaction.execute_batch(migration))?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_first_version_are_migrated() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection
            .execute(
                "INSERT INTO uploads (id, owner, created, expires, durable, request)
            VALUES (x'01', x'02', 3, 4, 5, x'06')",
                [],
            )
            .unwrap();
        let Ok(needed) = missing(&connection).unwrap() else { panic!("version 1 is an earlier one") };
        assert_eq!(needed.len(), MIGRATIONS.len() - 1);
        migrate(&mut connection, needed).unwrap();
        let kept: (i64, Option<Vec<u8>>) = connection
            .query_row("SELECT durable, digests FROM uploads", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(kept, (5, None));
        assert!(missing(&connection).unwrap().is_ok_and(<[_]>::is_empty));
    }

    #[test]
    fn tables_of_a_later_version_are_refused() {
        let connection = Connection::open_in_memory().unwrap();
        for version in [MIGRATIONS.len() as i64 + 1, i64::from(i32::MAX), -1] {
            connection.pragma_update(None, "user_version", version).unwrap();
            assert!(missing(&connection).unwrap().is_err(), "{version}");
        }
    }
}
