//! What every request passes before and after its handler: request id, access log, checks of Host, of the
//! site that asks and of what it asks for.

mod access_log;
pub(super) mod cors;
pub(super) mod csrf;
pub(super) mod fetch_metadata;
pub(super) mod host;
pub(super) mod origin;
pub(super) mod service;
mod transfer_coding;
