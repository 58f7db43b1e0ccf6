//! HTTP semantics that handlers share: conditions, ranges, negotiation, header fields and bodies. No file here knows a
//! route.

pub(super) mod body_stream;
pub(super) mod byteranges;
pub(super) mod conditional;
pub(super) mod content_disposition;
pub(super) mod content_type;
pub(super) mod content_type_cache;
pub(super) mod date;
pub(super) mod digest_fields;
mod error_page;
pub(super) mod form_data;
mod french;
pub(super) mod headers;
pub(super) mod html;
pub(super) mod idempotency_key;
pub(super) mod json;
mod language;
pub(super) mod negotiate;
pub(super) mod observed_body;
pub(super) mod preconditions;
pub(super) mod problem;
pub(super) mod query;
pub(super) mod range;
pub(super) mod redirect;
pub(super) mod request_body;
pub(super) mod request_path;
pub(super) mod sliced_body;
pub(super) mod whole_body;
