//! Reading, described: files, folders, archives, and the server itself.

use serde_json::{Value, json};
use shared::columns::MEDIA_TYPE;
use shared::limits::{ARCHIVE_PATHS_MAX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, RANGES_MAX};

use super::{answer, folder_headers, header, problem, query};

/// The operations, by path and method.
pub(super) fn paths() -> Value {
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
                    header("If-Modified-Since"), header("If-Unmodified-Since"), header("Want-Repr-Digest"),
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
                "responses": {
                    "200": {
                        "description": "Found.",
                        "headers": folder_headers(),
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Folder"}},
                            (MEDIA_TYPE): {"schema": {"type": "string", "contentEncoding": "binary", "description": "Blocks of columns, as docs/PROTOCOL.md has them."}},
                        },
                    },
                    "304": {"description": "The client has it (pages of at most 10 000 entries)."},
                    "default": problem(),
                },
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

fn archive_responses() -> Value {
    json!({
        "200": {"description": "Stored, ZIP64 where needed; Content-Length is exact.", "content": {"application/zip": {}}},
        "206": {"description": "The wanted part of it.", "content": {"application/zip": {}}},
        "304": {"description": "The client has it."},
        "412": problem(), "416": problem(), "413": problem(), "default": problem(),
    })
}
