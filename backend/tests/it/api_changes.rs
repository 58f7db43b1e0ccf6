//! Changes over HTTP: each action, errors, keys, jobs, the trash, digests.

use serde_json::{Value, json};
use shared::api::changes::{Jobs, Trash};
use shared::api::uploads::FileDigests;
use shared::limits::CHANGE_ITEMS_MAX;
use shared::{Job, JobState, Outcome};

use super::web::{Answer, Web};

const CHANGES: &str = "/api/v1/changes";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn change(web: &Web, change: &Value) -> Answer {
    web.send("POST", CHANGES, &[JSON], change.to_string().as_bytes()).await
}

/// A change that is done by the time of the answer.
async fn done(web: &Web, what: &Value) -> Job {
    let answer = change(web, what).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let job: Job = answer.json();
    assert_eq!(job.state, JobState::Done, "{job:?}");
    job
}

async fn exists(web: &Web, target: &str) -> bool {
    web.head(&format!("/api/v1/stat/{target}")).await.status == 200
}

fn entry(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { entry: Some(entry), .. } => entry.path.encoded(),
        other => panic!("{other:?}"),
    }
}

mod actions {
    use super::*;

    #[tokio::test]
    async fn a_folder_is_made_with_those_on_the_way() {
        let web = Web::writable().await;
        let job = done(&web, &json!({"action": "make_folder", "paths": ["new/caf%C3%A9/deep"]})).await;
        assert_eq!(entry(&job.outcomes[0]), "new/caf%C3%A9/deep");
        assert!(exists(&web, "new/caf%C3%A9/deep").await);
        let again = json!({"action": "make_folder", "paths": ["new"]});
        change(&web, &again).await.refused(409, "already_exists");
        done(&web, &json!({"action": "make_folder", "paths": ["new"], "existing_ok": true})).await;
        web.unharmed().await;
    }

    #[tokio::test]
    async fn a_file_is_renamed_and_copied() {
        let web = Web::writable().await;
        let job =
            done(&web, &json!({"action": "move", "items": [{"from": "hello.txt", "to": "docs/hallo.txt"}]})).await;
        assert_eq!(entry(&job.outcomes[0]), "docs/hallo.txt");
        assert!(!exists(&web, "hello.txt").await);
        done(&web, &json!({"action": "copy", "items": [{"from": "docs", "to": "copy"}]})).await;
        assert_eq!(web.get("/files/copy/hallo.txt").await.text(), "hello, world\n");
        assert_eq!(web.get("/files/copy/deep/er/file.bin").await.body.len(), 300_000);
        let onto = json!({"action": "copy", "items": [{"from": "empty", "to": "copy/hallo.txt"}]});
        change(&web, &onto).await.refused(409, "already_exists");
        let beside =
            json!({"action": "copy", "items": [{"from": "empty", "to": "copy/hallo.txt"}], "conflict": "keep_both"});
        assert_eq!(entry(&done(&web, &beside).await.outcomes[0]), "copy/hallo%20%282%29.txt");
        let into_itself = json!({"action": "move", "items": [{"from": "docs", "to": "docs/deep/docs"}]});
        change(&web, &into_itself).await.refused(409, "into_itself");
        web.unharmed().await;
    }

    #[tokio::test]
    async fn what_is_trashed_comes_back_and_what_is_deleted_does_not() {
        let web = Web::writable().await;
        let job = done(&web, &json!({"action": "trash", "items": [{"path": "hello.txt"}, {"path": "docs"}]})).await;
        let Outcome::Done { trash: Some(id), .. } = &job.outcomes[0] else { panic!("{job:?}") };
        let trash: Trash = web.get("/api/v1/trash?limit=1").await.json();
        assert_eq!((trash.total, trash.items.len(), trash.next_cursor.is_some()), (2, 1, true));
        let next = format!("/api/v1/trash?limit=1&cursor={}", trash.next_cursor.unwrap());
        let rest: Trash = web.get(&next).await.json();
        assert_eq!((rest.items.len(), rest.next_cursor), (1, None));
        done(&web, &json!({"action": "restore", "items": [{"id": id.to_string()}]})).await;
        assert_eq!(web.get("/files/hello.txt").await.text(), "hello, world\n");
        done(&web, &json!({"action": "purge"})).await;
        let trash: Trash = web.get("/api/v1/trash").await.json();
        assert_eq!((trash.total, trash.items.len()), (0, 0));
        done(&web, &json!({"action": "delete", "items": [{"path": "hello.txt"}]})).await;
        assert!(!exists(&web, "hello.txt").await);
        let trash: Trash = web.get("/api/v1/trash").await.json();
        assert_eq!(trash.total, 0);
        web.unharmed().await;
    }

    /// Undo is conditional: a change that another user made meanwhile stays.
    #[tokio::test]
    async fn a_condition_on_the_source_holds() {
        let web = Web::writable().await;
        let stale = "00".repeat(16);
        let items = json!([{"from": "hello.txt", "to": "b", "if_etag": stale}]);
        change(&web, &json!({"action": "move", "items": items})).await.refused(409, "changed");
        let tag = web.get("/files/hello.txt").await.header("etag").unwrap().trim_matches('"').to_owned();
        let items = json!([{"from": "hello.txt", "to": "b", "if_etag": tag}]);
        done(&web, &json!({"action": "move", "items": items})).await;
        web.unharmed().await;
    }
}

mod telling {
    use super::*;

    #[tokio::test]
    async fn of_one_item_its_problem_and_of_many_each_outcome() {
        let web = Web::writable().await;
        change(&web, &json!({"action": "trash", "items": [{"path": "none"}]})).await.refused(404, "not_found");
        let job = done(&web, &json!({"action": "trash", "items": [{"path": "none"}, {"path": "empty"}]})).await;
        assert!(matches!(&job.outcomes[0], Outcome::Failed { code: shared::ErrorCode::NotFound, .. }), "{job:?}");
        assert!(matches!(&job.outcomes[1], Outcome::Done { .. }), "{job:?}");
        web.unharmed().await;
    }

    #[tokio::test]
    async fn what_is_malformed_is_refused_with_a_reason() {
        let web = Web::writable().await;
        let post = async |body: &str| web.send("POST", CHANGES, &[JSON], body.as_bytes()).await;
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
            post(body).await.refused(400, "bad_request");
        }
        let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        post(&nested).await.refused(400, "bad_request");
        let trash = r#"{"action":"trash","items":[{"path":"empty"}]}"#.as_bytes();
        for kind in
            [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/x-www-form-urlencoded")]]
        {
            web.send("POST", CHANGES, kind, trash).await.refused(415, "unsupported_media_type");
        }
        web.send("GET", CHANGES, &[], b"").await.refused(405, "method_not_allowed");
        assert!(exists(&web, "empty").await);
        web.unharmed().await;
    }

    #[tokio::test]
    async fn too_much_at_once_is_refused() {
        let web = Web::writable().await;
        let many: Vec<_> = (0..=CHANGE_ITEMS_MAX).map(|index| json!({"path": format!("x{index}")})).collect();
        change(&web, &json!({"action": "trash", "items": many})).await.refused(413, "too_large");
        let long: Vec<_> = (0..500).map(|index| json!({"path": format!("{index}{}", "x".repeat(200))})).collect();
        change(&web, &json!({"action": "trash", "items": long})).await.refused(413, "too_large");
        let huge = format!("{{\"action\":\"trash\",\"x\":\"{}\"}}", "x".repeat(5 << 20));
        web.send("POST", CHANGES, &[JSON], huge.as_bytes()).await.refused(413, "too_large");
        web.unharmed().await;
    }

    #[tokio::test]
    async fn who_may_only_read_changes_nothing() {
        let web = Web::start().await;
        for what in [
            json!({"action": "make_folder", "paths": ["new"]}),
            json!({"action": "trash", "items": [{"path": "empty"}]}),
            json!({"action": "delete", "items": [{"path": "empty"}]}),
            json!({"action": "move", "items": [{"from": "empty", "to": "x"}]}),
            json!({"action": "copy", "items": [{"from": "empty", "to": "x"}]}),
        ] {
            change(&web, &what).await.refused(403, "forbidden");
        }
        assert!(exists(&web, "empty").await);
        web.unharmed().await;
    }
}

mod jobs {
    use super::*;

    #[tokio::test]
    async fn a_key_makes_a_change_once() {
        let web = Web::writable().await;
        let ask = async |key: &str, what: &Value| {
            web.send("POST", CHANGES, &[JSON, ("idempotency-key", key)], what.to_string().as_bytes()).await
        };
        let key = "1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f";
        let what = json!({"action": "move", "items": [{"from": "hello.txt", "to": "b"}]});
        let first = ask(key, &what).await;
        let second = ask(&format!("\"{}\"", key.replace('-', "")), &what).await;
        assert_eq!((first.status, second.status), (200, 200), "{second:?}");
        assert_eq!(first.header("idempotency-key"), Some(key.replace('-', "").as_str()));
        assert_eq!(first.json::<Job>(), second.json::<Job>());
        let other = json!({"action": "move", "items": [{"from": "empty", "to": "c"}]});
        ask(key, &other).await.refused(422, "key_reused");
        ask("", &other).await.refused(400, "bad_request");
        assert!(exists(&web, "empty").await);
        let text = ask("order 66", &other).await;
        assert_eq!((text.status, ask("order 66", &other).await.status), (200, 200));
        web.unharmed().await;
    }

    #[tokio::test]
    async fn a_change_is_asked_after() {
        let web = Web::writable().await;
        let answer = change(&web, &json!({"action": "make_folder", "paths": ["a"]})).await;
        let key = answer.header("idempotency-key").unwrap().to_owned();
        let job: Job = answer.json();
        assert_eq!(job.id.to_string(), key);
        let read: Job = web.get(&format!("/api/v1/jobs/{key}?seen=0&wait=1000")).await.json();
        assert_eq!(read, job);
        let all: Jobs = web.get("/api/v1/jobs").await.json();
        assert_eq!((all.jobs.len(), all.jobs[0].id, all.jobs[0].state), (1, job.id, JobState::Done));
        // What is done cannot be stopped any more; the answer says that it is done.
        let stopped: Job = web.send("DELETE", &format!("/api/v1/jobs/{key}"), &[], b"").await.json();
        assert_eq!(stopped.state, JobState::Done);
        for id in ["0".repeat(32), "x".into(), "..".into()] {
            let answer = web.get(&format!("/api/v1/jobs/{id}")).await;
            assert_eq!(answer.status, 404, "{id}: {answer:?}");
        }
        web.get(&format!("/api/v1/jobs/{key}?wait=soon")).await.refused(400, "bad_request");
        web.unharmed().await;
    }
}

mod digests {
    use super::*;

    #[tokio::test]
    async fn a_file_comes_to_its_digests() {
        let web = Web::start().await;
        let digests: FileDigests = web.get("/api/v1/digest/hello.txt").await.json();
        let blake3 = blake3::hash(b"hello, world\n");
        assert_eq!(digests.digests.get(shared::Algorithm::Blake3), Some(&blake3.as_bytes()[..]));
        assert_eq!(digests.entry.size, 13);
        let digests: FileDigests = web.get("/api/v1/digest/empty?algorithm=crc32&algorithm=sha1").await.json();
        assert_eq!(digests.digests.get(shared::Algorithm::Crc32), Some(&[0, 0, 0, 0][..]));
        assert!(digests.digests.get(shared::Algorithm::Sha1).is_some());
        web.get("/api/v1/digest/hello.txt?algorithm=md5").await.refused(400, "bad_request");
        web.get("/api/v1/digest/docs").await.refused(409, "is_folder");
        web.get("/api/v1/digest/none").await.refused(404, "not_found");
        web.get("/api/v1/digest/..%2fx").await.refused(400, "bad_path");
        web.unharmed().await;
    }
}
