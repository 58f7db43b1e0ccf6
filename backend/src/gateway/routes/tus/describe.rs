//! Descriptions of the operations on uploads for the OpenAPI document.

use serde_json::{Value, json};
use shared::limits::UPLOAD_METADATA_BYTES_MAX;

use super::headers::OFFSET_STREAM;
use crate::gateway::openapi::operation::Operation;

fn version() -> Value {
    json!({"name": "Tus-Resumable", "in": "header", "required": true, "schema": {"const": "1.0.0"}})
}

pub(crate) fn describe_list() -> Operation {
    Operation::new("listUploads", "The caller's uploads, newest first").json("200", "Uploads").problems([])
}

pub(crate) fn describe_create() -> Operation {
    let metadata = format!(
        "Upload-Metadata, of at most {UPLOAD_METADATA_BYTES_MAX} bytes, has `path` (percent-encoded) or `filename` (raw), and may have `mtime` (milliseconds since 1970), `blake3` (hexadecimal) and `conflict`. An upload that is whole becomes a file at once."
    );
    Operation::new("createUpload", "A new upload (tus 1.0.0)")
        .description(metadata)
        .parameter(version())
        .headers(["Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat", "Upload-Checksum"])
        .headers(["Repr-Digest", "If-Match", "If-None-Match"])
        .idempotency_key()
        .body(false, OFFSET_STREAM, json!({}))
        .says("201", "Location is its address.")
        .problems(["412", "413"])
}

pub(crate) fn describe_capabilities() -> Operation {
    Operation::new("describeUploads", "What of tus is spoken")
        .says("204", "Tus-Version, Tus-Extension, Tus-Checksum-Algorithm, and Tus-Max-Size where there is a bound.")
}

pub(crate) fn describe_read() -> Operation {
    Operation::new("readUpload", "How an upload stands").id().json("200", "Upload").problems([])
}

pub(crate) fn describe_head() -> Operation {
    Operation::new("findUpload", "Where an upload stands (tus 1.0.0); a whole one becomes a file")
        .id()
        .parameter(version())
        .says("200", "Upload-Offset, and Upload-Length or Upload-Defer-Length.")
        .says("404", "There is none.")
        .says("410", "It has expired or was given up.")
}

pub(crate) fn describe_patch() -> Operation {
    let offset = json!({"name": "Upload-Offset", "in": "header", "required": true, "schema": {"type": "integer"}});
    Operation::new("appendToUpload", "Bytes for an upload (tus 1.0.0)")
        .description("They are durable before they are acknowledged, and kept if the request breaks. The last of them make the file, if its content is that of the `Repr-Digest` (`blake3`) that may come with them.")
        .id()
        .parameter(version())
        .parameter(offset)
        .headers(["Upload-Length", "Upload-Checksum", "Repr-Digest"])
        .body(true, OFFSET_STREAM, json!({}))
        .says("204", "Upload-Offset; once it is a file Content-Location, ETag, Repr-Digest, Upload-Outcome.")
        .problems(["409", "410", "412", "413", "415", "423", "460", "507"])
}

pub(crate) fn describe_delete() -> Operation {
    Operation::new("giveUpUpload", "Gives an upload up (tus 1.0.0)")
        .id()
        .parameter(version())
        .says("204", "Its bytes are gone.")
        .problems([])
}

pub(crate) fn describe_commit() -> Operation {
    Operation::new("commitUpload", "Makes a whole upload a file, with another answer to what stood in its way")
        .id()
        .headers(["Repr-Digest"])
        .json_body("CommitUpload")
        .json("200", "Upload")
        .problems(["409", "412", "460"])
}
