//! `/api/v1/openapi.json`: the HTTP surface, described for programs (OpenAPI 3.1). Written by hand beside the routes;
//! tests hold it to them, to the shared types as they are written, and to the copy in `docs/`.
//!
//! - [`reading`] and [`changing`] are the operations;
//! - [`schemas`] is what they carry.

mod changing;

mod reading;

mod schemas;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

/// `GET /api/v1/openapi.json`.
pub(super) async fn read() -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], document().to_string()).into_response()
}

/// The whole description.
pub fn document() -> Value {
    let mut paths = reading::paths();
    merge(&mut paths, changing::paths());
    let mut schemas = schemas::reading();
    merge(&mut schemas, schemas::changing());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Passerelle",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Files over HTTP. Every refusal is a problem document (RFC 9457) with a stable `code`. GET has HEAD beside it everywhere. Changes that a page of another site asks for are refused.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas, "responses": responses(), "parameters": {"path": path_parameter()}},
    })
}

/// Adds the members of an object to another; where both have an object, its members to that one's.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert_with(|| json!({})), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn responses() -> Value {
    json!({"Problem": {
        "description": "A refusal.",
        "content": {shared::api::PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }})
}

fn path_parameter() -> Value {
    json!({"name": "path", "in": "path", "required": true, "description": "Slashes stand between its segments.", "schema": {"$ref": "#/components/schemas/Path"}})
}

fn query(name: &str, schema: Value, description: &str) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

fn header(name: &str) -> Value {
    json!({"name": name, "in": "header", "schema": {"type": "string"}})
}

/// The headers of an answer about a folder.
fn folder_headers() -> Value {
    let description = "What the caller may do in the folder: names of rights, separated by spaces. For a page's buttons; each request is authorised by itself.";
    json!({"Passerelle-Rights": {"description": description, "schema": {"type": "string", "examples": ["list read create replace delete"]}}})
}

fn answer(schema: &str) -> Value {
    json!({"description": "Found.", "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}}})
}

fn problem() -> Value {
    json!({"$ref": "#/components/responses/Problem"})
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use shared::api::Problem;
    use shared::api::changes::{Jobs, RequestChange, Trash};
    use shared::api::files::{About, Folder};
    use shared::api::uploads::{CommitUpload, FileDigests, UploadState, Uploads};
    use shared::change::{PathItem, PathPair, Progress, RestoreItem};
    use shared::{
        Change, Checksum, Conflict, Digests, ETag, Entry, ErrorCode, EventKind, Job, JobId, JobState, Kind, Link,
        Outcome, Timestamp, TrashId, Trashed, UploadId, VPath,
    };

    use super::*;

    /// Every key that is written is described, and every one that is required is written.
    #[track_caller]
    fn check(schema: &str, value: &impl Serialize) {
        let document = document();
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
        let pair = PathPair { from: path(), to: path(), if_etag: etag };
        check("PathPair", &pair);
        change(Change::Move { items: vec![pair.clone()], conflict });
        change(Change::Copy { items: vec![pair], conflict });
        let chosen = PathItem { path: path(), if_etag: etag };
        check("PathItem", &chosen);
        change(Change::Trash { items: vec![chosen.clone()] });
        change(Change::Delete { items: vec![chosen] });
        let back = RestoreItem { id: TrashId([0; 16]), to: Some(path()) };
        check("RestoreItem", &back);
        change(Change::Restore { items: vec![back], conflict });
        change(Change::Purge { ids: Some(vec![TrashId([0; 16])]) });

        let id = TrashId([0; 16]);
        check("Outcome", &Outcome::Done { entry: Some(entry.clone()), trash: Some(id), replaced: vec![id] });
        check("Outcome", &Outcome::Skipped);
        let failed = Outcome::Failed { code: ErrorCode::Io, path: Some(path()), message: String::new() };
        check("Outcome", &failed);
        let (state, progress) = (JobState::Done, Progress::default());
        check("Progress", &progress);
        let job = Job { id: JobId([0; 16]), state, version: 1, progress, outcomes: vec![failed] };
        check("Job", &job);
        check("Jobs", &Jobs { jobs: vec![job] });
        let trashed = Trashed { id, entry: entry.clone(), trashed: Timestamp(0), expires: Some(Timestamp(0)) };
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
            skipped: false,
        };
        check("Upload", &upload);
        check("Uploads", &Uploads { uploads: vec![upload] });
        let id = UploadId([0; 16]);
        let commit =
            CommitUpload { id, path: Some(path()), conflict: Some(conflict), if_match: etag, repr_digest: None };
        check("CommitUpload", &commit);

        check("EventKind", &EventKind::Ready);
        check("EventKind", &EventKind::Resync);
        check("EventKind", &EventKind::Gone);
        check("EventKind", &EventKind::Present { entry: entry.clone() });
        check("EventKind", &EventKind::Absent { path: path() });
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(document: &Value, value: &Value) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(target)) = fields.get("$ref") {
                        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                    }
                    fields.values().for_each(|value| visit(document, value));
                }
                Value::Array(values) => values.iter().for_each(|value| visit(document, value)),
                _ => {}
            }
        }
        let document = document();
        visit(&document, &document);
    }

    #[test]
    fn every_described_path_is_a_route() {
        let source = include_str!("../router.rs");
        let document = document();
        let described: Vec<_> =
            document["paths"].as_object().unwrap().keys().map(|path| path.replace("{path}", "{*path}")).collect();
        for path in &described {
            assert!(source.contains(&format!(".route(\"{path}\"")), "{path}");
        }
        let routes = source.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")?.split('"').next());
        for route in routes {
            let prefix = route.trim_end_matches('/');
            assert!(described.iter().any(|path| path == route || path.starts_with(&format!("{prefix}/{{"))), "{route}");
        }
    }

    /// `PASSERELLE_UPDATE=1 cargo test -p backend the_copy_in_docs` writes it anew.
    #[test]
    fn the_copy_in_docs_is_this_document() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        if std::env::var_os("PASSERELLE_UPDATE").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), text, "docs/openapi.json is out of date");
    }
}
