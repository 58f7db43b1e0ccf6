//! Keys that are made and removed while the server runs: what a client with one reaches, as whom, and until when.

use std::time::Duration;

use backend::client::{Caller, Client, GetItem, Item, PoolConfig, PutRange, Stage, Target};
use backend::server::ServerKey;
use backend::wire::Key;
use shared::wire::Store;
use shared::{Algorithm, Change, Conflict, ErrorCode, EventKind, Grant, JobId, Order, Outcome, Rights, Scope, VPath};

use super::changes::{key, pair, path_items};
use super::raw_connection::within;
use super::test_server::{TestServer, path, reader, writer};
use super::uploads::{error_code, put, stage, store_request};

fn removable(key: &Key, rights: Rights, folder: &str) -> ServerKey {
    ServerKey::removable(key.clone(), rights, path(folder), false)
}

fn client(server: &TestServer, key: &Key) -> Client {
    Client::new(Target::tcp(server.tcp.to_string(), key.clone()), PoolConfig::default())
}

fn storing(caller: &Caller, target: &str, bytes: &[u8]) -> Store {
    let Store { stage, checksum } = store_request(target, bytes);
    Store { stage: Stage { caller: caller.clone(), ..stage }, checksum }
}

/// A scope that a client with a key may claim: everything, from `base` on.
fn claiming(base: &str) -> Caller {
    let grants = ["", "docs", "docs/deep", "hello.txt"].map(|at| Grant { at: path(at), rights: Rights::ALL });
    Caller { scope: Scope { base: path(base), grants: grants.to_vec() }, ..Caller::default() }
}

#[tokio::test]
async fn a_key_with_a_folder_reaches_nothing_else_whatever_scope_it_sends() {
    let server = TestServer::start().await;
    let secret = Key::generate().unwrap();
    server.server.replace_keys(vec![removable(&secret, Rights::ALL, "docs/deep")]);
    let office = client(&server, &secret);
    let all = claiming("");
    assert!(office.stat(&all, &path("docs/deep/er/file.bin")).await.is_ok());
    assert!(office.store(&storing(&all, "docs/deep/new", b"1"), b"1").await.is_ok());
    // The folders on the way show what leads there.
    let listing = office.list(&all, &path("docs"), Order::default(), None, 10).await.unwrap();
    assert_eq!(listing.entries.iter().map(|entry| entry.path.encoded()).collect::<Vec<_>>(), ["docs/deep"]);

    for (file, code) in [("hello.txt", ErrorCode::NotFound), ("docs/a%20b.txt", ErrorCode::NotFound)] {
        let (file, root) = (path(file), VPath::root());
        let item = GetItem { path: file.clone(), range: None, if_etag: None, if_prefix: None };
        let mut transfer = office.get(&all, vec![item]).await.unwrap();
        let item = transfer.next_item().await.unwrap();
        assert!(matches!(&item, Some(Item::Refused(failure)) if failure.code == code), "{file} {item:?}");
        while transfer.next_item().await.unwrap().is_some() {}
        let walked = match office.walk(&all, vec![file.clone()], None).await {
            Ok(mut walk) => walk.next_page().await,
            Err(error) => Err(error),
        };
        let refused = [
            office.stat(&all, &file).await.err(),
            office.list(&all, &file, Order::default(), None, 10).await.err(),
            walked.err(),
            office.watch(&all, &file, None).await.err(),
            office.stage(&Stage { caller: all.clone(), ..stage(&file.encoded(), Some(1)) }).await.err(),
            office.store(&storing(&all, &file.encoded(), b"1"), b"1").await.err(),
        ];
        assert_eq!(refused.map(|error| error.map(|error| error.code)), [Some(code); 6], "{file}");
        assert!(office.digest(&all, &file, vec![Algorithm::Blake3], true).await.is_err());
        let changes = [
            Change::Copy { items: vec![pair(&file.encoded(), "docs/deep/got")], conflict: Conflict::Fail },
            Change::Move { items: vec![pair("docs/deep/new", &file.encoded())], conflict: Conflict::Replace },
            Change::Trash { items: path_items(&[&file.encoded()]) },
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let id = JobId([u8::try_from(number).unwrap() + file.as_bytes()[0]; 16]);
            let job = office.change(&all, id, change, Duration::from_secs(30)).await.unwrap();
            assert!(matches!(job.outcomes[..], [Outcome::Failed { code: found, .. }] if found == code), "{job:?}");
        }
        assert!(
            server.client.stat(&reader(), &file).await.is_ok() && server.client.stat(&reader(), &root).await.is_ok()
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_base_elsewhere_does_not_tell_whether_it_exists() {
    let server = TestServer::start().await;
    let secret = Key::generate().unwrap();
    server.server.replace_keys(vec![removable(&secret, Rights::ALL, "docs/deep")]);
    let office = client(&server, &secret);
    let mut codes = Vec::new();
    for base in ["docs/nothing", "docs/missing", "hello.txt", "missing"] {
        let caller = claiming(base);
        let staged = office.stage(&Stage { caller: caller.clone(), ..stage("new", Some(1)) }).await;
        let stored = office.store(&storing(&caller, "new", b"1"), b"1").await;
        let made = Change::MakeFolder { paths: vec![path("new")], existing_ok: false };
        let id = JobId([base.len() as u8; 16]);
        let made = office.change(&caller, id, made, Duration::from_secs(30)).await;
        let looked = office.stat(&caller, &path("a")).await;
        codes.push([error_code(staged), error_code(stored), error_code(looked), error_code(made)]);
    }
    let refused = [ErrorCode::Forbidden, ErrorCode::Forbidden, ErrorCode::NotFound, ErrorCode::Forbidden];
    assert_eq!(codes, [refused; 4]);
    server.stop().await;
}

#[tokio::test]
async fn rights_of_a_key_bound_every_scope() {
    let server = TestServer::start().await;
    let secret = Key::generate().unwrap();
    server.server.replace_keys(vec![removable(&secret, Rights::READ_ONLY, "docs")]);
    let office = client(&server, &secret);
    assert!(office.stat(&claiming("docs"), &path("a%20b.txt")).await.is_ok());
    let refused = office.store(&storing(&claiming("docs"), "new", b"1"), b"1").await;
    assert_eq!(error_code(refused), ErrorCode::Forbidden);
    server.stop().await;
}

#[tokio::test]
async fn work_over_a_key_belongs_to_the_key_whatever_principal_it_names() {
    let server = TestServer::start().await;
    let [secret, of_gateway] = [Key::generate().unwrap(), Key::generate().unwrap()];
    let gateway = ServerKey::removable(of_gateway.clone(), Rights::ALL, VPath::root(), true);
    server.server.replace_keys(vec![removable(&secret, Rights::ALL, ""), gateway]);
    let [office, gateway] = [&secret, &of_gateway].map(|key| client(&server, key));
    let ada = Caller { principal: Some("u:ada".into()), ..writer() };
    let upload = gateway.stage(&Stage { caller: ada.clone(), ..stage("new", Some(1)) }).await.unwrap();
    assert!(gateway.upload_status(&ada, upload.id).await.is_ok());
    assert_eq!(error_code(office.upload_status(&ada, upload.id).await), ErrorCode::NotFound);
    assert_eq!(error_code(office.abort(&ada, upload.id).await), ErrorCode::NotFound);
    assert!(office.uploads(&ada).await.unwrap().is_empty());
    let own = office.stage(&Stage { caller: ada.clone(), ..stage("own", Some(1)) }).await.unwrap();
    assert_eq!(office.upload_status(&writer(), own.id).await.unwrap().id, own.id);
    assert_eq!(error_code(gateway.upload_status(&ada, own.id).await), ErrorCode::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn the_connections_of_a_removed_key_end_and_those_of_others_go_on() {
    let server = TestServer::start().await;
    let [first, second] = [Key::generate().unwrap(), Key::generate().unwrap()];
    let both = || vec![removable(&first, Rights::ALL, ""), removable(&second, Rights::ALL, "")];
    server.server.replace_keys(both());
    let [removed, other] = [&first, &second].map(|key| client(&server, key));
    let root = VPath::root();
    let mut watched = removed.watch(&writer(), &root, None).await.unwrap();
    assert_eq!(within(watched.next()).await.unwrap().kind, EventKind::Ready);
    let mut others = other.watch(&writer(), &root, None).await.unwrap();
    assert_eq!(within(others.next()).await.unwrap().kind, EventKind::Ready);
    let upload = removed.stage(&stage("new", Some(2))).await.unwrap();
    put(&removed, upload.id, 0, b"1").await.unwrap();

    // The same keys again end nothing.
    server.server.replace_keys(both());
    assert!(removed.stat(&writer(), &root).await.is_ok());

    server.server.replace_keys(vec![removable(&second, Rights::ALL, "")]);
    assert_eq!(within(watched.next()).await.unwrap_err().code, ErrorCode::BadProof);
    assert_eq!(error_code(within(removed.stat(&writer(), &root)).await), ErrorCode::BadProof);
    assert!(other.store(&storing(&writer(), "seen", b"1"), b"1").await.is_ok());
    assert!(matches!(within(others.next()).await.unwrap().kind, EventKind::Present { .. }));
    server.stop().await;
}

#[tokio::test]
async fn an_upload_over_a_removed_key_ends_and_keeps_what_has_arrived() {
    let server = TestServer::start().await;
    let secret = Key::generate().unwrap();
    server.server.replace_keys(vec![removable(&secret, Rights::ALL, "")]);
    let office = client(&server, &secret);
    let upload = office.stage(&stage("new", Some(100))).await.unwrap();
    let range = PutRange { offset: 0, length: Some(100), ..Default::default() };
    let mut sending = office.put(&writer(), upload.id, range).await.unwrap();
    sending.send(bytes::Bytes::from_static(b"12345")).await.unwrap();
    server.server.replace_keys(Vec::new());
    assert_eq!(within(sending.ended()).await.code, ErrorCode::BadProof);
    server.server.replace_keys(vec![removable(&secret, Rights::ALL, "")]);
    assert!(office.upload_status(&writer(), upload.id).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn the_connections_of_a_key_that_has_changed_end() {
    let server = TestServer::start().await;
    let secret = Key::generate().unwrap();
    server.server.replace_keys(vec![removable(&secret, Rights::ALL, "")]);
    let office = client(&server, &secret);
    let mut watched = office.watch(&writer(), &VPath::root(), None).await.unwrap();
    assert_eq!(within(watched.next()).await.unwrap().kind, EventKind::Ready);
    server.server.replace_keys(vec![removable(&secret, Rights::READ_ONLY, "docs")]);
    assert_eq!(within(watched.next()).await.unwrap_err().code, ErrorCode::BadProof);
    assert_eq!(error_code(office.stat(&writer(), &path("hello.txt")).await), ErrorCode::NotFound);
    assert!(office.stat(&writer(), &path("docs/a%20b.txt")).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_removable_key_does_not_replace_one_that_lasts() {
    let server = TestServer::start().await;
    let id = server.key.id();
    let same_id: Key = format!("passerelle-key-1 {id} {}", "7".repeat(64)).parse().unwrap();
    server.server.replace_keys(vec![removable(&same_id, Rights::ALL, "")]);
    assert_eq!(error_code(client(&server, &same_id).stat(&writer(), &VPath::root()).await), ErrorCode::BadProof);
    server.server.replace_keys(Vec::new());
    let made = Change::MakeFolder { paths: vec![path("made")], existing_ok: false };
    assert!(server.client.change(&writer(), key(1), made, Duration::from_secs(30)).await.is_ok());
    server.stop().await;
}
