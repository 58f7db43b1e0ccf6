//! `/api/v1/openapi.json`: the HTTP surface, described for programs (OpenAPI 3.1). Written by hand beside the routes;
//! tests hold it to them, to the shared types as they are written, and to the copy in `docs/`.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};
use shared::limits::{ARCHIVE_PATHS_MAX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, RANGES_MAX};

/// `GET /api/v1/openapi.json`.
pub(super) async fn read() -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], document().to_string()).into_response()
}

/// The whole description.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Passerelle",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Files over HTTP. Every refusal is a problem document (RFC 9457) with a stable `code`. GET has HEAD beside it everywhere.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths(),
        "components": {"schemas": schemas(), "responses": responses(), "parameters": {"path": path_parameter()}},
    })
}

fn paths() -> Value {
    json!({
        "/files/{path}": {
            "get": {
                "operationId": "readFile",
                "summary": "A file's bytes; a folder's plain index where the path ends in a slash",
                "description": format!("Conditions and ranges as in RFC 9110, at most {RANGES_MAX} ranges. A folder without the slash, and a file with one, answer 308."),
                "parameters": [
                    {"$ref": "#/components/parameters/path"},
                    {"name": "download", "in": "query", "description": "Answer as an attachment.", "allowEmptyValue": true, "schema": {"type": "string"}},
                    header("Range"), header("If-Range"), header("If-Match"), header("If-None-Match"),
                    header("If-Modified-Since"), header("If-Unmodified-Since"),
                ],
                "responses": {
                    "200": {"description": "All of it.", "content": {"*/*": {}}},
                    "206": {"description": "The wanted part, or several as multipart/byteranges.", "content": {"*/*": {}}},
                    "304": {"description": "The client has it."},
                    "308": {"description": "With a slash at the end, or without."},
                    "412": problem(), "416": problem(), "default": problem(),
                },
            },
        },
        "/api/v1/list/{path}": {
            "get": {
                "operationId": "listFolder",
                "summary": "One page of a folder, sorted, folders first",
                "parameters": [
                    {"$ref": "#/components/parameters/path"},
                    query("sort", json!({"type": "string", "enum": ["name", "size", "modified"], "default": "name"}), "By what."),
                    query("order", json!({"type": "string", "enum": ["asc", "desc"], "default": "asc"}), "Which way."),
                    query("limit", json!({"type": "integer", "minimum": 1, "maximum": LIST_LIMIT_MAX, "default": LIST_LIMIT_DEFAULT}), "Most entries in the answer."),
                    query("cursor", json!({"type": "string"}), "`next_cursor` of the page before."),
                    header("If-None-Match"),
                ],
                "responses": {"200": answer("Folder"), "304": {"description": "The client has it (first page only)."}, "default": problem()},
            },
        },
        "/api/v1/stat/{path}": {
            "get": {
                "operationId": "statEntry",
                "summary": "What is known of one entry",
                "parameters": [{"$ref": "#/components/parameters/path"}, header("If-None-Match")],
                "responses": {"200": answer("Entry"), "304": {"description": "The client has it."}, "default": problem()},
            },
        },
        "/api/v1/about": {
            "get": {
                "operationId": "readAbout",
                "summary": "What the server is and what the caller may do",
                "responses": {"200": answer("About"), "default": problem()},
            },
        },
        "/api/v1/archive": {
            "get": {
                "operationId": "readArchive",
                "summary": "Files and folders as one ZIP of known length",
                "parameters": [
                    {"name": "path", "in": "query", "required": true, "description": "What goes into it; may be repeated. The percent-encoded path, encoded once more as every parameter is.", "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Path"}, "minItems": 1, "maxItems": ARCHIVE_PATHS_MAX}, "style": "form", "explode": true},
                    query("name", json!({"type": "string"}), "The archive's file name."),
                ],
                "responses": archive_responses(),
            },
            "post": {
                "operationId": "readArchiveOfMany",
                "summary": "The same, for a choice that does not fit an address",
                "requestBody": {"required": true, "content": {"application/x-www-form-urlencoded": {"schema": {
                    "type": "object",
                    "required": ["path"],
                    "properties": {
                        "path": {"type": "array", "items": {"$ref": "#/components/schemas/Path"}, "minItems": 1, "maxItems": ARCHIVE_PATHS_MAX},
                        "name": {"type": "string"},
                    },
                }}}},
                "responses": archive_responses(),
            },
        },
        "/api/v1/openapi.json": {
            "get": {"operationId": "readDescription", "summary": "This document", "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {}}}}},
        },
        "/healthz": {
            "get": {"operationId": "readHealth", "summary": "Whether the process lives", "responses": {"200": {"description": "It does."}}},
        },
        "/readyz": {
            "get": {"operationId": "readReadiness", "summary": "Whether requests are served", "responses": {"200": {"description": "They are."}, "503": problem()}},
        },
        "/metrics": {
            "get": {"operationId": "readMetrics", "summary": "Counts, in the OpenMetrics text format", "responses": {"200": {"description": "The counts."}, "default": problem()}},
        },
    })
}

fn schemas() -> Value {
    let count = || json!({"type": "integer", "format": "int64", "minimum": 0});
    let text = || json!({"type": "string"});
    let path = || json!({"$ref": "#/components/schemas/Path"});
    json!({
        "Path": {
            "type": "string",
            "description": "The segments' raw bytes, percent-encoded (everything but A–Z a–z 0–9 - . _ ~) and joined by slashes; empty for the root.",
            "examples": ["docs/latin%E9.txt"],
        },
        "ETag": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "A strong validator, without the quotes of the header."},
        "Entry": {
            "type": "object",
            "required": ["name", "path", "kind", "modified"],
            "properties": {
                "name": {"type": "string", "description": "For people: what is not UTF-8 shows as U+FFFD."},
                "path": path(),
                "kind": {"type": "string", "enum": ["file", "folder", "other"]},
                "size": {"type": "integer", "format": "int64", "minimum": 0, "description": "In bytes; only of files."},
                "modified": {"type": "integer", "format": "int64", "description": "Milliseconds since 1970."},
                "executable": {"type": "boolean", "default": false},
                "link": {"type": "string", "enum": ["inside", "escapes", "broken"], "description": "Only of symbolic links."},
                "etag": {"$ref": "#/components/schemas/ETag"},
            },
        },
        "Folder": {
            "type": "object",
            "required": ["path", "entries", "next_cursor", "total", "etag"],
            "properties": {
                "path": path(),
                "entries": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
                "next_cursor": {"type": ["string", "null"], "description": "None on the last page."},
                "total": count(),
                "etag": {"oneOf": [{"$ref": "#/components/schemas/ETag"}, {"type": "null"}]},
            },
        },
        "About": {
            "type": "object",
            "required": ["version", "name", "writable"],
            "properties": {"version": text(), "name": text(), "writable": {"type": "boolean"}},
        },
        "Problem": {
            "type": "object",
            "required": ["type", "status", "code", "title"],
            "properties": {
                "type": {"type": "string", "const": "about:blank"},
                "status": {"type": "integer"},
                "code": {"type": "string", "enum": shared::ErrorCode::ALL.iter().map(|code| code.name()).collect::<Vec<_>>()},
                "title": text(),
                "detail": text(),
                "request_id": text(),
            },
        },
    })
}

fn responses() -> Value {
    json!({"Problem": {
        "description": "A refusal.",
        "content": {shared::api::PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }})
}

fn archive_responses() -> Value {
    json!({
        "200": {"description": "Stored, ZIP64 where needed; Content-Length is exact.", "content": {"application/zip": {}}},
        "413": problem(), "default": problem(),
    })
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
    use shared::api::files::{About, Folder};
    use shared::{ETag, Entry, Kind, Link, Timestamp, VPath};

    use super::*;

    /// Every key that is written is described, and every one that is required is written.
    #[track_caller]
    fn check(schema: &str, value: &impl Serialize) {
        let document = document();
        let schema = &document["components"]["schemas"][schema];
        let value = serde_json::to_value(value).unwrap();
        let keys: Vec<_> = value.as_object().unwrap().keys().collect();
        assert!(keys.iter().all(|key| schema["properties"].get(key.as_str()).is_some()), "{keys:?}");
        let required = schema["required"].as_array().unwrap();
        assert!(required.iter().all(|key| value.get(key.as_str().unwrap()).is_some()), "{required:?}");
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
        check("Entry", &entry);
        check("Entry", &Entry { kind: Kind::Folder, executable: false, link: None, etag: None, ..entry.clone() });
        check("Folder", &Folder { path: VPath::root(), entries: vec![entry], next_cursor: None, total: 1, etag: None });
        check("About", &About { version: String::new(), name: String::new(), writable: true });
        let text = || "x".to_owned();
        let problem =
            Problem { kind: text(), status: 400, code: text(), title: text(), detail: text(), request_id: text() };
        check("Problem", &problem);
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
        let source = include_str!("mod.rs");
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
