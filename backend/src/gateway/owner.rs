//! As whom a request takes what clients share.

use http::Extensions;

use crate::admission::Who;

/// The client of the request, which the middleware stores; [`Who::one`] for a request that came over no connection.
pub(crate) fn owner(extensions: &Extensions) -> Who {
    extensions.get().copied().unwrap_or_else(Who::one)
}
