//! What every request passes before and after its handler: request id, access log, Host, CSRF and CORS checks.

mod access_log;
pub(super) mod cors;
pub(super) mod csrf;
pub(super) mod host;
pub(super) mod service;
