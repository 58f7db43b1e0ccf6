//! Property tests of compatibility with newer peers: every message decodes even if each of its maps has fields of a
//! later version, in any order and in any form of CBOR that `docs/PROTOCOL.md` allows.

use std::fmt::Debug;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::change::{PathItem, PathPair, RestoreItem};
use crate::job::{LeftOut, LeftOutEntry, Progress};
use crate::{
    Algorithm, ByteRange, Change, Checksum, Conflict, Digests, Direction, ETag, Entry, ErrorCode, Event, EventId,
    EventKind, Grant, Job, JobId, JobState, Kind, Link, Order, Outcome, Rights, Scope, SortKey, Timestamp, TrashId,
    Trashed, UploadId, VPath,
};

/// How a later version changes maps.
#[derive(Clone, Debug)]
struct Later {
    /// The value of its unknown fields, in CBOR.
    value: Vec<u8>,
    /// The lowest number of the unknown fields.
    first: u32,
    /// True to write the unknown fields before the known ones, false after.
    before: bool,
    /// True for maps and lists of indefinite length (RFC 8949 §3.2.2).
    indefinite: bool,
}

/// Any CBOR value, nested or not.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(|number| minicbor::to_vec(number).unwrap()),
        any::<i64>().prop_map(|number| minicbor::to_vec(number).unwrap()),
        any::<f64>().prop_map(|number| minicbor::to_vec(number).unwrap()),
        any::<bool>().prop_map(|flag| minicbor::to_vec(flag).unwrap()),
        ".{0,8}".prop_map(|text| minicbor::to_vec(text).unwrap()),
        Just(vec![0xf6]),
        Just(vec![0xf7]),
        Just(vec![0x5f, 0x41, 0x61, 0xff]),
        Just(vec![0xc1, 0x00]),
    ];
    leaf.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| [vec![0x80 + items.len() as u8], items.concat()].concat()),
            vec(inner.clone(), 0..4).prop_map(|items| [vec![0x9f], items.concat(), vec![0xff]].concat()),
            vec((inner.clone(), inner), 0..4).prop_map(|pairs| {
                let items: Vec<u8> = pairs.iter().flat_map(|(key, value)| [&key[..], value].concat()).collect();
                [vec![0xa0 + pairs.len() as u8], items].concat()
            }),
        ]
    })
}

fn later() -> impl Strategy<Value = Later> {
    (value(), 50u32..70_000, any::<bool>(), any::<bool>()).prop_map(|(value, first, before, indefinite)| Later {
        value,
        first,
        before,
        indefinite,
    })
}

/// Copies the next value as a later version would write it.
fn rewrite(from: &mut Decoder<'_>, to: &mut Encoder<Vec<u8>>, later: &Later) {
    match from.datatype().unwrap() {
        Type::Map => {
            let length = from.map().unwrap().unwrap();
            if later.indefinite {
                to.begin_map().unwrap()
            } else {
                to.map(length + 2).unwrap()
            };
            let unknown = |to: &mut Encoder<Vec<u8>>| {
                for number in [later.first, later.first + 1] {
                    to.u32(number).unwrap().writer_mut().extend_from_slice(&later.value);
                }
            };
            if later.before {
                unknown(to);
            }
            for _ in 0..length {
                to.u64(from.u64().unwrap()).unwrap();
                rewrite(from, to, later);
            }
            if !later.before {
                unknown(to);
            }
            if later.indefinite {
                to.end().unwrap();
            }
        }
        Type::Array => {
            let length = from.array().unwrap().unwrap();
            // A variant: its number and its values. Lists of the protocol never start with a number otherwise.
            let variant = length == 2 && from.datatype().unwrap() == Type::U8;
            let indefinite = later.indefinite && !variant;
            if indefinite {
                to.begin_array().unwrap()
            } else {
                to.array(length).unwrap()
            };
            (0..length).for_each(|_| rewrite(from, to, later));
            if indefinite {
                to.end().unwrap();
            }
        }
        _ => {
            let start = from.position();
            from.skip().unwrap();
            to.writer_mut().extend_from_slice(&from.input()[start..from.position()]);
        }
    }
}

fn check<M: Message + PartialEq + Debug>(message: &M, later: &Later) -> Result<(), TestCaseError> {
    let bytes = encode(message);
    prop_assert_eq!(&decode::<M>(&bytes).unwrap(), message);
    let mut newer = Encoder::new(Vec::new());
    rewrite(&mut Decoder::new(&bytes), &mut newer, later);
    let newer = newer.into_writer();
    prop_assert_eq!(&decode::<M>(&newer).map_err(|error| TestCaseError::fail(error.to_string()))?, message);
    Ok(())
}

fn path() -> impl Strategy<Value = VPath> {
    vec("[^/\0.][^/\0]{0,5}", 0..4).prop_map(|names| VPath::from_bytes(names.join("/").into_bytes()).unwrap())
}

fn rights() -> impl Strategy<Value = Rights> {
    prop_oneof![Just(Rights::NONE), Just(Rights::READ_ONLY), Just(Rights::ALL)]
}

fn etag() -> impl Strategy<Value = ETag> {
    any::<[u8; 16]>().prop_map(ETag)
}

fn caller() -> impl Strategy<Value = Caller> {
    let grant = (path(), rights()).prop_map(|(at, rights)| Grant { at, rights });
    (path(), vec(grant, 0..3), of(any::<u32>()), of(".{0,5}"), of(".{0,5}"), of(".{0,5}")).prop_map(
        |(base, grants, deadline_ms, trace_id, principal, client)| Caller {
            scope: Scope { base, grants },
            deadline_ms,
            trace_id,
            principal,
            client,
        },
    )
}

fn range() -> impl Strategy<Value = ByteRange> {
    prop_oneof![
        any::<u64>().prop_map(ByteRange::From),
        any::<(u64, u64)>().prop_map(|(first, last)| ByteRange::Between(first, last)),
        any::<u64>().prop_map(ByteRange::Suffix),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Folder), Just(Kind::Other)];
    let link = prop_oneof![any::<Vec<u8>>().prop_map(Link::Inside), Just(Link::Escapes), Just(Link::Broken)];
    (path(), kind, any::<u64>(), any::<i64>(), any::<bool>(), of(link), of(etag())).prop_map(
        |(path, kind, size, modified, executable, link, etag)| Entry {
            path,
            kind,
            size,
            modified: Timestamp(modified),
            executable,
            link,
            etag,
        },
    )
}

fn failure() -> impl Strategy<Value = Failure> {
    let times = (of(any::<u32>()), of(any::<u64>()));
    (any::<u16>(), ".{0,9}", any::<bool>(), times).prop_map(|(code, message, retryable, times)| {
        let (retry_after_ms, missing_bytes) = times;
        Failure { code: ErrorCode::from_number(code), message, retryable, retry_after_ms, missing_bytes }
    })
}

fn conflict() -> impl Strategy<Value = Conflict> {
    prop_oneof![Just(Conflict::Fail), Just(Conflict::Replace), Just(Conflict::KeepBoth), Just(Conflict::Skip)]
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    (0..Algorithm::ALL.len()).prop_map(|index| Algorithm::ALL[index])
}

fn checksum() -> impl Strategy<Value = Checksum> {
    (algorithm(), any::<Vec<u8>>()).prop_map(|(algorithm, digest)| Checksum { algorithm, digest })
}

fn digests() -> impl Strategy<Value = Digests> {
    vec(checksum(), 0..3).prop_map(|known| Digests { known })
}

fn trash_ids() -> impl Strategy<Value = Vec<TrashId>> {
    vec(any::<[u8; 16]>().prop_map(TrashId), 0..3)
}

fn change() -> impl Strategy<Value = Change> {
    let pair = (path(), path(), of(etag())).prop_map(|(from, to, if_etag)| PathPair { from, to, if_etag });
    let chosen = (path(), of(etag())).prop_map(|(path, if_etag)| PathItem { path, if_etag });
    let back = (any::<[u8; 16]>(), of(path())).prop_map(|(id, to)| RestoreItem { id: TrashId(id), to });
    let (pairs, chosen, back) = (vec(pair, 0..3).boxed(), vec(chosen, 0..3).boxed(), vec(back, 0..3));
    prop_oneof![
        (vec(path(), 0..3), any::<bool>()).prop_map(|(paths, existing_ok)| Change::MakeFolder { paths, existing_ok }),
        (pairs.clone(), conflict()).prop_map(|(items, conflict)| Change::Move { items, conflict }),
        (pairs, conflict()).prop_map(|(items, conflict)| Change::Copy { items, conflict }),
        chosen.clone().prop_map(|items| Change::Trash { items }),
        chosen.prop_map(|items| Change::Delete { items }),
        (back, conflict()).prop_map(|(items, conflict)| Change::Restore { items, conflict }),
        of(trash_ids()).prop_map(|ids| Change::Purge { ids }),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let done = (of(entry()), of(any::<[u8; 16]>().prop_map(TrashId)), trash_ids());
    let left_out = (any::<u64>(), vec((path(), any::<u16>()), 0..3)).prop_map(|(total, listed)| {
        let entry = |(path, number)| LeftOutEntry { path, code: ErrorCode::from_number(number) };
        LeftOut { total, listed: listed.into_iter().map(entry).collect() }
    });
    let failed = (any::<u16>(), of(path()), ".{0,9}", any::<bool>());
    prop_oneof![
        (done, left_out).prop_map(|((entry, trash, replaced), left_out)| Outcome::Done {
            entry,
            trash,
            replaced,
            left_out
        }),
        Just(Outcome::Skipped),
        failed.prop_map(|(number, path, message, incomplete)| {
            Outcome::Failed { code: ErrorCode::from_number(number), path, message, incomplete }
        }),
    ]
}

fn prefix() -> impl Strategy<Value = Prefix> {
    (any::<u64>(), etag()).prop_map(|(length, tag)| Prefix { length, tag })
}

fn event_kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        Just(EventKind::Ready),
        Just(EventKind::Resync),
        entry().prop_map(|entry| EventKind::Present { entry }),
        path().prop_map(|path| EventKind::Absent { path }),
        Just(EventKind::Gone),
    ]
}

fn event_id() -> impl Strategy<Value = EventId> {
    any::<(u64, u64)>().prop_map(|(epoch, sequence)| EventId { epoch, sequence })
}

proptest! {
    #[test]
    fn uploads(
        caller in caller(),
        ids: [[u8; 16]; 2],
        optional in (of(path()), of(any::<u64>()), of(vec(etag(), 0..3)), of(any::<i64>()), of(any::<Vec<u8>>())),
        conflict in conflict(),
        flags: (bool, bool, bool),
        executable in of(any::<bool>()),
        metadata in ".{0,9}",
        parts in vec(any::<[u8; 16]>().prop_map(UploadId), 0..3),
        checksum in of(checksum()),
        entry in of(entry()),
        digests in digests(),
        algorithms in vec(algorithm(), 1..4),
        later in later(),
    ) {
        let [id, key] = ids;
        let id = UploadId(id);
        let (target, length, if_match, modified, blake3) = optional;
        let modified = modified.map(Timestamp);
        let stage = Stage {
            caller: caller.clone(),
            target: target.clone(),
            length,
            conflict,
            if_match: if_match.clone(),
            modified,
            blake3: blake3.clone(),
            executable,
            metadata: metadata.clone(),
            parts: parts.clone(),
            resumable: flags.0,
            make_parents: flags.1,
            key: flags.2.then_some(JobId(key)),
            finish: executable,
        };
        check(&stage, &later)?;
        check(&Store { stage, checksum: checksum.clone() }, &later)?;
        let offset = length.unwrap_or(3);
        let put =
            Put { caller: caller.clone(), upload: id, offset, length, checksum, total: length, blake3: blake3.clone() };
        check(&put, &later)?;
        check(&PutEnd { broken: flags.0 }, &later)?;
        check(&UploadStatus { caller: caller.clone(), upload: flags.0.then_some(id) }, &later)?;
        check(&Abort { caller: caller.clone(), upload: id }, &later)?;
        let conflict = flags.0.then_some(conflict);
        check(&Commit { caller: caller.clone(), upload: id, target: target.clone(), conflict, if_match, blake3 }, &later)?;
        let (replaced, skipped) = (flags.0, flags.1);
        let known = flags.2.then(|| digests.clone());
        let expires = modified.unwrap_or_default();
        let upload = Upload {
            id, offset, length, target: target.clone(), metadata, expires, entry: entry.clone(), digests: known,
            replaced, skipped, parts, similar: target.clone(), trash: replaced.then_some(TrashId(key)),
            refused: skipped.then(|| Failure::new(ErrorCode::AlreadyExists, "taken")),
        };
        check(&upload, &later)?;
        let path = target.unwrap_or_default();
        check(&Digest { caller, path, algorithms, known_only: flags.0 }, &later)?;
        if let Some(entry) = entry {
            check(&DigestsKnown { entry, bytes: offset, digests }, &later)?;
        }
    }

    #[test]
    fn changes(
        caller in caller(),
        id: [u8; 16],
        change in change(),
        numbers: (u32, u64, u64),
        state in prop_oneof![Just(JobState::Running), Just(JobState::Done), Just(JobState::Canceled)],
        outcomes in vec(outcome(), 0..4),
        cursor in of(".{0,9}"),
        entry in entry(),
        moment: i64,
        after in of(event_id()),
        event in event_id(),
        kind in event_kind(),
        later in later(),
    ) {
        let (wait_ms, seen, bytes) = numbers;
        let (key, trashed) = (JobId(id), Timestamp(moment));
        check(&ChangeRequest { caller: caller.clone(), key, change, wait_ms }, &later)?;
        check(&JobStatus { caller: caller.clone(), job: cursor.is_some().then_some(key), seen, wait_ms }, &later)?;
        check(&CancelJob { caller: caller.clone(), job: key }, &later)?;
        let progress = Progress { entries: seen, entries_total: bytes, bytes, bytes_total: seen };
        check(&Job { id: key, state, version: seen, progress, outcomes }, &later)?;
        check(&ListTrash { caller: caller.clone(), cursor: cursor.clone(), limit: wait_ms }, &later)?;
        let expires = cursor.is_some().then_some(trashed);
        let items = vec![Trashed { id: TrashId(id), entry: entry.clone(), trashed, expires, absent: seen % 2 == 1 }];
        check(&TrashPage { items, next_cursor: cursor, total: after.map(|id| id.epoch) }, &later)?;
        check(&Health { caller: caller.clone(), for_changes: after.map(|id| id.epoch > 0) }, &later)?;
        check(&Watch { caller, folder: entry.path, after }, &later)?;
        check(&Event { id: event, kind }, &later)?;
    }

    #[test]
    fn requests(
        caller in caller(),
        path in path(),
        paths in vec(path(), 0..4),
        items in vec((path(), of(range()), of(etag()), of(prefix())), 0..4),
        cursor in of(".{0,9}"),
        limit: u32,
        for_reading in of(any::<bool>()),
        key in prop_oneof![Just(SortKey::Name), Just(SortKey::Size), Just(SortKey::Modified)],
        descending: bool,
        later in later(),
    ) {
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        let order = Order { key, direction };
        let item = |(path, range, if_etag, if_prefix)| GetItem { path, range, if_etag, if_prefix };
        let items = items.into_iter().map(item).collect();
        check(&Stat { caller: caller.clone(), path: path.clone(), for_reading }, &later)?;
        check(&Get { caller: caller.clone(), items, pass_fd: Some(true) }, &later)?;
        check(&Walk { caller: caller.clone(), paths, cursor: cursor.clone() }, &later)?;
        check(&List { caller, path, order, cursor, limit }, &later)?;
    }

    #[test]
    fn answers(
        entries in vec(entry(), 0..4),
        entry in entry(),
        numbers: (u64, u64),
        next_cursor in of(".{0,9}"),
        skipped in of(vec((path(), any::<u16>()), 0..3)),
        growing in of(vec((path(), prefix()), 0..3)),
        error in of(failure()),
        later in later(),
    ) {
        let code = ErrorCode::from_number;
        let skipped =
            skipped.map(|list| list.into_iter().map(|(path, number)| Skipped { path, code: code(number) }).collect());
        let growing = growing.map(|list| list.into_iter().map(|(path, prefix)| Growing { path, prefix }).collect());
        check(&Page { entries, next_cursor, skipped, growing }, &later)?;
        check(&Meta { entry, offset: numbers.0, length: numbers.1 }, &later)?;
        check(&ItemEnd { error: error.clone() }, &later)?;
        check(&End { error: error.clone() }, &later)?;
        check(&Goodbye { error }, &later)?;
    }

    #[test]
    fn handshakes(
        texts in vec(".{0,9}", 1..5),
        bytes: [u8; 32],
        versions: (u16, u16),
        numbers: (u32, u32),
        max_data in of(any::<u32>()),
        rights in rights(),
        later in later(),
    ) {
        let (key_id, magic) = (texts[0].clone(), texts[0].clone());
        let (min_version, max_version) = versions;
        check(&Hello { magic, min_version, max_version, capabilities: texts.clone(), nonce: bytes }, &later)?;
        check(&HelloAck { version: min_version, capabilities: texts, nonce: bytes }, &later)?;
        check(&Auth { key_id, proof: bytes, max_data }, &later)?;
        check(&AuthOk { proof: bytes, max_data: numbers.0, idle_timeout_ms: numbers.1, rights }, &later)?;
    }
}
