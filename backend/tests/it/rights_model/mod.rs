//! Random worlds on a file server over a tree in memory and on a naive model of it: who may do what, which names and
//! which bytes come out, and what is in the tree and in the trash afterwards. `PASSERELLE_WORLDS` is the number of
//! worlds, and `PASSERELLE_SEED` (64 hexadecimal digits) repeats the worlds of a run, which prints its seed.

mod model;
mod world;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, ClientError, Commit, GetItem, Item, PutRange, Stage, Store, Upload};
use backend::storage::memory::MemoryStorage;
use backend::storage::{Storage, TrashQuery, Visit};
use bytes::Bytes;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::{
    Algorithm, Change, Entry, ErrorCode, Grant, JobId, Link, Order, Outcome, Rights, Scope, TrashId, VPath, hex,
};
use tokio::runtime::Runtime;

use self::model::{Answer, Model, No, Node, join};
use self::world::{Ask, World, world};
use super::reading::read_item;
use super::test_server::TestServer;

/// Worlds of a run that names no other number.
const WORLDS: u32 = 200;

#[test]
fn the_server_does_what_the_model_says() {
    let worlds = env::var("PASSERELLE_WORLDS").map_or(WORLDS, |number| number.parse().unwrap());
    let seed = match env::var("PASSERELLE_SEED") {
        Ok(text) => hex::decode(text.as_bytes()).unwrap().try_into().unwrap(),
        Err(_) => rand_seed(),
    };
    println!("PASSERELLE_SEED={} PASSERELLE_WORLDS={worlds}", hex::encode(&seed));
    let config = Config { cases: worlds, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let runtime = Runtime::new().unwrap();
    let result = runner.run(&world(), |world| runtime.block_on(check(&world)));
    if let Err(failure) = result {
        panic!("seed {}: {failure}", hex::encode(&seed));
    }
}

fn rand_seed() -> [u8; 32] {
    *blake3::hash(format!("{:?}", std::time::SystemTime::now()).as_bytes()).as_bytes()
}

fn vpath(path: &str) -> VPath {
    VPath::from_bytes(path.as_bytes()).unwrap()
}

fn text(path: &VPath) -> String {
    String::from_utf8(path.as_bytes().to_vec()).unwrap()
}

fn rights(bits: u32) -> Rights {
    let all = [Rights::LIST, Rights::READ, Rights::CREATE, Rights::REPLACE, Rights::DELETE];
    let held = all.into_iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    held.fold(Rights::NONE, |rights, (_, right)| rights.union(right))
}

fn no(code: ErrorCode) -> No {
    match code {
        ErrorCode::NotFound => No::Hidden,
        ErrorCode::Forbidden => No::Forbidden,
        _ => No::Fault,
    }
}

fn answer<T>(result: Result<T, ClientError>) -> Answer<T> {
    result.map_err(|error| no(error.code))
}

/// An entry as the model shows it.
fn shown(entry: &Entry) -> String {
    let link = match entry.link {
        Some(Link::Inside(_)) => "link ",
        Some(_) => return "link ".into(),
        None => "",
    };
    if entry.is_folder() {
        let bare = if entry.etag.is_none() { "bare " } else { "" };
        return format!("{bare}{link}folder");
    }
    format!("{link}file {}", entry.size)
}

struct Run {
    model: Model,
    storage: MemoryStorage,
    client: Client,
    caller: Caller,
    number: u128,
}

async fn check(world: &World) -> Result<(), TestCaseError> {
    let model = world.model();
    let storage = MemoryStorage::new();
    for (path, node) in &model.nodes {
        match node {
            Node::Folder => storage.add_folder(path).unwrap(),
            Node::File(content) => storage.add_file(path, content.clone()).unwrap(),
            Node::Link(target) => storage.add_link(path, target).unwrap(),
        };
    }
    let server = TestServer::with_storage(Arc::new(storage.clone())).await.in_process();
    let grants = model.grants.iter().map(|(at, bits)| Grant { at: vpath(at), rights: rights(*bits) }).collect();
    let scope = Scope { base: vpath(&model.base), grants };
    let caller = Caller { scope, ..Caller::default() };
    let mut run = Run { model, storage, client: server.client.clone(), caller, number: 0 };
    for ask in &world.asks {
        if run.model.anywhere() == 0 {
            break;
        }
        run.number += 1;
        run.ask(ask).await?;
        same(ask, "the tree", &run.tree(), &tree_of(&run.model))?;
        same(ask, "the trash", &run.trash(), &run.trash_of_model())?;
    }
    server.stop().await;
    Ok(())
}

fn same<T: PartialEq + Debug>(ask: &Ask, what: &str, server: &T, model: &T) -> Result<(), TestCaseError> {
    if server == model {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{ask:?}: {what}\nserver: {server:?}\nmodel:  {model:?}")))
}

fn tree_of(model: &Model) -> BTreeMap<String, Vec<u8>> {
    let content = |node: &Node| match node {
        Node::Folder => b"folder".to_vec(),
        Node::File(content) => [b"file ", &content[..]].concat(),
        Node::Link(_) => b"link".to_vec(),
    };
    model.nodes.iter().map(|(path, node)| (path.clone(), content(node))).collect()
}

impl Run {
    /// A path of the request, and the same in the storage.
    fn at(&self, asked: &str) -> (VPath, String) {
        (vpath(asked), join(&self.model.base, asked))
    }

    async fn ask(&mut self, ask: &Ask) -> Result<(), TestCaseError> {
        let (client, caller) = (self.client.clone(), self.caller.clone());
        let client = &client;
        match ask {
            Ask::List(asked) => {
                let (path, full) = self.at(asked);
                let listing = client.list(&caller, &path, Order::default(), None, 100).await;
                let name = |entry: &Entry| String::from_utf8(entry.path.name().to_vec()).unwrap();
                let listed = answer(listing).map(|listing| {
                    listing.entries.iter().map(|entry| (name(entry), shown(entry))).collect::<BTreeMap<_, _>>()
                });
                same(ask, "the names", &listed, &self.model.list(&full))
            }
            Ask::Stat(asked) => {
                let (path, full) = self.at(asked);
                let stat = answer(client.stat(&caller, &path).await).map(|entry| shown(&entry));
                same(ask, "the entry", &stat, &self.model.stat(&full))
            }
            Ask::Read(asked) => {
                let (path, full) = self.at(asked);
                let read = read(client, &caller, path).await;
                same(ask, "the bytes", &read, &self.model.read(&full))
            }
            Ask::Digest(asked) => {
                let (path, full) = self.at(asked);
                let digests = client.digest(&caller, &path, vec![Algorithm::Blake3], false).await;
                let digest =
                    answer(digests).map(|known| known.digests.get(Algorithm::Blake3).unwrap_or_default().to_vec());
                let expected = self.model.read(&full).map(|content| blake3::hash(&content).as_bytes().to_vec());
                same(ask, "the digest", &digest, &expected)
            }
            Ask::Walk(asked) => {
                let (path, full) = self.at(asked);
                let walked = walk(client, &caller, path).await;
                let walked = walked.map(|found| {
                    found.into_iter().map(|(path, shown)| (join(&self.model.base, &path), shown)).collect()
                });
                same(ask, "the walk", &walked, &self.model.walk_tree(&full))
            }
            Ask::Watch(asked) => {
                let (path, full) = self.at(asked);
                let watched = match client.watch(&caller, &path, None).await {
                    Ok(mut watcher) => answer(watcher.next().await).map(drop),
                    Err(error) => Err(no(error.code)),
                };
                same(ask, "the watch", &watched, &self.model.watch(&full))
            }
            Ask::Store(asked, conflict, make) | Ask::Upload(asked, conflict, make) => {
                let (path, full) = self.at(asked);
                let content = format!("content {}", self.number).into_bytes();
                let stage = Stage {
                    caller: caller.clone(),
                    target: Some(path.clone()),
                    length: Some(content.len() as u64),
                    conflict: rule(*conflict),
                    make_parents: *make,
                    ..Stage::default()
                };
                let sent = match ask {
                    Ask::Store(..) => client.store(&Store { stage, checksum: None }, &content).await,
                    _ => upload(client, stage, &content).await,
                };
                let expected = self.model.upload(&full, &content, *conflict, *make);
                if self.model.rights(&full) & (model::CREATE | model::LIST) == model::CREATE
                    && let Ok(Upload { entry: Some(entry), replaced, trash, similar, .. }) = &sent
                {
                    let tells = (entry.etag.is_some(), *replaced, trash.is_some(), similar.is_some());
                    same(ask, "what a drop box tells", &tells, &(false, false, false, false))?;
                }
                let sent = answer(sent).map(|upload| upload.entry.map(|entry| text(&entry.path)));
                let expected = expected
                    .map(|path| path.map(|path| path[self.model.base.len()..].trim_start_matches('/').to_owned()));
                same(ask, "the upload", &sent, &expected)
            }
            Ask::MakeFolder(asked) => {
                let (path, full) = self.at(asked);
                let made = self.change(Change::MakeFolder { paths: vec![path], existing_ok: false }).await;
                let expected = self.model.make_folder(&full);
                same(ask, "the change", &made, &expected)
            }
            Ask::Trash(asked) | Ask::Delete(asked) => {
                let (path, full) = self.at(asked);
                let keep = matches!(ask, Ask::Trash(_));
                let items = vec![PathItem { path, if_etag: None }];
                let removed = self.change(if keep { Change::Trash { items } } else { Change::Delete { items } }).await;
                let expected = self.model.remove(&full, keep);
                same(ask, "the change", &removed, &expected)
            }
            Ask::Move(from, to, conflict) | Ask::Copy(from, to, conflict) => {
                let ((from, full_from), (to, full_to)) = (self.at(from), self.at(to));
                let moves = matches!(ask, Ask::Move(..));
                let mut after = self.model.clone();
                let Some(expected) = after.transfer(&full_from, &full_to, *conflict, moves) else { return Ok(()) };
                let (items, conflict) = (vec![PathPair { from, to, if_etag: None }], rule(*conflict));
                let change = if moves { Change::Move { items, conflict } } else { Change::Copy { items, conflict } };
                let moved = self.change(change).await;
                self.model = after;
                same(ask, "the change", &moved, &expected)
            }
            Ask::ListTrash => {
                let listed = answer(client.list_trash(&caller, None, 100).await).map(|page| {
                    let mut paths: Vec<_> = page.items.iter().map(|item| text(&item.entry.path)).collect();
                    paths.sort();
                    paths
                });
                same(ask, "the trash that is seen", &listed, &self.model.list_trash())
            }
            Ask::Restore(number, to) => {
                let Some((index, id)) = self.chosen(*number) else { return Ok(()) };
                let to = to.as_ref().map(|to| self.at(to));
                let items = vec![RestoreItem { id, to: to.as_ref().map(|(to, _)| to.clone()) }];
                let restored = self.change(Change::Restore { items, conflict: shared::Conflict::Fail }).await;
                let expected = self.model.restore(index, to.as_ref().map(|(_, full)| &**full));
                same(ask, "the change", &restored, &expected)
            }
            Ask::Purge(number) => {
                let Some((index, id)) = self.chosen(*number) else { return Ok(()) };
                let purged = self.change(Change::Purge { ids: Some(vec![id]) }).await;
                let expected = self.model.purge(index);
                same(ask, "the change", &purged, &expected)
            }
        }
    }

    /// An item of the trash whose path no other one has.
    fn chosen(&self, number: usize) -> Option<(usize, TrashId)> {
        let index = number.checked_rem(self.model.trash.len())?;
        let path = &self.model.trash[index].path;
        let items = self.storage.list_trash(&TrashQuery::default()).unwrap().items;
        let mut found = items.iter().filter(|item| text(&item.entry.path) == *path);
        let id = found.next()?.id;
        found.next().is_none().then_some((index, id))
    }

    async fn change(&self, change: Change) -> Answer<()> {
        let id = JobId(self.number.to_be_bytes());
        let job = answer(self.client.change(&self.caller, id, change, Duration::from_secs(30)).await)?;
        match &job.outcomes[0] {
            Outcome::Failed { code, .. } => Err(no(*code)),
            _ => Ok(()),
        }
    }

    fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        let (mut found, mut folders) = (BTreeMap::new(), vec![VPath::root()]);
        while let Some(folder) = folders.pop() {
            let mut entries = Vec::new();
            self.storage
                .list(&folder, &mut |entry| {
                    entries.push(entry);
                    Visit::Continue
                })
                .unwrap();
            for entry in entries {
                let content = if entry.link.is_some() {
                    b"link".to_vec()
                } else if entry.is_folder() {
                    folders.push(entry.path.clone());
                    b"folder".to_vec()
                } else {
                    let mut content = vec![0; entry.size as usize];
                    let length = self.storage.open(&entry.path).unwrap().read_at(&mut content, 0).unwrap();
                    content.truncate(length);
                    [b"file ", &content[..]].concat()
                };
                found.insert(text(&entry.path), content);
            }
        }
        found
    }

    fn trash(&self) -> Vec<String> {
        let items = self.storage.list_trash(&TrashQuery::default()).unwrap().items;
        let mut paths: Vec<_> = items.iter().map(|item| text(&item.entry.path)).collect();
        paths.sort();
        paths
    }

    fn trash_of_model(&self) -> Vec<String> {
        let mut paths: Vec<_> = self.model.trash.iter().map(|item| item.path.clone()).collect();
        paths.sort();
        paths
    }
}

fn rule(conflict: model::Conflict) -> shared::Conflict {
    match conflict {
        model::Conflict::Fail => shared::Conflict::Fail,
        model::Conflict::Replace => shared::Conflict::Replace,
        model::Conflict::KeepBoth => shared::Conflict::KeepBoth,
        model::Conflict::Skip => shared::Conflict::Skip,
    }
}

async fn read(client: &Client, caller: &Caller, path: VPath) -> Answer<Vec<u8>> {
    let item = GetItem { path, range: None, if_etag: None, if_prefix: None };
    let mut transfer = answer(client.get(caller, vec![item]).await)?;
    match answer(transfer.next_item().await)? {
        Some(Item::Sending(_)) => answer(read_item(&mut transfer).await),
        Some(Item::Refused(failure)) => Err(no(failure.code)),
        _ => Err(No::Fault),
    }
}

async fn walk(client: &Client, caller: &Caller, path: VPath) -> Answer<BTreeMap<String, String>> {
    let mut walk = answer(client.walk(caller, vec![path], None).await)?;
    let mut found = BTreeMap::new();
    while let Some(page) = answer(walk.next_page().await)? {
        found.extend(page.entries.iter().map(|entry| (text(&entry.path), shown(entry))));
    }
    Ok(found)
}

async fn upload(client: &Client, stage: Stage, content: &[u8]) -> Result<Upload, ClientError> {
    let caller = stage.caller.clone();
    let upload = client.stage(&stage).await?.id;
    let mut writer = client.put(&caller, upload, PutRange::default()).await?;
    writer.send(Bytes::copy_from_slice(content)).await?;
    writer.finish().await?;
    let commit = Commit { caller, upload, target: None, conflict: None, if_match: None, blake3: None };
    client.commit(&commit).await
}
