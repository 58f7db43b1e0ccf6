//! Compares the schemas with the JSON that the shared types serialize to.

use serde::Serialize;
use shared::api::Problem;
use shared::api::changes::{Jobs, RequestChange, Trash};
use shared::api::files::{About, Folder};
use shared::api::uploads::{CommitUpload, FileDigests, UploadState, Uploads};
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::job::{LeftOut, Progress};
use shared::{
    Change, Checksum, Conflict, Digests, ETag, Entry, ErrorCode, EventKind, Job, JobId, JobState, Kind, Link, Outcome,
    Timestamp, TrashId, Trashed, UploadId, VPath,
};

use serde_json::Value;

use crate::gateway::router::openapi_document;

/// Every key in the JSON is described, and every required key is present.
#[track_caller]
fn check(schema: &str, value: &impl Serialize) {
    let document = openapi_document();
    let schema = &document["components"]["schemas"][schema];
    let value = serde_json::to_value(value).unwrap();
    let fits = |schema: &Value| {
        let keys = value.as_object().unwrap().iter();
        let described = keys.clone().all(|(key, value)| {
            let property = &schema["properties"][key];
            property.get("const").map_or(!property.is_null(), |constant| constant == value)
        });
        let required = schema["required"].as_array().into_iter().flatten();
        described && required.into_iter().all(|key| value.get(key.as_str().unwrap()).is_some())
    };
    let fitting = match schema["oneOf"].as_array() {
        Some(kinds) => kinds.iter().filter(|kind| fits(kind)).count(),
        None => usize::from(fits(schema)),
    };
    assert_eq!(fitting, 1, "{value}");
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let entry = Entry {
        path: VPath::parse("a").unwrap(),
        kind: Kind::File,
        size: 1,
        modified: Timestamp(0),
        executable: true,
        link: Some(Link::Inside(Vec::new())),
        etag: Some(ETag([0; 16])),
    };
    changing(&entry);
    check("Entry", &entry);
    check("Entry", &Entry { kind: Kind::Folder, executable: false, link: None, etag: None, ..entry.clone() });
    check("Folder", &Folder { path: VPath::root(), entries: vec![entry], next_cursor: None, total: 1, etag: None });
    check("About", &About { version: String::new(), name: String::new(), writable: true });
    let text = || "x".to_owned();
    let problem = Problem {
        kind: "about:blank".into(),
        status: 400,
        code: text(),
        title: text(),
        detail: text(),
        request_id: text(),
    };
    check("Problem", &problem);
}

#[track_caller]
fn changing(entry: &Entry) {
    let path = || VPath::parse("a").unwrap();
    let etag = Some(ETag([0; 16]));
    let conflict = Conflict::Skip;
    let change = |change| check("Change", &RequestChange { key: None, change });
    change(Change::MakeFolder { paths: vec![path()], existing_ok: true });
    let leg = PathPair { from: path(), to: path(), if_etag: etag };
    check("PathPair", &leg);
    change(Change::Move { items: vec![leg.clone()], conflict });
    change(Change::Copy { items: vec![leg], conflict });
    let chosen = PathItem { path: path(), if_etag: etag };
    check("PathItem", &chosen);
    change(Change::Trash { items: vec![chosen.clone()] });
    change(Change::Delete { items: vec![chosen] });
    let back = RestoreItem { id: TrashId([0; 16]), to: Some(path()) };
    check("RestoreItem", &back);
    change(Change::Restore { items: vec![back], conflict });
    change(Change::Purge { ids: Some(vec![TrashId([0; 16])]) });

    let id = TrashId([0; 16]);
    let mut left_out = LeftOut::default();
    left_out.add(path(), ErrorCode::NotRegular);
    check("LeftOutEntry", &left_out.listed[0]);
    check("Outcome", &Outcome::Done { entry: Some(entry.clone()), trash: Some(id), replaced: vec![id], left_out });
    check("Outcome", &Outcome::Skipped);
    let failed = Outcome::Failed { code: ErrorCode::Io, path: Some(path()), message: String::new(), incomplete: true };
    check("Outcome", &failed);
    let (state, progress) = (JobState::Done, Progress::default());
    check("Progress", &progress);
    let job = Job { id: JobId([0; 16]), state, version: 1, progress, outcomes: vec![failed] };
    check("Job", &job);
    check("Jobs", &Jobs { jobs: vec![job] });
    let (trashed, expires) = (Timestamp(0), Some(Timestamp(0)));
    let trashed = Trashed { id, entry: entry.clone(), trashed, expires, absent: true };
    check("Trashed", &trashed);
    check("Trash", &Trash { items: vec![trashed], next_cursor: None, total: 1 });

    let known = shared::Algorithm::ALL.map(|algorithm| Checksum { algorithm, digest: vec![0] }).to_vec();
    let digests = Digests { known };
    check("Digests", &digests);
    check("FileDigests", &FileDigests { entry: entry.clone(), digests: digests.clone() });
    let upload = UploadState {
        id: UploadId([0; 16]),
        offset: 0,
        length: None,
        path: Some(path()),
        expires: 0,
        entry: Some(entry.clone()),
        digests: Some(digests),
        replaced: false,
        trash: Some(id),
        skipped: false,
        refused: Some("already_exists".to_owned()),
    };
    check("Upload", &upload);
    check("Uploads", &Uploads { uploads: vec![upload] });
    let id = UploadId([0; 16]);
    let commit = CommitUpload { id, path: Some(path()), conflict: Some(conflict), if_match: etag, repr_digest: None };
    check("CommitUpload", &commit);

    check("EventKind", &EventKind::Ready);
    check("EventKind", &EventKind::Resync);
    check("EventKind", &EventKind::Gone);
    check("EventKind", &EventKind::Present { entry: entry.clone() });
    check("EventKind", &EventKind::Absent { path: path() });
}
