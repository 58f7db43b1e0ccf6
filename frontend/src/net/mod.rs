//! Requests to the gateway. [`listing_page`] is pure.

pub mod api;
pub mod events;
mod fetch;
pub(crate) mod jobs;
pub mod listing_page;
#[cfg(test)]
pub(crate) mod sample;
pub mod urls;
