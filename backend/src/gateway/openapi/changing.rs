//! Changing, described: PUT and DELETE of files, uploads by tus, changes, jobs, the trash, digests, events.

use serde_json::{Value, json};
use shared::Algorithm;
use shared::limits::{JOB_WAIT_MAX, TRASH_LIMIT_MAX, UPLOAD_METADATA_BYTES_MAX};

use super::{answer, folder_headers, header, problem, query};

/// A response with headers that it describes.
fn with_headers(mut response: Value, headers: Value) -> Value {
    response["headers"] = headers;
    response
}

/// The operations, by path and method.
pub(super) fn paths() -> Value {
    let path = || json!({"$ref": "#/components/parameters/path"});
    let id = || json!({"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Id"}});
    let key = || json!({"name": "Idempotency-Key", "in": "header", "description": "Asked again with the same, the answer is the same.", "schema": {"$ref": "#/components/schemas/Key"}});
    let version = || json!({"name": "Tus-Resumable", "in": "header", "required": true, "schema": {"const": "1.0.0"}});
    let said = |description: &str| json!({"description": description});
    let body = |schema: &str| json!({"required": true, "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}}});
    let bytes = |media: &str, required: bool| json!({"required": required, "content": {media: {}}});
    let wait = || {
        query(
            "wait",
            json!({"type": "integer", "minimum": 0, "maximum": JOB_WAIT_MAX.as_millis() as u64}),
            "How long to wait for the end, or for news, in milliseconds.",
        )
    };
    let algorithms = Algorithm::ALL.map(Algorithm::tus_name);
    json!({
        "/files/{path}": {
            "put": {
                "operationId": "putFile",
                "summary": "A file, whole, in one request",
                "description": "Nothing is seen of it before all of it is durable; what ends early leaves nothing. Folders on the way are made.",
                "parameters": [
                    path(), header("If-Match"), header("If-None-Match"), header("If-Unmodified-Since"),
                    header("Repr-Digest"), header("Content-Digest"), header("X-OC-Mtime"),
                ],
                "requestBody": bytes("*/*", true),
                "responses": {"201": said("It is new."), "204": said("It took the place of another."), "409": problem(), "412": problem(), "413": problem(), "507": problem(), "default": problem()},
            },
            "delete": {
                "operationId": "trashFile",
                "summary": "A file or folder into the trash",
                "parameters": [path(), header("If-Match"), header("If-Unmodified-Since"), key()],
                "responses": {"202": answer("Job"), "204": said("It is there."), "412": problem(), "default": problem()},
            },
        },
        "/api/v1/uploads": {
            "get": {
                "operationId": "listUploads",
                "summary": "The caller's uploads, newest first",
                "responses": {"200": answer("Uploads"), "default": problem()},
            },
            "post": {
                "operationId": "createUpload",
                "summary": "A new upload (tus 1.0.0)",
                "description": format!("Upload-Metadata, of at most {UPLOAD_METADATA_BYTES_MAX} bytes, has `path` (percent-encoded) or `filename` (raw), and may have `mtime` (milliseconds since 1970), `blake3` (hexadecimal) and `conflict`. An upload that is whole becomes a file at once."),
                "parameters": [
                    version(), header("Upload-Length"), header("Upload-Defer-Length"), header("Upload-Metadata"),
                    header("Upload-Concat"), header("Upload-Checksum"), header("Repr-Digest"), header("If-Match"), header("If-None-Match"), key(),
                ],
                "requestBody": bytes("application/offset+octet-stream", false),
                "responses": {"201": said("Location is its address."), "412": problem(), "413": problem(), "default": problem()},
            },
            "options": {"operationId": "describeUploads", "summary": "What of tus is spoken", "responses": {"204": said("Tus-Version, Tus-Extension, Tus-Checksum-Algorithm, and Tus-Max-Size where there is a bound.")}},
        },
        "/api/v1/uploads/{id}": {
            "get": {"operationId": "readUpload", "summary": "How an upload stands", "parameters": [id()], "responses": {"200": answer("Upload"), "default": problem()}},
            "head": {"operationId": "findUpload", "summary": "Where an upload stands (tus 1.0.0); a whole one becomes a file", "parameters": [id(), version()], "responses": {"200": said("Upload-Offset, and Upload-Length or Upload-Defer-Length."), "404": said("There is none."), "410": said("It has expired or was given up.")}},
            "patch": {
                "operationId": "appendToUpload",
                "summary": "Bytes for an upload (tus 1.0.0)",
                "description": "They are durable before they are acknowledged, and kept if the request breaks. The last of them make the file, if its content is that of the `Repr-Digest` (`blake3`) that may come with them.",
                "parameters": [id(), version(), {"name": "Upload-Offset", "in": "header", "required": true, "schema": {"type": "integer"}}, header("Upload-Length"), header("Upload-Checksum"), header("Repr-Digest")],
                "requestBody": bytes("application/offset+octet-stream", true),
                "responses": {
                    "204": said("Upload-Offset; once it is a file Content-Location, ETag, Repr-Digest, Upload-Outcome."),
                    "409": problem(), "410": problem(), "412": problem(), "413": problem(), "415": problem(), "423": problem(), "460": problem(), "507": problem(), "default": problem(),
                },
            },
            "delete": {"operationId": "giveUpUpload", "summary": "Gives an upload up (tus 1.0.0)", "parameters": [id(), version()], "responses": {"204": said("Its bytes are gone."), "default": problem()}},
        },
        "/api/v1/uploads/{id}/commit": {
            "post": {
                "operationId": "commitUpload",
                "summary": "Makes a whole upload a file, with another answer to what stood in its way",
                "parameters": [id(), header("Repr-Digest")],
                "requestBody": body("CommitUpload"),
                "responses": {"200": answer("Upload"), "409": problem(), "412": problem(), "460": problem(), "default": problem()},
            },
        },
        "/api/v1/changes": {
            "post": {
                "operationId": "change",
                "summary": "Changes what is there",
                "description": "A change of one item that fails is refused as that item is; of several, each outcome tells.",
                "parameters": [key(), wait()],
                "requestBody": body("Change"),
                "responses": {"200": answer("Job"), "202": answer("Job"), "413": problem(), "422": problem(), "default": problem()},
            },
        },
        "/api/v1/jobs": {
            "get": {"operationId": "listJobs", "summary": "The caller's changes of late, newest first, without outcomes", "responses": {"200": answer("Jobs"), "default": problem()}},
        },
        "/api/v1/jobs/{id}": {
            "get": {
                "operationId": "readJob",
                "summary": "How a change stands",
                "parameters": [id(), query("seen", json!({"type": "integer", "minimum": 0, "default": 0}), "The version that is known already."), wait()],
                "responses": {"200": answer("Job"), "default": problem()},
            },
            "delete": {"operationId": "cancelJob", "summary": "Stops a change after the entry that it is at", "parameters": [id()], "responses": {"200": answer("Job"), "default": problem()}},
        },
        "/api/v1/trash": {
            "get": {
                "operationId": "listTrash",
                "summary": "What is in the trash, newest first",
                "parameters": [
                    query("limit", json!({"type": "integer", "minimum": 1, "maximum": TRASH_LIMIT_MAX, "default": TRASH_LIMIT_MAX}), "Most items in the answer."),
                    query("cursor", json!({"type": "string"}), "`next_cursor` of the page before."),
                ],
                "responses": {"200": with_headers(answer("Trash"), folder_headers()), "default": problem()},
            },
        },
        "/api/v1/digest/{path}": {
            "get": {
                "operationId": "readDigest",
                "summary": "What a file's content comes to",
                "parameters": [path(), query("algorithm", json!({"type": "array", "items": {"type": "string", "enum": algorithms}, "default": ["blake3"]}), "By what; may be repeated.")],
                "responses": {"200": answer("FileDigests"), "default": problem()},
            },
        },
        "/api/v1/events": {
            "get": {
                "operationId": "watchFolder",
                "summary": "What happens in a folder, as server-sent events",
                "parameters": [
                    json!({"name": "path", "in": "query", "required": true, "description": "The folder.", "schema": {"$ref": "#/components/schemas/Path"}}),
                    query("after", json!({"type": "string"}), "The id of the event heard last; `Last-Event-ID` goes before it."),
                    header("Last-Event-ID"),
                ],
                "responses": {"200": {"description": "`data` is a EventKind, `id` its place.", "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/EventKind"}}}}, "429": problem(), "default": problem()},
            },
        },
    })
}
