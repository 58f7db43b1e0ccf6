//! Changes over HTTP: each action, errors, keys, jobs, the trash, digests.

use serde_json::{Value, json};
use shared::api::changes::{Jobs, Trash};
use shared::api::uploads::FileDigests;
use shared::limits::CHANGE_ITEMS_MAX;
use shared::{Job, JobState, Outcome};

use super::test_gateway::{HttpResponse, TestGateway};

const CHANGES: &str = "/api/v1/changes";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn send_change(gateway: &TestGateway, send_change: &Value) -> HttpResponse {
    gateway.send("POST", CHANGES, &[JSON], send_change.to_string().as_bytes()).await
}

/// Sends a change, and checks that its job has ended by the time of the response.
async fn run_change(gateway: &TestGateway, what: &Value) -> Job {
    let response = send_change(gateway, what).await;
    assert_eq!(response.status, 200, "{response:?}");
    let job: Job = response.json();
    assert_eq!(job.state, JobState::Done, "{job:?}");
    job
}

async fn exists(gateway: &TestGateway, target: &str) -> bool {
    gateway.head(&format!("/api/v1/stat/{target}")).await.status == 200
}

fn entry_path(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { entry: Some(entry), .. } => entry.path.encoded(),
        other => panic!("{other:?}"),
    }
}

mod actions {
    use super::*;

    #[tokio::test]
    async fn make_folder_creates_missing_parents() {
        let gateway = TestGateway::writable().await;
        let job = run_change(&gateway, &json!({"action": "make_folder", "paths": ["new/caf%C3%A9/deep"]})).await;
        assert_eq!(entry_path(&job.outcomes[0]), "new/caf%C3%A9/deep");
        assert!(exists(&gateway, "new/caf%C3%A9/deep").await);
        let again = json!({"action": "make_folder", "paths": ["new"]});
        send_change(&gateway, &again).await.assert_problem(409, "already_exists");
        run_change(&gateway, &json!({"action": "make_folder", "paths": ["new"], "existing_ok": true})).await;
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn move_renames_a_file_and_copy_duplicates_a_folder() {
        let gateway = TestGateway::writable().await;
        let job =
            run_change(&gateway, &json!({"action": "move", "items": [{"from": "hello.txt", "to": "docs/hallo.txt"}]}))
                .await;
        assert_eq!(entry_path(&job.outcomes[0]), "docs/hallo.txt");
        assert!(!exists(&gateway, "hello.txt").await);
        run_change(&gateway, &json!({"action": "copy", "items": [{"from": "docs", "to": "copy"}]})).await;
        assert_eq!(gateway.get("/files/copy/hallo.txt").await.text(), "hello, world\n");
        assert_eq!(gateway.get("/files/copy/deep/er/file.bin").await.body.len(), 300_000);
        let onto = json!({"action": "copy", "items": [{"from": "empty", "to": "copy/hallo.txt"}]});
        send_change(&gateway, &onto).await.assert_problem(409, "already_exists");
        let beside =
            json!({"action": "copy", "items": [{"from": "empty", "to": "copy/hallo.txt"}], "conflict": "keep_both"});
        assert_eq!(entry_path(&run_change(&gateway, &beside).await.outcomes[0]), "copy/hallo%20%282%29.txt");
        let into_itself = json!({"action": "move", "items": [{"from": "docs", "to": "docs/deep/docs"}]});
        send_change(&gateway, &into_itself).await.assert_problem(409, "into_itself");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn restore_returns_trashed_entries_and_delete_is_final() {
        let gateway = TestGateway::writable().await;
        let job =
            run_change(&gateway, &json!({"action": "trash", "items": [{"path": "hello.txt"}, {"path": "docs"}]})).await;
        let Outcome::Done { trash: Some(id), .. } = &job.outcomes[0] else { panic!("{job:?}") };
        let trash: Trash = gateway.get("/api/v1/trash?limit=1").await.json();
        assert_eq!((trash.total, trash.items.len(), trash.next_cursor.is_some()), (2, 1, true));
        let next = format!("/api/v1/trash?limit=1&cursor={}", trash.next_cursor.unwrap());
        let rest: Trash = gateway.get(&next).await.json();
        assert_eq!((rest.items.len(), rest.next_cursor), (1, None));
        run_change(&gateway, &json!({"action": "restore", "items": [{"id": id.to_string()}]})).await;
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
        run_change(&gateway, &json!({"action": "purge"})).await;
        let trash: Trash = gateway.get("/api/v1/trash").await.json();
        assert_eq!((trash.total, trash.items.len()), (0, 0));
        run_change(&gateway, &json!({"action": "delete", "items": [{"path": "hello.txt"}]})).await;
        assert!(!exists(&gateway, "hello.txt").await);
        let trash: Trash = gateway.get("/api/v1/trash").await.json();
        assert_eq!(trash.total, 0);
        gateway.assert_healthy_and_stop().await;
    }

    /// An undo names the validator of its source, so it does not overwrite a later change by another user.
    #[tokio::test]
    async fn if_etag_refuses_a_changed_source() {
        let gateway = TestGateway::writable().await;
        let stale = "00".repeat(16);
        let items = json!([{"from": "hello.txt", "to": "b", "if_etag": stale}]);
        send_change(&gateway, &json!({"action": "move", "items": items})).await.assert_problem(409, "changed");
        let tag = gateway.get("/files/hello.txt").await.header("etag").unwrap().trim_matches('"').to_owned();
        let items = json!([{"from": "hello.txt", "to": "b", "if_etag": tag}]);
        run_change(&gateway, &json!({"action": "move", "items": items})).await;
        gateway.assert_healthy_and_stop().await;
    }
}

mod errors {
    use super::*;

    #[tokio::test]
    async fn a_failed_single_item_is_a_problem_and_many_items_have_outcomes() {
        let gateway = TestGateway::writable().await;
        send_change(&gateway, &json!({"action": "trash", "items": [{"path": "none"}]}))
            .await
            .assert_problem(404, "not_found");
        let job =
            run_change(&gateway, &json!({"action": "trash", "items": [{"path": "none"}, {"path": "empty"}]})).await;
        assert!(matches!(&job.outcomes[0], Outcome::Failed { code: shared::ErrorCode::NotFound, .. }), "{job:?}");
        assert!(matches!(&job.outcomes[1], Outcome::Done { .. }), "{job:?}");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn malformed_changes_are_refused() {
        let gateway = TestGateway::writable().await;
        let post = async |body: &str| gateway.send("POST", CHANGES, &[JSON], body.as_bytes()).await;
        for body in [
            "",
            "[]",
            "{",
            "\u{0}",
            r#"{"action":"format","items":[]}"#,
            r#"{"action":"trash"}"#,
            r#"{"action":"trash","items":[]}"#,
            r#"{"action":"trash","items":[{"path":"../a"}]}"#,
            r#"{"action":"trash","items":[{"path":"a%2fb"}]}"#,
            r#"{"action":"move","items":[{"from":"a"}]}"#,
            r#"{"action":"move","items":[{"from":"a","to":"b"}],"conflict":"win"}"#,
            r#"{"action":"restore","items":[{"id":"short"}]}"#,
        ] {
            post(body).await.assert_problem(400, "bad_request");
        }
        for (levels, status, code) in [(10_000, 400, "bad_request"), (100_000, 413, "too_large")] {
            let nested = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
            post(&nested).await.assert_problem(status, code);
        }
        let trash = r#"{"action":"trash","items":[{"path":"empty"}]}"#.as_bytes();
        for kind in
            [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/x-www-form-urlencoded")]]
        {
            gateway.send("POST", CHANGES, kind, trash).await.assert_problem(415, "unsupported_media_type");
        }
        gateway.send("GET", CHANGES, &[], b"").await.assert_problem(405, "method_not_allowed");
        assert!(exists(&gateway, "empty").await);
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn changes_over_the_limits_are_refused() {
        let gateway = TestGateway::writable().await;
        let many: Vec<_> = (0..=CHANGE_ITEMS_MAX).map(|index| json!({"path": format!("x{index}")})).collect();
        send_change(&gateway, &json!({"action": "trash", "items": many})).await.assert_problem(413, "too_large");
        let long: Vec<_> = (0..500).map(|index| json!({"path": format!("{index}{}", "x".repeat(200))})).collect();
        send_change(&gateway, &json!({"action": "trash", "items": long})).await.assert_problem(413, "too_large");
        let huge = format!("{{\"action\":\"trash\",\"x\":\"{}\"}}", "x".repeat(5 << 20));
        gateway.send("POST", CHANGES, &[JSON], huge.as_bytes()).await.assert_problem(413, "too_large");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn read_only_callers_cannot_change_anything() {
        let gateway = TestGateway::start().await;
        for what in [
            json!({"action": "make_folder", "paths": ["new"]}),
            json!({"action": "trash", "items": [{"path": "empty"}]}),
            json!({"action": "delete", "items": [{"path": "empty"}]}),
            json!({"action": "move", "items": [{"from": "empty", "to": "x"}]}),
            json!({"action": "copy", "items": [{"from": "empty", "to": "x"}]}),
        ] {
            send_change(&gateway, &what).await.assert_problem(403, "forbidden");
        }
        assert!(exists(&gateway, "empty").await);
        gateway.assert_healthy_and_stop().await;
    }
}

mod jobs {
    use super::*;

    #[tokio::test]
    async fn a_repeated_idempotency_key_returns_the_first_job() {
        let gateway = TestGateway::writable().await;
        let ask = async |key: &str, what: &Value| {
            gateway.send("POST", CHANGES, &[JSON, ("idempotency-key", key)], what.to_string().as_bytes()).await
        };
        let key = "1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f";
        let what = json!({"action": "move", "items": [{"from": "hello.txt", "to": "b"}]});
        let first = ask(key, &what).await;
        let second = ask(&format!("\"{}\"", key.replace('-', "")), &what).await;
        assert_eq!((first.status, second.status), (200, 200), "{second:?}");
        assert_eq!(first.header("idempotency-key"), Some(key.replace('-', "").as_str()));
        assert_eq!(first.json::<Job>(), second.json::<Job>());
        let other = json!({"action": "move", "items": [{"from": "empty", "to": "c"}]});
        ask(key, &other).await.assert_problem(422, "key_reused");
        ask("", &other).await.assert_problem(400, "bad_request");
        assert!(exists(&gateway, "empty").await);
        let text = ask("order 66", &other).await;
        assert_eq!((text.status, ask("order 66", &other).await.status), (200, 200));
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn jobs_are_listed_read_and_stopped_by_id() {
        let gateway = TestGateway::writable().await;
        let response = send_change(&gateway, &json!({"action": "make_folder", "paths": ["a"]})).await;
        let key = response.header("idempotency-key").unwrap().to_owned();
        let job: Job = response.json();
        assert_eq!(job.id.to_string(), key);
        let read: Job = gateway.get(&format!("/api/v1/jobs/{key}?seen=0&wait=1000")).await.json();
        assert_eq!(read, job);
        let all: Jobs = gateway.get("/api/v1/jobs").await.json();
        assert_eq!((all.jobs.len(), all.jobs[0].id, all.jobs[0].state), (1, job.id, JobState::Done));
        // DELETE of a job that has ended returns its final state.
        let stopped: Job = gateway.send("DELETE", &format!("/api/v1/jobs/{key}"), &[], b"").await.json();
        assert_eq!(stopped.state, JobState::Done);
        for id in ["0".repeat(32), "x".into(), "..".into()] {
            let response = gateway.get(&format!("/api/v1/jobs/{id}")).await;
            assert_eq!(response.status, 404, "{id}: {response:?}");
        }
        gateway.get(&format!("/api/v1/jobs/{key}?wait=soon")).await.assert_problem(400, "bad_request");
        gateway.assert_healthy_and_stop().await;
    }
}

mod digests {
    use super::*;

    #[tokio::test]
    async fn digest_returns_the_requested_algorithms() {
        let gateway = TestGateway::start().await;
        let digests: FileDigests = gateway.get("/api/v1/digest/hello.txt").await.json();
        let blake3 = blake3::hash(b"hello, world\n");
        assert_eq!(digests.digests.get(shared::Algorithm::Blake3), Some(&blake3.as_bytes()[..]));
        assert_eq!(digests.entry.size, 13);
        let digests: FileDigests = gateway.get("/api/v1/digest/empty?algorithm=crc32&algorithm=sha1").await.json();
        assert_eq!(digests.digests.get(shared::Algorithm::Crc32), Some(&[0, 0, 0, 0][..]));
        assert!(digests.digests.get(shared::Algorithm::Sha1).is_some());
        gateway.get("/api/v1/digest/hello.txt?algorithm=md5").await.assert_problem(400, "bad_request");
        gateway.get("/api/v1/digest/docs").await.assert_problem(409, "is_folder");
        gateway.get("/api/v1/digest/none").await.assert_problem(404, "not_found");
        gateway.get("/api/v1/digest/..%2fx").await.assert_problem(400, "bad_path");
        gateway.assert_healthy_and_stop().await;
    }
}
