//! The hexadecimal examples of `docs/PROTOCOL.md` are what this server and its client read and write: each decodes to
//! the message that its comments describe, and each message encodes to its example.

use std::collections::HashMap;
use std::fmt::Debug;

use backend::wire::{Frame, Key, Transcript};
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::columns::{Builder, Columns, Head, Row};
use shared::job::{LeftOut, Progress};
use shared::limits::DATA_BYTES_MAX;
use shared::wire::{
    Abort, Auth, AuthOk, Caller, CancelJob, ChangeRequest, Commit, Digest, DigestsKnown, End, Failure, FrameKind, Get,
    GetItem, Goodbye, Growing, HEADER_BYTES, Header, Health, Hello, HelloAck, ItemEnd, JobStatus, List, ListTrash,
    MAGIC, Message, Meta, Page, Phase, Prefix, Put, PutEnd, Skipped, Stage, Stat, Store, TrashPage, Upload,
    UploadStatus, VERSION, Walk, Watch, decode,
};
use shared::{
    Algorithm, ByteRange, Change, Checksum, Conflict, Digests, Direction, ETag, Entry, ErrorCode, Event, EventId,
    EventKind, Grant, Job, JobId, JobState, Kind, Link, Order, Outcome, Rights, Scope, SortKey, Timestamp, TrashId,
    Trashed, UploadId, hex,
};

use super::protocol_document::DOCUMENT;
use super::raw_connection::{frame, frame_bytes};
use super::test_server::path;

/// The document's hexadecimal examples by their names; those that were not compared yet.
struct Examples(HashMap<&'static str, Vec<u8>>);

impl Examples {
    fn read() -> Self {
        let mut blocks = HashMap::new();
        for block in DOCUMENT.split("```hex ").skip(1) {
            let (name, rest) = block.split_once('\n').unwrap();
            let (lines, _) = rest.split_once("```").unwrap();
            let digits: String = lines.lines().map(|line| line.split('#').next().unwrap()).collect();
            let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
            let bytes = hex::decode(digits.as_bytes()).unwrap();
            assert!(blocks.insert(name, bytes).is_none(), "duplicate example {name}");
        }
        Self(blocks)
    }

    /// Compares bytes with an example.
    #[track_caller]
    fn check(&mut self, name: &str, expected: &[u8]) {
        let written = self.0.remove(name).unwrap_or_default();
        assert_eq!(hex::encode(&written), hex::encode(expected), "{name}");
    }

    /// Compares a message with an example that is read and not written.
    #[track_caller]
    fn read_only<M: Message + PartialEq + Debug>(&mut self, name: &str, kind: FrameKind, id: u32, message: &M) {
        let written = self.0.remove(name).unwrap_or_default();
        let (header, body) = written.split_at(HEADER_BYTES);
        let phase = Phase::Open { data_bytes_max: DATA_BYTES_MAX };
        let header = Header::decode(header.try_into().unwrap(), phase).unwrap();
        assert_eq!((header.kind(), header.request_id, header.body_bytes), (Some(kind), id, body.len()), "{name}");
        assert_eq!(&decode::<M>(body).unwrap(), message, "{name}");
    }

    /// Compares a message with an example, both ways.
    #[track_caller]
    fn both_ways<M: Message + PartialEq + Debug>(&mut self, name: &'static str, kind: FrameKind, id: u32, message: &M) {
        let written = self.0.get(name).cloned().unwrap_or_default();
        self.check(name, &frame_bytes(&frame(kind, id, message)));
        self.0.insert(name, written);
        self.read_only(name, kind, id, message);
    }
}

const MOMENT: Timestamp = Timestamp(1_700_000_002_000_000_000);
const FILE_TAG: ETag = ETag([0x44; 16]);

fn example_key() -> Key {
    let (_, rest) = DOCUMENT.split_once("```key\n").unwrap();
    rest.split_once("```").unwrap().0.parse().unwrap()
}

fn entry(text: &str, kind: Kind, size: u64, etag: u8) -> Entry {
    let etag = Some(ETag([etag; 16]));
    Entry { path: path(text), kind, size, modified: MOMENT, executable: false, link: None, etag }
}

/// The caller of the examples that change something.
fn writer() -> Caller {
    let rights = [Rights::READ_ONLY, Rights::CREATE, Rights::REPLACE, Rights::DELETE];
    let rights = rights.into_iter().fold(Rights::NONE, Rights::union);
    Caller { scope: Scope::whole(rights), deadline_ms: None, trace_id: None, principal: None, client: None }
}

fn ascending_digest() -> Vec<u8> {
    (0..32).collect()
}

fn known_digests() -> Digests {
    Digests { known: vec![Checksum { algorithm: Algorithm::Blake3, digest: ascending_digest() }] }
}

fn crc_of_hello() -> Option<Checksum> {
    Some(Checksum { algorithm: Algorithm::Crc32, digest: vec![0x36, 0x10, 0xa6, 0x86] })
}

#[test]
fn the_examples_are_the_messages() {
    let mut examples = Examples::read();
    handshake(&mut examples);
    reading(&mut examples);
    walking(&mut examples);
    uploading(&mut examples);
    digests(&mut examples);
    changing(&mut examples);
    watching(&mut examples);
    connection(&mut examples);
    assert!(examples.0.is_empty(), "unchecked examples: {:?}", examples.0.keys());
}

#[test]
fn every_frame_has_an_example() {
    let examples = Examples::read();
    for kind in FrameKind::ALL {
        assert!(examples.0.values().any(|bytes| bytes.get(4) == Some(&(*kind as u8))), "no example of {kind:?}");
    }
}

fn handshake(examples: &mut Examples) {
    let key = example_key();
    let mut transcript = Transcript::default();
    let nonce = |first: u8| std::array::from_fn(|index| first + index as u8);
    let hello = Hello {
        magic: MAGIC.into(),
        min_version: VERSION,
        max_version: VERSION,
        capabilities: Vec::new(),
        nonce: nonce(0xa0),
    };
    examples.both_ways("hello", FrameKind::Hello, 0, &hello);
    transcript.add(&frame(FrameKind::Hello, 0, &hello));
    let ack = HelloAck { version: VERSION, capabilities: Vec::new(), nonce: nonce(0xc0) };
    examples.both_ways("hello-ack", FrameKind::HelloAck, 0, &ack);
    transcript.add(&frame(FrameKind::HelloAck, 0, &ack));
    let proof = transcript.client_proof(&key);
    examples.check("client-proof", &proof);
    let auth = Auth { key_id: key.id().into(), proof, max_data: Some(DATA_BYTES_MAX as u32) };
    examples.both_ways("auth", FrameKind::Auth, 0, &auth);
    transcript.add(&frame(FrameKind::Auth, 0, &auth));
    let proof = transcript.server_proof(&key);
    examples.check("server-proof", &proof);
    let ok = AuthOk { proof, max_data: DATA_BYTES_MAX as u32, idle_timeout_ms: 120_000, rights: Rights::READ_ONLY };
    examples.both_ways("auth-ok", FrameKind::AuthOk, 0, &ok);
}

fn reading(examples: &mut Examples) {
    let caller = Caller { scope: Scope::whole(Rights::READ_ONLY), ..Caller::default() };
    let list = List { caller: caller.clone(), path: path("docs"), order: Order::default(), cursor: None, limit: 100 };
    examples.both_ways("list", FrameKind::List, 1, &list);
    let file = Entry { executable: true, ..entry("docs/a%20b.txt", Kind::File, 6, 0x22) };
    let link = Some(Link::Inside(b"../hello.txt".to_vec()));
    let entries =
        [entry("docs/deep", Kind::Folder, 0, 0x11), file, Entry { link, ..entry("docs/l%E9", Kind::File, 13, 0x44) }];
    let mut builder = Builder::new();
    entries.iter().for_each(|entry| assert!(builder.push(&Row::of(entry))));
    let head = Head { total: 3, etag: Some(ETag([0x33; 16])), last: true, next_cursor: None };
    let block = builder.finish(&head);
    assert_eq!(Columns::parse(&block).unwrap().head(), head);
    examples.check("columns", &frame_bytes(&Frame::new(FrameKind::Columns, 1, block)));
    examples.both_ways("end", FrameKind::End, 1, &End { error: None });
    let order = Order { key: SortKey::Size, direction: Direction::Descending };
    let next = List { order, cursor: Some("not one".into()), limit: 1000, ..list };
    examples.both_ways("list-next", FrameKind::List, 29, &next);
    let unreadable = End { error: Some(Failure::new(ErrorCode::BadCursor, "unreadable cursor")) };
    examples.both_ways("end-refused", FrameKind::End, 29, &unreadable);
    let some =
        GetItem { path: path("hello.txt"), range: Some(ByteRange::Between(0, 4)), if_etag: None, if_prefix: None };
    let gone = GetItem { path: path("gone"), range: None, if_etag: None, if_prefix: None };
    examples.both_ways("get", FrameKind::Get, 2, &Get { caller, items: vec![some, gone], pass_fd: None });
    let meta = Meta { entry: entry("hello.txt", Kind::File, 13, 0x44), offset: 0, length: 5 };
    examples.both_ways("meta", FrameKind::Meta, 2, &meta);
    examples.check("data", &frame_bytes(&Frame::new(FrameKind::Data, 2, b"hello".to_vec())));
    examples.both_ways("item-end", FrameKind::ItemEnd, 2, &ItemEnd { error: None });
    let error = Some(Failure {
        code: ErrorCode::NotFound,
        message: "looking for an entry".into(),
        retryable: false,
        retry_after_ms: None,
        missing_bytes: None,
    });
    examples.both_ways("item-end-refused", FrameKind::ItemEnd, 2, &ItemEnd { error });
    examples.both_ways("get-end", FrameKind::End, 2, &End { error: None });
    let grant = |at, rights| Grant { at: path(at), rights };
    let grants = vec![grant("docs", Rights::READ_ONLY), grant("docs/in", Rights::CREATE)];
    let caller = Caller {
        scope: Scope { base: path("docs"), grants },
        deadline_ms: Some(1_000),
        trace_id: Some("t1".into()),
        principal: Some("ada".into()),
        client: Some("203.0.113.7".into()),
    };
    examples.both_ways("stat", FrameKind::Stat, 3, &Stat { caller, path: path("a%20b.txt"), for_reading: Some(true) });
    let earlier = Caller { scope: Scope::below(path("docs"), Rights::READ_ONLY), ..Caller::default() };
    let stat = Stat { caller: earlier, path: path("a%20b.txt"), for_reading: None };
    examples.read_only("stat-earlier", FrameKind::Stat, 30, &stat);
    let item = |range, if_etag, if_prefix| GetItem { path: path("a"), range: Some(range), if_etag, if_prefix };
    let prefix = Prefix { length: 9, tag: ETag([0x66; 16]) };
    let items = vec![
        item(ByteRange::From(5), Some(FILE_TAG), None),
        item(ByteRange::Suffix(5), None, None),
        item(ByteRange::Between(0, 8), Some(FILE_TAG), Some(prefix)),
    ];
    examples.both_ways("get-parts", FrameKind::Get, 4, &Get { caller: writer(), items, pass_fd: Some(true) });
    examples.check("passed-fd", &frame_bytes(&Frame::new(FrameKind::PassedFd, 4, Vec::new())));
    examples.check("released-fd", &frame_bytes(&Frame::new(FrameKind::ReleasedFd, 4, Vec::new())));
}

fn walking(examples: &mut Examples) {
    let paths = vec![path("docs"), path("empty")];
    let cursor = Some("0.docs/deep".to_owned());
    examples.both_ways("walk", FrameKind::Walk, 5, &Walk { caller: writer(), paths, cursor });
    let other = |text: &str, link| Entry { link: Some(link), etag: None, ..entry(text, Kind::Other, 0, 0) };
    let inside = Link::Inside(b"../hello.txt".to_vec());
    let page = Page {
        entries: vec![
            Entry { executable: true, link: Some(inside), ..entry("docs/in", Kind::File, 13, 0x44) },
            other("docs/out", Link::Escapes),
            other("docs/to", Link::Broken),
        ],
        next_cursor: Some("0.docs/to".into()),
        skipped: Some(vec![Skipped { path: path("docs/x"), code: ErrorCode::AccessDenied }]),
        growing: Some(vec![Growing { path: path("docs/in"), prefix: Prefix { length: 13, tag: ETag([0x66; 16]) } }]),
    };
    examples.both_ways("page", FrameKind::Page, 5, &page);
}

fn uploading(examples: &mut Examples) {
    let (id, second) = (UploadId([0x0a; 16]), UploadId([0x0b; 16]));
    let stage = Stage {
        caller: writer(),
        target: Some(path("new.txt")),
        length: Some(5),
        conflict: Conflict::Fail,
        if_match: Some(vec![FILE_TAG]),
        modified: Some(MOMENT),
        blake3: Some(ascending_digest()),
        executable: Some(true),
        metadata: "mine".into(),
        parts: Vec::new(),
        resumable: true,
        make_parents: true,
        key: Some(JobId([0x0c; 16])),
        finish: Some(true),
    };
    examples.both_ways("stage", FrameKind::Stage, 6, &stage);
    let upload = Upload {
        id,
        offset: 0,
        length: Some(5),
        target: Some(path("new.txt")),
        metadata: "mine".into(),
        expires: MOMENT,
        entry: None,
        digests: None,
        replaced: false,
        skipped: false,
        parts: Vec::new(),
        similar: None,
        trash: None,
        refused: None,
    };
    examples.both_ways("upload", FrameKind::Upload, 6, &upload);
    let plain = Stage { caller: writer(), target: Some(path("all")), ..Stage::default() };
    let joined = Stage { conflict: Conflict::Replace, parts: vec![id, second], ..plain.clone() };
    examples.both_ways("stage-parts", FrameKind::Stage, 7, &joined);
    let checksum = crc_of_hello();
    let put = Put {
        caller: writer(),
        upload: id,
        offset: 0,
        length: Some(5),
        checksum: checksum.clone(),
        total: Some(5),
        blake3: Some(ascending_digest()),
    };
    examples.both_ways("put", FrameKind::Put, 8, &put);
    examples.both_ways("put-end", FrameKind::PutEnd, 8, &PutEnd { broken: false });
    examples.both_ways("put-end-broken", FrameKind::PutEnd, 8, &PutEnd { broken: true });
    examples.both_ways(
        "upload-status",
        FrameKind::UploadStatus,
        9,
        &UploadStatus { caller: writer(), upload: Some(id) },
    );
    examples.both_ways("abort", FrameKind::Abort, 10, &Abort { caller: writer(), upload: id });
    let commit = Commit {
        caller: writer(),
        upload: id,
        target: Some(path("b.txt")),
        conflict: Some(Conflict::KeepBoth),
        if_match: Some(vec![FILE_TAG]),
        blake3: Some(ascending_digest()),
    };
    examples.both_ways("commit", FrameKind::Commit, 11, &commit);
    let file = Upload {
        offset: 5,
        target: Some(path("b.txt")),
        metadata: String::new(),
        entry: Some(entry("b.txt", Kind::File, 5, 0x55)),
        digests: Some(known_digests()),
        replaced: true,
        parts: vec![second],
        similar: Some(path("B.txt")),
        trash: Some(TrashId([0x0c; 16])),
        ..upload.clone()
    };
    examples.both_ways("upload-file", FrameKind::Upload, 11, &file);
    let refused = Some(Failure::new(ErrorCode::NoSpace, "full").missing(4_096));
    examples.both_ways("upload-refused", FrameKind::Upload, 6, &Upload { offset: 5, refused, ..upload.clone() });
    let none = Upload { entry: None, digests: None, similar: None, parts: Vec::new(), trash: None, ..file };
    let skipped = Upload { replaced: false, skipped: true, ..none };
    examples.both_ways("upload-skipped", FrameKind::Upload, 11, &skipped);
    let stage = Stage { target: Some(path("s.txt")), length: Some(5), ..plain };
    examples.both_ways("store", FrameKind::Store, 12, &Store { stage, checksum });
}

fn digests(examples: &mut Examples) {
    let algorithms = vec![Algorithm::Blake3, Algorithm::Sha256];
    let digest = Digest { caller: writer(), path: path("b.txt"), algorithms, known_only: false };
    examples.both_ways("digest", FrameKind::Digest, 13, &digest);
    let file = entry("b.txt", Kind::File, 5, 0x55);
    let progress = DigestsKnown { entry: file.clone(), bytes: 3, digests: Digests::default() };
    examples.both_ways("digests-progress", FrameKind::Digests, 13, &progress);
    let known = DigestsKnown { entry: file, bytes: 5, digests: known_digests() };
    examples.both_ways("digests", FrameKind::Digests, 13, &known);
}

fn changing(examples: &mut Examples) {
    let pairs = || vec![PathPair { from: path("a"), to: path("b"), if_etag: Some(FILE_TAG) }];
    let items = || vec![PathItem { path: path("a"), if_etag: Some(FILE_TAG) }];
    let back = vec![RestoreItem { id: TrashId([0x0d; 16]), to: Some(path("c")) }];
    let changes = [
        ("change-make", Change::MakeFolder { paths: vec![path("x"), path("y/z")], existing_ok: true }, 8_000),
        ("change-move", Change::Move { items: pairs(), conflict: Conflict::Fail }, 0),
        ("change-copy", Change::Copy { items: pairs(), conflict: Conflict::KeepBoth }, 0),
        ("change-trash", Change::Trash { items: items() }, 0),
        ("change-delete", Change::Delete { items: items() }, 0),
        ("change-restore", Change::Restore { items: back, conflict: Conflict::Skip }, 0),
        ("change-purge", Change::Purge { ids: Some(vec![TrashId([0x0d; 16])]) }, 0),
        ("change-purge-all", Change::Purge { ids: None }, 0),
    ];
    for (number, (name, change, wait_ms)) in (1..).zip(changes) {
        let request = ChangeRequest { caller: writer(), key: JobId([number; 16]), change, wait_ms };
        examples.both_ways(name, FrameKind::Change, 13 + u32::from(number), &request);
    }
    let id = JobId([7; 16]);
    let entry_now = entry("b", Kind::Folder, 0, 0x55);
    let mut left_out = LeftOut::default();
    left_out.add(path("b/p"), ErrorCode::NotRegular);
    let job = Job {
        id,
        state: JobState::Done,
        version: 4,
        progress: Progress { entries: 3, entries_total: 4, bytes: 10, bytes_total: 20 },
        outcomes: vec![
            Outcome::Done { entry: Some(entry_now), trash: None, replaced: vec![TrashId([0x0e; 16])], left_out },
            Outcome::Done {
                entry: None,
                trash: Some(TrashId([0x0d; 16])),
                replaced: Vec::new(),
                left_out: LeftOut::default(),
            },
            Outcome::Skipped,
            Outcome::Failed {
                code: ErrorCode::AlreadyExists,
                path: Some(path("b/c")),
                message: "taken".into(),
                incomplete: true,
            },
            Outcome::failed(ErrorCode::NotFound),
        ],
    };
    examples.both_ways("job", FrameKind::Job, 22, &job);
    let status = JobStatus { caller: writer(), job: Some(id), seen: 4, wait_ms: 8_000 };
    examples.both_ways("job-status", FrameKind::JobStatus, 23, &status);
    examples.both_ways("cancel-job", FrameKind::CancelJob, 24, &CancelJob { caller: writer(), job: id });
    let list = ListTrash { caller: writer(), cursor: Some("1.5".into()), limit: 100 };
    examples.both_ways("list-trash", FrameKind::ListTrash, 25, &list);
    let expires = Some(Timestamp(MOMENT.0 + 1));
    let (id, entry) = (TrashId([0x0d; 16]), entry("a", Kind::File, 5, 0x44));
    let item = Trashed { id, entry, trashed: MOMENT, expires, absent: false };
    let page = TrashPage { items: vec![item], next_cursor: Some("1.6".into()), total: Some(2) };
    examples.both_ways("trash-page", FrameKind::TrashPage, 25, &page);
    let health = Health { caller: writer(), for_changes: Some(true) };
    examples.both_ways("health", FrameKind::Health, 28, &health);
}

fn watching(examples: &mut Examples) {
    let id = |sequence| EventId { epoch: 5, sequence };
    let watch = Watch { caller: writer(), folder: path("docs"), after: Some(id(9)) };
    examples.both_ways("watch", FrameKind::Watch, 26, &watch);
    let kinds = [
        ("event-ready", EventKind::Ready),
        ("event-resync", EventKind::Resync),
        ("event-present", EventKind::Present { entry: entry("docs/a", Kind::File, 5, 0x44) }),
        ("event-absent", EventKind::Absent { path: path("docs/a") }),
        ("event-gone", EventKind::Gone),
    ];
    for (sequence, (name, kind)) in (10..).zip(kinds) {
        examples.both_ways(name, FrameKind::Event, 26, &Event { id: id(sequence), kind });
    }
}

fn connection(examples: &mut Examples) {
    for (name, kind, id) in
        [("ping", FrameKind::Ping, 0), ("pong", FrameKind::Pong, 0), ("cancel", FrameKind::Cancel, 2)]
    {
        examples.check(name, &frame_bytes(&Frame::new(kind, id, Vec::new())));
    }
    let error = Some(Failure {
        code: ErrorCode::TooManyConnections,
        message: "full".into(),
        retryable: true,
        retry_after_ms: Some(1_000),
        missing_bytes: None,
    });
    examples.both_ways("goodbye", FrameKind::Goodbye, 0, &Goodbye { error });
}
