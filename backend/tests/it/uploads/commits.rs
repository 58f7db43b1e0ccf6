//! Conflicts, owners and conditions of COMMIT.

use backend::client::{Caller, Commit, PutRange, Stage};
use shared::{Conflict, ErrorCode, Rights, Scope, Timestamp};

use super::fixtures::{commit, error_code, put, stage};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, reader, writer};

#[tokio::test]
async fn an_upload_is_hidden_from_other_owners() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(1))).await.unwrap();
    let named = Caller { principal: Some("eve".into()), ..writer() };
    let mut elsewhere = writer();
    elsewhere.scope = Scope::below(path("docs"), Rights::ALL);
    for eve in [named, elsewhere] {
        assert_eq!(error_code(server.client.upload_status(&eve, upload.id).await), ErrorCode::NotFound);
        assert_eq!(
            error_code(server.client.put(&eve, upload.id, PutRange::default()).await.map(drop)),
            ErrorCode::NotFound
        );
        assert_eq!(
            error_code(server.client.commit(&Commit { caller: eve.clone(), ..commit(upload.id) }).await),
            ErrorCode::NotFound
        );
        assert_eq!(error_code(server.client.abort(&eve, upload.id).await), ErrorCode::NotFound);
        let joined = Stage { caller: eve.clone(), parts: vec![upload.id], ..stage("x", None) };
        assert_eq!(error_code(server.client.stage(&joined).await), ErrorCode::NotFound);
        assert!(server.client.uploads(&eve).await.unwrap().is_empty());
    }
    assert_eq!(error_code(server.client.upload_status(&reader(), upload.id).await), ErrorCode::Forbidden);
    assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().id, upload.id);
    server.client.abort(&writer(), upload.id).await.unwrap();
    assert_eq!(error_code(server.client.upload_status(&writer(), upload.id).await), ErrorCode::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn create_without_replace_replaces_no_file() {
    let server = TestServer::start().await;
    let creator = Caller { scope: Scope::whole(Rights::ADD), ..Caller::default() };
    let replace = Stage { caller: creator.clone(), conflict: Conflict::Replace, ..stage("hello.txt", Some(0)) };
    assert_eq!(error_code(server.client.stage(&replace).await), ErrorCode::Forbidden);
    let upload = server.client.stage(&Stage { target: Some(path("fresh")), ..replace }).await.unwrap();
    let onto = Commit { caller: creator, target: Some(path("hello.txt")), ..commit(upload.id) };
    assert_eq!(error_code(server.client.commit(&onto).await), ErrorCode::Forbidden);
    assert_eq!(read_file(&server.client, "hello.txt").await.unwrap(), b"hello, world\n");
    assert_eq!(
        error_code(server.client.stage(&Stage { caller: reader(), ..stage("x", None) }).await),
        ErrorCode::Forbidden
    );
    server.stop().await;
}

#[tokio::test]
async fn one_of_two_concurrent_commits_to_a_name_succeeds() {
    let server = TestServer::start().await;
    let first = server.client.stage(&stage("same", Some(1))).await.unwrap();
    let second = server.client.stage(&stage("same", Some(1))).await.unwrap();
    put(&server.client, first.id, 0, b"1").await.unwrap();
    put(&server.client, second.id, 0, b"2").await.unwrap();
    let (first_commit, second_commit) = (commit(first.id), commit(second.id));
    let (one, two) = tokio::join!(server.client.commit(&first_commit), server.client.commit(&second_commit));
    let lost = match (one, two) {
        (Ok(_), Err(error)) => (error, second.id),
        (Err(error), Ok(_)) => (error, first.id),
        both => panic!("{both:?}"),
    };
    assert_eq!(lost.0.code, ErrorCode::AlreadyExists);
    // The bytes are still there, for a COMMIT with another conflict.
    let beside = Commit { conflict: Some(Conflict::KeepBoth), ..commit(lost.1) };
    assert_eq!(server.client.commit(&beside).await.unwrap().entry.unwrap().path, path("same%20%282%29"));
    server.stop().await;
}

#[tokio::test]
async fn conditions_are_checked_against_the_target() {
    let server = TestServer::start().await;
    let client = &server.client;
    let there = client.stat(&reader(), &path("hello.txt")).await.unwrap();
    assert_eq!(error_code(client.stage(&stage("hello.txt", Some(0))).await), ErrorCode::AlreadyExists);
    assert_eq!(error_code(client.stage(&stage("no/where", Some(0))).await), ErrorCode::ParentMissing);
    assert_eq!(error_code(client.stage(&stage("empty/in", Some(0))).await), ErrorCode::NotFolder);
    assert_eq!(error_code(client.stage(&stage(".Passerelle/x", Some(0))).await), ErrorCode::NameReserved);
    let over_folder = Stage { conflict: Conflict::Replace, ..stage("docs", Some(0)) };
    assert_eq!(error_code(client.stage(&over_folder).await), ErrorCode::IsFolder);
    let must = |etags| Stage { if_match: Some(etags), ..stage("hello.txt", Some(0)) };
    assert_eq!(error_code(client.stage(&must(vec![shared::ETag([1; 16])])).await), ErrorCode::PreconditionFailed);
    assert_eq!(
        error_code(client.stage(&Stage { if_match: Some(vec![]), ..stage("x", None) }).await),
        ErrorCode::PreconditionFailed
    );
    let matched = client.stage(&must(vec![there.etag.unwrap()])).await.unwrap();
    let replaced = client.commit(&commit(matched.id)).await.unwrap();
    assert!(replaced.replaced);
    let again = client.stage(&must(vec![replaced.entry.unwrap().etag.unwrap()])).await.unwrap();
    let racer = Stage { conflict: Conflict::Replace, ..stage("hello.txt", Some(0)) };
    let racer = client.stage(&racer).await.unwrap();
    client.commit(&commit(racer.id)).await.unwrap();
    assert_eq!(error_code(client.commit(&commit(again.id)).await), ErrorCode::PreconditionFailed);
    let skip = Stage { conflict: Conflict::Skip, ..stage("hello.txt", Some(0)) };
    let skip = client.stage(&skip).await.unwrap();
    let skipped = client.commit(&commit(skip.id)).await.unwrap();
    assert_eq!((skipped.skipped, skipped.entry), (true, None));
    let deep = Stage { make_parents: true, modified: Some(Timestamp(5)), ..stage("new/folders/file", Some(0)) };
    let deep = client.stage(&deep).await.unwrap();
    assert_eq!(client.commit(&commit(deep.id)).await.unwrap().entry.unwrap().modified, Timestamp(5));
    server.stop().await;
}

#[tokio::test]
async fn a_repeated_commit_is_answered_for_its_target_only() {
    let server = TestServer::start().await;
    let client = &server.client;
    for resumable in [true, false] {
        let name = format!("name-{resumable}");
        let upload = client.stage(&Stage { resumable, ..stage(&name, Some(1)) }).await.unwrap().id;
        put(client, upload, 0, b"1").await.unwrap();
        let first = client.commit(&commit(upload)).await.unwrap();
        assert_eq!(client.commit(&commit(upload)).await.unwrap(), first);
        let at = |target: &str| Commit { target: Some(path(target)), ..commit(upload) };
        assert_eq!(client.commit(&at(&name)).await.unwrap(), first);
        assert_eq!(error_code(client.commit(&at("elsewhere")).await), ErrorCode::KeyReused);
        assert_eq!(error_code(client.stat(&reader(), &path("elsewhere")).await), ErrorCode::NotFound);
        // A COMMIT without a target names that of STAGE.
        let name = format!("other-{resumable}");
        let upload = client.stage(&Stage { resumable, ..stage("unused", Some(1)) }).await.unwrap().id;
        put(client, upload, 0, b"1").await.unwrap();
        let at = Commit { target: Some(path(&name)), conflict: Some(Conflict::KeepBoth), ..commit(upload) };
        let first = client.commit(&at).await.unwrap();
        assert_eq!(client.commit(&at).await.unwrap(), first);
        assert_eq!(error_code(client.commit(&commit(upload)).await), ErrorCode::KeyReused);
    }
    server.stop().await;
}
