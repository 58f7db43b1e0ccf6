//! The conformance suite of databases of accounts, run on SQLite and on PostgreSQL.

mod contract;
mod killed;
mod processes;

use backend::accounts::store::{Applied, Batch, Cause, Query, Row, Store, Value, sql};

/// A batch that makes a group.
fn group(id: u8, name: &str) -> Batch {
    Batch::new().one(sql::ADD_GROUP, vec![[id; 16].into(), name.into(), "made".into()])
}

/// A batch that makes a person.
fn person(id: u8, name: &str) -> Batch {
    let values = vec![[id; 16].into(), name.into(), name.into(), "made".into(), false.into(), Value::Null, 7.into()];
    Batch::new().one(sql::ADD_PERSON, values)
}

async fn committed(store: &dyn Store, batch: Batch) -> i64 {
    match store.write(batch).await.unwrap() {
        Applied::Committed { change } => change,
        Applied::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// The name of the statement that refused the batch, and why.
async fn refused(store: &dyn Store, batch: Batch) -> (&'static str, Cause) {
    match store.write(batch).await.unwrap() {
        Applied::Refused(refusal) => (refusal.sql.name(), refusal.cause),
        Applied::Committed { change } => panic!("committed as {change}"),
    }
}

async fn rows(store: &dyn Store, sql: sql::Sql) -> Vec<Row> {
    store.read(Query::new(sql, Vec::new())).await.unwrap()
}

/// The names of the groups, sorted.
async fn groups(store: &dyn Store) -> Vec<String> {
    let mut names: Vec<_> = rows(store, sql::GROUPS).await.iter().map(|row| row.text(1).unwrap().to_owned()).collect();
    names.sort();
    names
}
