//! Whose jobs, uploads and trash a caller sees: the principal owns them, and rights are asked for besides.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, GetItem, PoolConfig, ServerAddress, Stage, Target};
use backend::gateway::{Anonymous, GatewayConfig};
use backend::server::{Database, Listeners, Server, ServerConfig, ServerKey, serve};
use backend::wire::{Key, in_process};
use shared::change::{PathItem, RestoreItem};
use shared::{Algorithm, Change, ErrorCode, JobId, Order, Rights, Scope, VPath};
use tokio_util::sync::CancellationToken;

use super::test_gateway::TestGateway;
use super::test_server::{TestServer, path, small_tree, writer};
use super::uploads::{error_code, stage};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const KEY: JobId = JobId([1; 16]);

fn caller_with(rights: Rights) -> Caller {
    Caller { scope: Scope::whole(rights), ..Caller::default() }
}

fn trash(text: &str) -> Change {
    Change::Trash { items: vec![PathItem { path: path(text), if_etag: None }] }
}

async fn trash_as(client: &Client, caller: &Caller, text: &str) {
    client.change(caller, KEY, trash(text), Duration::from_secs(30)).await.unwrap();
}

/// Two keys of one file server, each with a client.
async fn clients(first: ServerKey, second: ServerKey, keys: [Key; 2]) -> ([Client; 2], CancellationToken) {
    let records = Some(Arc::new(Database::in_memory().unwrap()));
    let server = Server::new(Arc::new(small_tree()), records, [first, second], ServerConfig::default());
    let (connector, in_process) = in_process();
    let shutdown = CancellationToken::new();
    let listeners = Listeners { tcp: None, unix: None, in_process: Some(in_process) };
    tokio::spawn(serve(listeners, server, shutdown.clone()));
    let client = |key| {
        let address = ServerAddress::InProcess(connector.clone());
        Client::new(Target { address, key }, PoolConfig::default())
    };
    (keys.map(client), shutdown)
}

#[tokio::test]
async fn a_reader_sees_neither_trash_nor_jobs_and_cancels_none() {
    let gateway = TestGateway::start().await;
    trash_as(&gateway.server.client, &writer(), "hello.txt").await;
    let job = format!("/api/v1/jobs/{KEY}");
    for address in ["/api/v1/trash", "/api/v1/jobs", &job] {
        gateway.get(address).await.assert_problem(403, "forbidden");
    }
    gateway.send("DELETE", &job, &[], b"").await.assert_problem(403, "forbidden");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_user_of_the_gateway_does_not_see_the_work_of_a_key() {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let gateway = TestGateway::in_front_of(TestServer::start().await.in_process(), config).await;
    trash_as(&gateway.server.client, &writer(), "hello.txt").await;
    let upload = gateway.server.client.stage(&stage("new", Some(1))).await.unwrap();

    let job = format!("/api/v1/jobs/{KEY}");
    gateway.get(&job).await.assert_problem(404, "not_found");
    gateway.send("DELETE", &job, &[], b"").await.assert_problem(404, "not_found");
    assert_eq!(gateway.get("/api/v1/jobs").await.text(), r#"{"jobs":[]}"#);
    gateway.get(&format!("/api/v1/uploads/{}", upload.id)).await.assert_problem(404, "not_found");

    // Its own work belongs to all users of the gateway.
    let change = br#"{"action":"make_folder","paths":["made"]}"#;
    let made: serde_json::Value = gateway.send("POST", "/api/v1/changes", &JSON, change).await.json();
    let listed: serde_json::Value = gateway.get("/api/v1/jobs").await.json();
    assert_eq!(listed["jobs"][0]["id"], made["id"], "{listed}");
    let anybody = Caller { principal: Some("anybody".into()), ..writer() };
    assert_eq!(gateway.server.client.jobs(&anybody).await.unwrap().len(), 1);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn keys_do_not_see_each_others_work() {
    let keys = [Key::generate().unwrap(), Key::generate().unwrap()];
    let [first, second] = keys.clone().map(|key| ServerKey::from((key, Rights::ALL)));
    let ([ada, eve], shutdown) = clients(first, second, keys).await;
    trash_as(&ada, &writer(), "hello.txt").await;
    let upload = ada.stage(&stage("new", Some(1))).await.unwrap();
    assert_eq!(error_code(eve.job(&writer(), KEY, 0, Duration::ZERO).await), ErrorCode::NotFound);
    assert_eq!(error_code(eve.cancel_job(&writer(), KEY).await), ErrorCode::NotFound);
    assert_eq!(error_code(eve.upload_status(&writer(), upload.id).await), ErrorCode::NotFound);
    assert!(eve.jobs(&writer()).await.unwrap().is_empty() && eve.uploads(&writer()).await.unwrap().is_empty());
    assert_eq!(ada.jobs(&writer()).await.unwrap().len(), 1);
    shutdown.cancel();
}

#[tokio::test]
async fn no_request_takes_the_name_of_another_key() {
    let keys = [Key::generate().unwrap(), Key::generate().unwrap()];
    let [local, other] = keys.clone();
    let other_name = format!("k:{}", other.id());
    let ([ada, eve], shutdown) = clients(ServerKey::local(local), (other, Rights::ALL).into(), keys).await;
    trash_as(&ada, &writer(), "hello.txt").await;
    let named = |name: &str| Caller { principal: Some(name.into()), ..writer() };
    assert_eq!(error_code(eve.job(&named("local"), KEY, 0, Duration::ZERO).await), ErrorCode::Forbidden);
    assert_eq!(error_code(ada.jobs(&named(&other_name)).await), ErrorCode::Forbidden);
    assert_eq!(ada.job(&named("local"), KEY, 0, Duration::ZERO).await.unwrap().id, KEY);
    assert!(eve.jobs(&named(&other_name)).await.unwrap().is_empty());
    let (foreign, root, file) = (&named(&other_name), &VPath::root(), &path("hello.txt"));
    let item = GetItem { path: file.clone(), range: None, if_etag: None, if_prefix: None };
    let refused = [
        ada.stat(foreign, root).await.err(),
        ada.list(foreign, root, Order::default(), None, 10).await.err(),
        ada.get(foreign, vec![item]).await.err(),
        ada.walk(foreign, vec![VPath::root()], None).await.err(),
        ada.digest(foreign, file, vec![Algorithm::Blake3], true).await.err(),
        ada.watch(foreign, root, None).await.err(),
        ada.list_trash(foreign, None, 10).await.err(),
        ada.health(foreign, false).await.err(),
        ada.stage(&Stage { caller: foreign.clone(), ..stage("new", Some(1)) }).await.err(),
    ];
    assert_eq!(refused.map(|error| error.map(|error| error.code)), [Some(ErrorCode::Forbidden); 9]);
    assert!(eve.stat(foreign, root).await.is_ok());
    shutdown.cancel();
}

#[tokio::test]
async fn a_job_wants_the_rights_of_its_change() {
    let server = TestServer::start().await;
    trash_as(&server.client, &writer(), "hello.txt").await;
    for rights in [Rights::READ_ONLY, Rights::READ_ONLY.union(Rights::CREATE)] {
        let caller = caller_with(rights);
        assert_eq!(error_code(server.client.job(&caller, KEY, 0, Duration::ZERO).await), ErrorCode::Forbidden);
        assert_eq!(error_code(server.client.cancel_job(&caller, KEY).await), ErrorCode::Forbidden);
    }
    // A list has the jobs whose changes the rights allow.
    assert_eq!(error_code(server.client.jobs(&caller_with(Rights::READ_ONLY)).await), ErrorCode::Forbidden);
    assert!(server.client.jobs(&caller_with(Rights::CREATE)).await.unwrap().is_empty());
    assert_eq!(server.client.jobs(&caller_with(Rights::DELETE)).await.unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_list_of_jobs_has_those_that_the_rights_allow_behind_a_thousand_others() {
    let server = TestServer::start().await;
    trash_as(&server.client, &writer(), "hello.txt").await;
    for number in 2_u128..1_003 {
        let made = Change::MakeFolder { paths: vec![path("made")], existing_ok: true };
        server.client.change(&writer(), JobId(number.to_be_bytes()), made, Duration::from_secs(30)).await.unwrap();
    }
    assert_eq!(server.client.jobs(&writer()).await.unwrap().len(), 1_000);
    let allowed = server.client.jobs(&caller_with(Rights::DELETE)).await.unwrap();
    assert_eq!(allowed.iter().map(|job| job.id).collect::<Vec<_>>(), [KEY]);
    server.stop().await;
}

#[tokio::test]
async fn every_request_wants_a_grant() {
    let server = TestServer::start().await;
    let lost = Caller { scope: Scope::default(), ..writer() };
    assert_eq!(error_code(server.client.health(&lost, false).await), ErrorCode::NotFound);
    assert_eq!(error_code(server.client.stat(&lost, &VPath::root()).await), ErrorCode::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn the_trash_wants_the_rights_to_list_and_to_delete() {
    let server = TestServer::start().await;
    trash_as(&server.client, &writer(), "hello.txt").await;
    let all = server.client.list_trash(&writer(), None, 10).await.unwrap();
    let id = all.items[0].id;
    let restore = Change::Restore { items: vec![RestoreItem { id, to: None }], conflict: shared::Conflict::Fail };
    let purge = Change::Purge { ids: Some(vec![id]) };
    for missing in [Rights::LIST, Rights::DELETE] {
        let rights = [Rights::LIST, Rights::READ, Rights::CREATE, Rights::REPLACE, Rights::DELETE];
        let rights = rights.into_iter().filter(|right| *right != missing).fold(Rights::NONE, Rights::union);
        let caller = caller_with(rights);
        assert_eq!(error_code(server.client.list_trash(&caller, None, 10).await), ErrorCode::Forbidden, "{missing}");
        for change in [restore.clone(), purge.clone()] {
            let refused = server.client.change(&caller, JobId([2; 16]), change, Duration::ZERO).await;
            assert_eq!(error_code(refused), ErrorCode::Forbidden, "{missing}");
        }
    }
    assert_eq!(server.client.list_trash(&writer(), None, 10).await.unwrap().total, Some(1));
    server.stop().await;
}

/// The key of the gateway in `passerelle serve` is new at each start.
#[tokio::test]
async fn work_of_a_gateway_survives_its_key() {
    let records = Arc::new(Database::in_memory().unwrap());
    let storage = Arc::new(small_tree());
    let mut upload = None;
    for _ in 0..2 {
        let key = Key::generate().unwrap();
        let server = Server::new(
            storage.clone(),
            Some(Arc::clone(&records)),
            [ServerKey::gateway(key.clone())],
            ServerConfig::default(),
        );
        let (connector, in_process) = in_process();
        let shutdown = CancellationToken::new();
        let listeners = Listeners { tcp: None, unix: None, in_process: Some(in_process) };
        let task = tokio::spawn(serve(listeners, server, shutdown.clone()));
        let client = Client::new(Target::in_process(connector, key), PoolConfig::default());
        match &upload {
            None => upload = Some(client.stage(&stage("new", Some(1))).await.unwrap()),
            Some(upload) => assert_eq!(client.uploads(&writer()).await.unwrap()[0].id, upload.id),
        }
        shutdown.cancel();
        task.await.unwrap();
    }
}
