//! The schemas of the types that several operations share; an operation declares those of its own types beside its
//! handler. Tests in `tests.rs` compare all of them with the types.

use serde_json::{Map, Value, json};
use shared::Conflict;
use shared::limits::{CHANGE_ITEMS_MAX, TEXT_BYTES_MAX};

/// The schemas, by name.
pub(super) fn schemas() -> Map<String, Value> {
    [entries(), changes()].into_iter().filter_map(|schemas| schemas.as_object().cloned()).flatten().collect()
}

/// Schemas of entries, folders and problem documents.
fn entries() -> Value {
    let count = || json!({"type": "integer", "format": "int64", "minimum": 0});
    let text = || json!({"type": "string"});
    let path = || json!({"$ref": "#/components/schemas/Path"});
    json!({
        "Path": {
            "type": "string",
            "description": "The bytes of the segments, percent-encoded (except A–Z a–z 0–9 - . _ ~) and joined by slashes; empty for the root.",
            "examples": ["docs/latin%E9.txt"],
        },
        "ETag": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "A strong validator without the quotes of the header field."},
        "Entry": {
            "type": "object",
            "required": ["name", "path", "kind", "modified"],
            "properties": {
                "name": {"type": "string", "description": "For display: bytes that are not UTF-8 appear as U+FFFD."},
                "path": path(),
                "kind": {"type": "string", "enum": ["file", "folder", "other"]},
                "size": {"type": "integer", "format": "int64", "minimum": 0, "description": "In bytes; files only."},
                "modified": {"type": "integer", "format": "int64", "description": "Milliseconds since 1970."},
                "executable": {"type": "boolean", "default": false},
                "link": {"type": "string", "enum": ["inside", "escapes", "broken"], "description": "Symbolic links only."},
                "etag": {"$ref": "#/components/schemas/ETag"},
            },
        },
        "Folder": {
            "type": "object",
            "required": ["path", "entries", "next_cursor", "total", "etag"],
            "properties": {
                "path": path(),
                "entries": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
                "next_cursor": {"type": ["string", "null"], "description": "Null on the last page."},
                "total": count(),
                "etag": {"oneOf": [{"$ref": "#/components/schemas/ETag"}, {"type": "null"}]},
            },
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

/// Schemas of changes, jobs, the trash, uploads, digests and events.
fn changes() -> Value {
    let schema = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let list = |name: &str| json!({"type": "array", "items": schema(name)});
    let items =
        |name: &str| json!({"type": "array", "items": schema(name), "minItems": 1, "maxItems": CHANGE_ITEMS_MAX});
    let none_or = |name: &str| json!({"oneOf": [schema(name), {"type": "null"}]});
    let count = || json!({"type": "integer", "format": "int64", "minimum": 0});
    let moment = || json!({"type": "integer", "format": "int64", "description": "Milliseconds since 1970."});
    let flag = || json!({"type": "boolean", "default": false});
    let hexadecimal = || json!({"type": "string", "pattern": "^([0-9a-f]{2})+$"});
    let tagged = |tag: &str, name: &str, required: &[&str], mut properties: Value| {
        properties[tag] = json!({"const": name});
        let required: Vec<&str> = std::iter::once(tag).chain(required.iter().copied()).collect();
        json!({"type": "object", "required": required, "properties": properties})
    };
    let action = |name, required: &[&str], properties| tagged("action", name, required, properties);
    let result = |name, required: &[&str], properties| tagged("result", name, required, properties);
    let event = |name, required: &[&str], properties| tagged("event", name, required, properties);
    json!({
        "Id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "Key": {"type": "string", "minLength": 1, "maxLength": TEXT_BYTES_MAX, "description": "32 hexadecimal digits, a UUID, or any other unique text."},
        "Conflict": {"type": "string", "enum": Conflict::ALL.map(Conflict::name), "default": Conflict::default().name(), "description": "What to do if the destination exists: `replace` merges folders and moves a replaced file into the trash; `keep_both` chooses a free name."},
        "Change": {"oneOf": [
            action("make_folder", &["paths"], json!({"paths": items("Path"), "existing_ok": flag()})),
            action("move", &["items"], json!({"items": items("PathPair"), "conflict": schema("Conflict")})),
            action("copy", &["items"], json!({"items": items("PathPair"), "conflict": schema("Conflict")})),
            action("trash", &["items"], json!({"items": items("PathItem")})),
            action("delete", &["items"], json!({"items": items("PathItem")})),
            action("restore", &["items"], json!({"items": items("RestoreItem"), "conflict": schema("Conflict")})),
            action("purge", &[], json!({"ids": {"type": ["array", "null"], "items": schema("Id"), "description": "Null for everything in the trash."}})),
        ]},
        "PathPair": {"type": "object", "required": ["from", "to"], "properties": {"from": schema("Path"), "to": schema("Path"), "if_etag": schema("ETag")}},
        "PathItem": {"type": "object", "required": ["path"], "properties": {"path": schema("Path"), "if_etag": schema("ETag")}},
        "RestoreItem": {"type": "object", "required": ["id"], "properties": {"id": schema("Id"), "to": schema("Path")}},
        "Outcome": {"oneOf": [
            result("done", &[], json!({"entry": schema("Entry"), "trash": schema("Id"), "replaced": list("Id"), "left_out": schema("LeftOut")})),
            result("skipped", &[], json!({})),
            result("failed", &["code"], json!({"code": {"type": "string"}, "path": schema("Path"), "message": {"type": "string"}, "incomplete": flag()})),
        ]},
        "LeftOut": {"type": "object", "required": ["total", "listed"], "properties": {"total": count(), "listed": list("LeftOutEntry")}},
        "LeftOutEntry": {"type": "object", "required": ["path", "code"], "properties": {"path": schema("Path"), "code": {"type": "string"}}},
        "Progress": {"type": "object", "required": ["entries", "entries_total", "bytes", "bytes_total"], "properties": {"entries": count(), "entries_total": count(), "bytes": count(), "bytes_total": count()}},
        "Job": {
            "type": "object",
            "required": ["id", "state", "version", "progress", "outcomes"],
            "properties": {
                "id": schema("Id"),
                "state": {"type": "string", "enum": ["running", "done", "canceled"]},
                "version": count(),
                "progress": schema("Progress"),
                "outcomes": list("Outcome"),
            },
        },
        "Trashed": {"type": "object", "required": ["id", "entry", "trashed"], "properties": {"id": schema("Id"), "entry": schema("Entry"), "trashed": moment(), "expires": moment(), "absent": flag()}},
        "Digests": {"type": "object", "properties": {"blake3": hexadecimal(), "crc32": hexadecimal(), "sha256": hexadecimal(), "sha1": hexadecimal()}},
        "Upload": {
            "type": "object",
            "required": ["id", "offset", "expires"],
            "properties": {
                "id": schema("Id"),
                "offset": count(),
                "length": {"type": ["integer", "null"], "format": "int64", "minimum": 0},
                "path": none_or("Path"),
                "expires": moment(),
                "entry": none_or("Entry"),
                "digests": none_or("Digests"),
                "replaced": flag(),
                "trash": none_or("Id"),
                "skipped": flag(),
                "refused": {"type": ["string", "null"]},
            },
        },
        "EventKind": {"oneOf": [
            event("ready", &[], json!({})),
            event("resync", &[], json!({})),
            event("present", &["entry"], json!({"entry": schema("Entry")})),
            event("absent", &["path"], json!({"path": schema("Path")})),
            event("gone", &[], json!({})),
        ]},
    })
}
