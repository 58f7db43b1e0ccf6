//! The status of a response that may be incomplete.

use crate::test_gateway::HttpResponse;

/// Prefixes of the routes that contain a path.
pub(super) const PATHS: [&str; 3] = ["/files/", "/api/v1/list/", "/api/v1/stat/"];

pub(super) fn status(response: &[u8]) -> Option<u16> {
    HttpResponse::read(response, false).map(|response| response.status)
}
