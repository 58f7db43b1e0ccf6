//! Requests that work on one upload at the same time.

use futures_util::future::join_all;

use super::fixtures::{UPLOADS, VERSION, create, metadata, part, patch};
use crate::test_gateway::{HttpResponse, TestGateway};

/// How often two requests meet.
const ROUNDS: usize = 30;

async fn join(gateway: &TestGateway, target: String, parts: &[String]) -> HttpResponse {
    let metadata = metadata(&[("path", &target)]);
    let concat = format!("final;{}", parts.join(" "));
    let headers = [VERSION, ("upload-concat", concat.as_str()), ("upload-metadata", metadata.as_str())];
    gateway.send("POST", UPLOADS, &headers, b"").await
}

/// A part belongs to one file, and leaves the count of unfinished uploads once.
#[tokio::test]
async fn parts_that_are_joined_twice_at_once_become_one_file() {
    let gateway = TestGateway::writable().await;
    for round in 0..ROUNDS {
        let parts = [part(&gateway, b"hello").await, part(&gateway, b" world").await];
        let joins = (0..4).map(|number| join(&gateway, format!("joined{round}-{number}"), &parts));
        let answers = join_all(joins).await;
        let created = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = |answer: &&HttpResponse| matches!(answer.status, 404 | 410 | 423);
        assert_eq!((created, answers.iter().filter(refused).count()), (1, 3), "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status == 201) {
            let file = gateway.get(answer.header("content-location").unwrap()).await;
            assert_eq!(file.text(), "hello world");
        }
    }
    // No upload is refused because of a wrong count.
    let address = create(&gateway, "after", 5).await;
    assert_eq!(patch(&gateway, &address, 0, b"after", &[]).await.status, 204);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_part_that_is_terminated_while_it_is_joined_leaves_the_count_once() {
    let gateway = TestGateway::writable().await;
    for round in 0..ROUNDS {
        let parts = [part(&gateway, b"hello").await, part(&gateway, b" world").await];
        let (joined, terminated) = tokio::join!(
            join(&gateway, format!("joined{round}"), &parts),
            gateway.send("DELETE", &parts[round % 2], &[VERSION], b"")
        );
        assert!(matches!(joined.status, 201 | 404 | 410 | 423), "{joined:?}");
        assert!(matches!(terminated.status, 204 | 404 | 410 | 423), "{terminated:?}");
        if joined.status == 201 {
            assert_eq!(gateway.get(&format!("/files/joined{round}")).await.text(), "hello world");
        }
    }
    let address = create(&gateway, "after", 5).await;
    assert_eq!(patch(&gateway, &address, 0, b"after", &[]).await.status, 204);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_part_is_joined_once() {
    let gateway = TestGateway::writable().await;
    let once = part(&gateway, b"hello").await;
    let parts = [once.clone(), once.clone()];
    join(&gateway, "twice".to_owned(), &parts).await.assert_problem(400, "bad_request");
    assert_eq!(join(&gateway, "once".to_owned(), &parts[..1]).await.status, 201);
    let again = join(&gateway, "again".to_owned(), &parts[..1]).await;
    assert!(matches!(again.status, 404 | 410), "{again:?}");
    gateway.assert_healthy_and_stop().await;
}
