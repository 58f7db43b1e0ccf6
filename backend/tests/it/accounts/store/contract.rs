//! What a database answers: values, guards, refusals, order, snapshots.

use std::sync::Arc;

use backend::accounts::store::{Applied, Batch, Cause, Query, StoreError, Value, sql};

use super::super::databases::{Place, on_both_databases};
use super::{committed, group, groups, person, refused, rows};

on_both_databases!(
    every_statement_is_understood,
    values_come_back_as_they_were_written,
    a_batch_is_all_or_nothing,
    a_guard_that_does_not_hold_refuses_the_batch,
    a_key_that_exists_refuses_the_batch,
    numbers_are_the_order_of_the_commits,
    later_statements_see_earlier_ones,
    what_belongs_to_a_person_goes_with_the_person,
    of_two_batches_at_once_one_passes_a_guard,
    a_snapshot_is_of_one_moment,
    a_batch_runs_to_its_end_without_its_caller,
    text_with_nul_is_refused,
    a_database_opened_again_is_the_same,
);

/// Each statement with `NULL` for its parameters, but for a limit: one that violates a constraint was understood. Every
/// batch begins with `NEXT_CHANGE`.
async fn every_statement_is_understood(place: Place) {
    let store = place.open().await;
    for sql in sql::ALL.concat().into_iter().filter(|sql| *sql != sql::NEXT_CHANGE) {
        let is_limit = |number: &usize| sql.text().contains(&format!("LIMIT ${number}"));
        let value = |number: &usize| if is_limit(number) { Value::Int(1) } else { Value::Null };
        let values = sql.parameters().iter().map(value).collect();
        if sql.text().trim_start().starts_with("SELECT") {
            store.read(Query::new(sql, values)).await.unwrap_or_else(|error| panic!("{}: {error}", sql.name()));
            continue;
        }
        let applied = store.write(Batch::new().any(sql, values)).await;
        let applied = applied.unwrap_or_else(|error| panic!("{}: {error}", sql.name()));
        if let Applied::Refused(refusal) = applied {
            assert_eq!(refusal.cause, Cause::Constraint, "{}", sql.name());
        }
    }
}

async fn values_come_back_as_they_were_written(place: Place) {
    let store = place.open().await;
    let names = ["a", "É ö 漢字 🎈", "it's \"quoted\"; DROP TABLE users; --", ""];
    for (index, name) in names.iter().enumerate() {
        let id = [0, 255, 39, 92].map(|byte: u8| byte.wrapping_add(index as u8)).repeat(4);
        committed(&*store, Batch::new().one(sql::ADD_GROUP, vec![id.as_slice().into(), (*name).into(), "made".into()]))
            .await;
        let read = rows(&*store, sql::GROUPS).await;
        let row = read.iter().find(|row| row.bytes(0).unwrap() == id).unwrap();
        assert_eq!((row.text(1).unwrap(), row.text(2).unwrap()), (*name, "made"));
    }
    for created in [i64::MIN, -1, 0, i64::MAX] {
        let values =
            vec![[9; 16].into(), "n".into(), "N".into(), "made".into(), true.into(), Value::Null, created.into()];
        committed(&*store, Batch::new().one(sql::ADD_PERSON, values)).await;
        let row = &rows(&*store, sql::PEOPLE).await[0];
        assert_eq!((row.int(6), row.is_true(4), row.optional_int(7)), (Ok(created), Ok(true), Ok(None)));
        assert_eq!((row.optional_text(8), row.int(9)), (Ok(None), Ok(0)));
        committed(&*store, Batch::new().one(sql::REMOVE_PERSON, vec![[9; 16].into()])).await;
    }
}

async fn a_batch_is_all_or_nothing(place: Place) {
    let store = place.open().await;
    committed(&*store, group(1, "one")).await;
    let batch = group(2, "two").append(group(3, "three")).append(group(4, "one"));
    assert_eq!(refused(&*store, batch).await, ("ADD_GROUP", Cause::Constraint));
    assert_eq!(groups(&*store).await, ["one"]);
    committed(&*store, group(2, "two").append(group(3, "three"))).await;
    assert_eq!(groups(&*store).await, ["one", "three", "two"]);
}

async fn a_guard_that_does_not_hold_refuses_the_batch(place: Place) {
    let store = place.open().await;
    let at_most_one = || Batch::new().one(sql::GUARD_GROUPS, vec![1.into()]);
    committed(&*store, at_most_one().append(group(1, "one"))).await;
    let second = group(2, "two").append(at_most_one());
    assert_eq!(refused(&*store, second).await, ("GUARD_GROUPS", Cause::Rows));
    let missing = Batch::new().one(sql::REMOVE_GROUP, vec![[7; 16].into()]);
    assert_eq!(refused(&*store, missing).await, ("REMOVE_GROUP", Cause::Rows));
    committed(&*store, Batch::new().any(sql::REMOVE_GROUP, vec![[7; 16].into()])).await;
    assert_eq!(groups(&*store).await, ["one"]);
}

async fn a_key_that_exists_refuses_the_batch(place: Place) {
    let store = place.open().await;
    committed(&*store, group(1, "one")).await;
    for batch in [group(1, "other"), group(2, "one")] {
        assert_eq!(refused(&*store, batch).await, ("ADD_GROUP", Cause::Constraint));
    }
    let unknown = Batch::new().one(sql::ADD_MEMBER, vec![[1; 16].into(), [8; 16].into()]);
    assert_eq!(refused(&*store, unknown).await, ("ADD_MEMBER", Cause::Constraint));
    // The connection works after a refusal.
    committed(&*store, group(2, "two")).await;
}

async fn numbers_are_the_order_of_the_commits(place: Place) {
    let store = place.open().await;
    let first = committed(&*store, group(1, "one")).await;
    let _ = refused(&*store, group(1, "one")).await;
    assert_eq!(committed(&*store, group(2, "two")).await, first + 1);
    assert_eq!(rows(&*store, sql::LAST_CHANGE).await[0].int(0), Ok(first + 1));
    let tasks: Vec<_> = (3..40_u8)
        .map(|id| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { committed(&*store, group(id, &format!("g{id}"))).await })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (first + 2..first + 39).collect::<Vec<_>>());
    assert!(store.changes().borrow().change >= first + 38);
}

async fn later_statements_see_earlier_ones(place: Place) {
    let store = place.open().await;
    let note = |batch: Batch| batch.one(sql::NOTE_CHANGE, vec![1.into(), "group".into(), [1; 16].into()]);
    let change = committed(&*store, note(note(group(1, "one")))).await;
    let noted = store.read(Query::new(sql::CHANGES_AFTER, vec![(change - 1).into(), 10.into()])).await.unwrap();
    let changes: Vec<_> = noted.iter().map(|row| row.int(0).unwrap()).collect();
    assert_eq!(changes, [change, change]);
    let add = |batch: Batch| batch.one(sql::ADD_MEMBER, vec![[1; 16].into(), [5; 16].into()]);
    committed(&*store, add(person(5, "eve"))).await;
    let cut = committed(&*store, Batch::new().any(sql::CUT_GROUP, vec![[1; 16].into()])).await;
    assert_eq!(rows(&*store, sql::PEOPLE).await[0].int(5), Ok(cut));
}

async fn what_belongs_to_a_person_goes_with_the_person(place: Place) {
    let store = place.open().await;
    let everything =
        person(5, "eve").append(group(1, "one")).one(sql::ADD_MEMBER, vec![[1; 16].into(), [5; 16].into()]).one(
            sql::ADD_SPACE,
            vec![[2; 16].into(), b"home/eve".as_slice().into(), "eve".into(), true.into(), Value::Null, [5; 16].into()],
        );
    committed(&*store, everything).await;
    committed(&*store, Batch::new().one(sql::REMOVE_PERSON, vec![[5; 16].into()])).await;
    assert!(rows(&*store, sql::MEMBERS).await.is_empty());
    // The folder is not forgotten: it still is a closed space.
    let spaces = rows(&*store, sql::SPACES).await;
    assert_eq!((spaces.len(), spaces[0].optional_bytes(5)), (1, Ok(None)));
}

async fn of_two_batches_at_once_one_passes_a_guard(place: Place) {
    let (one, two) = (place.open().await, place.open().await);
    let first = |id: u8| Batch::new().one(sql::GUARD_NO_ACCOUNT, Vec::new()).append(person(id, &format!("p{id}")));
    for round in 0..10_u8 {
        let (a, b) = tokio::join!(one.write(first(2 * round)), two.write(first(2 * round + 1)));
        let committed =
            [a.unwrap(), b.unwrap()].iter().filter(|applied| matches!(applied, Applied::Committed { .. })).count();
        assert_eq!((committed, rows(&*one, sql::PEOPLE).await.len()), (1, 1));
        let all = rows(&*one, sql::PEOPLE)
            .await
            .iter()
            .fold(Batch::new(), |batch, row| batch.one(sql::REMOVE_PERSON, vec![row.bytes(0).unwrap().into()]));
        super::committed(&*one, all).await;
    }
}

/// Each batch adds a group and a person, so a snapshot has as many of the one as of the other.
async fn a_snapshot_is_of_one_moment(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let writing = tokio::spawn(async move {
        for id in 0..60_u8 {
            committed(&*other, group(id, &format!("g{id}")).append(person(id, &format!("p{id}")))).await;
        }
    });
    let before = store.snapshot(Vec::new()).await.unwrap().change;
    loop {
        let is_last = writing.is_finished();
        let queries = vec![Query::new(sql::GROUPS, Vec::new()), Query::new(sql::PEOPLE, Vec::new())];
        let snapshot = store.snapshot(queries).await.unwrap();
        assert_eq!(snapshot.answers[0].len(), snapshot.answers[1].len());
        assert!(snapshot.answers[0].len() as i64 >= snapshot.change - before);
        if is_last {
            assert_eq!(snapshot.answers[0].len(), 60);
            break;
        }
    }
    writing.await.unwrap();
}

async fn a_batch_runs_to_its_end_without_its_caller(place: Place) {
    let store = place.open().await;
    drop(store.write(group(1, "one")));
    // Batches have one order, so the one before has ended.
    committed(&*store, group(2, "two")).await;
    assert_eq!(groups(&*store).await, ["one", "two"]);
}

async fn text_with_nul_is_refused(place: Place) {
    let store = place.open().await;
    let written = store.write(group(1, "one").append(group(2, "a\0b"))).await;
    assert_eq!(written, Err(StoreError::BadText));
    assert!(groups(&*store).await.is_empty());
}

async fn a_database_opened_again_is_the_same(place: Place) {
    let store = place.open().await;
    let change = committed(&*store, group(1, "one")).await;
    let again = place.open().await;
    assert_eq!((again.instance(), again.changes().borrow().change), (store.instance(), change));
    assert_eq!(groups(&*again).await, ["one"]);
}
