//! `/api/v1/uploads`: resumable uploads by tus 1.0.0 with its extensions creation (with-upload, defer-length), expiration,
//! termination, checksum and concatenation; and the same uploads as JSON.
//!
//! The file server makes the file once it has the last byte. Where that fails the bytes stay, and requests are answered
//! with the reason: a tus client takes a complete upload for a finished one and never comes back.

mod append;
mod create;
mod describe;
mod headers;
mod metadata;
mod request;
mod state;

pub(crate) use append::patch;
pub(crate) use create::{capabilities, create};
pub(crate) use describe::{
    describe_capabilities, describe_commit, describe_create, describe_delete, describe_head, describe_list,
    describe_override, describe_patch, describe_read,
};
pub(crate) use headers::{METHOD_OVERRIDE, RESUMABLE, VERSIONS};
pub(crate) use state::{commit, delete, head, list, read};
