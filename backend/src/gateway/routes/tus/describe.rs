//! Descriptions of the operations on uploads for the OpenAPI document.

use serde_json::{Value, json};
use shared::limits::UPLOAD_METADATA_BYTES_MAX;

use super::headers::OFFSET_STREAM;
use crate::gateway::openapi::operation::{Operation, schema};

fn version() -> Value {
    json!({"name": "Tus-Resumable", "in": "header", "required": true, "schema": {"const": "1.0.0"}})
}

pub(crate) fn describe_list() -> Operation {
    let uploads = json!({"type": "array", "items": schema("Upload")});
    Operation::new("listUploads", "The caller's uploads: those that are no files yet, then the newest")
        .schema("Uploads", json!({"type": "object", "required": ["uploads"], "properties": {"uploads": uploads}}))
        .json("200", "Uploads")
        .problems([])
}

pub(crate) fn describe_create() -> Operation {
    let metadata = format!(
        "Upload-Metadata, of at most {UPLOAD_METADATA_BYTES_MAX} bytes, has `path` (percent-encoded) or `filename` (raw), and may have `mtime` (milliseconds since 1970), `blake3` (hexadecimal) and `conflict`. A complete upload becomes a file at once."
    );
    Operation::new("createUpload", "A new upload (tus 1.0.0)")
        .description(metadata)
        .parameter(version())
        .headers(["Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat", "Upload-Checksum"])
        .headers(["Repr-Digest", "If-Match", "If-None-Match"])
        .idempotency_key()
        .body(false, OFFSET_STREAM, json!({}))
        .says("201", "Location is the address of the upload.")
        .problems(["409", "412", "413", "422", "429", "460", "507"])
}

pub(crate) fn describe_capabilities() -> Operation {
    Operation::new("describeUploads", "The supported parts of tus")
        .says("204", "Tus-Version, Tus-Extension, Tus-Checksum-Algorithm, and Tus-Max-Size if there is a limit.")
}

pub(crate) fn describe_read() -> Operation {
    Operation::new("readUpload", "The state of an upload").id().json("200", "Upload").problems([])
}

pub(crate) fn describe_head() -> Operation {
    Operation::new("findUpload", "The offset of an upload (tus 1.0.0)")
        .id()
        .parameter(version())
        .says("200", "Upload-Offset, and Upload-Length or Upload-Defer-Length. A complete upload is a file; until it is one, the answer is the problem.")
        .says("404", "There is no such upload.")
        .says("410", "The upload has expired or was terminated.")
        .says("412", "Tus-Resumable names no supported version; Tus-Version does.")
}

pub(crate) fn describe_override() -> Operation {
    let method = json!({"name": "X-HTTP-Method-Override", "in": "header", "required": true, "schema": {"enum": ["PATCH", "DELETE", "HEAD"]}});
    Operation::new("overrideUploadMethod", "PATCH, DELETE or HEAD for clients that cannot send it (tus 1.0.0)")
        .description("The request and the answer are those of the method that the header names.")
        .id()
        .parameter(version())
        .parameter(method)
        .headers(["Upload-Offset", "Upload-Length", "Upload-Checksum", "Repr-Digest"])
        .body(false, OFFSET_STREAM, json!({}))
        .says("200", "The answer to HEAD.")
        .says("204", "The answer to PATCH or DELETE.")
        .problems(["405", "409", "410", "412", "413", "415", "423", "460", "507"])
}

pub(crate) fn describe_patch() -> Operation {
    let offset = json!({"name": "Upload-Offset", "in": "header", "required": true, "schema": {"type": "integer"}});
    Operation::new("appendToUpload", "Appends bytes to an upload (tus 1.0.0)")
        .description("Bytes are durable before they are acknowledged, and kept if the request breaks off. The last ones make the file, provided that its content matches the optional `Repr-Digest` (`blake3`).")
        .id()
        .parameter(version())
        .parameter(offset)
        .headers(["Upload-Length", "Upload-Checksum", "Repr-Digest"])
        .body(true, OFFSET_STREAM, json!({}))
        .says(
            "204",
            "Upload-Offset; and for a complete upload Content-Location, ETag, Repr-Digest, Upload-Outcome, \
             Upload-Replaced.",
        )
        .problems(["409", "410", "412", "413", "415", "423", "460", "507"])
}

pub(crate) fn describe_delete() -> Operation {
    Operation::new("giveUpUpload", "Terminates an upload (tus 1.0.0)")
        .id()
        .parameter(version())
        .says("204", "The bytes of the upload are deleted.")
        .problems([])
}

pub(crate) fn describe_commit() -> Operation {
    let properties = json!({"path": schema("Path"), "conflict": schema("Conflict"), "if_match": schema("ETag")});
    Operation::new("commitUpload", "Makes a complete upload a file, with another conflict rule or path")
        .id()
        .headers(["Repr-Digest"])
        .schema("CommitUpload", json!({"type": "object", "properties": properties}))
        .json_body("CommitUpload")
        .json("200", "Upload")
        .problems(["409", "412", "460"])
}
