//! Jobs.
pub(super) mod record;
