//! The gateway, as the page reaches it. [`page`] is pure.

pub mod api;
mod fetch;
pub mod page;
#[cfg(test)]
pub(crate) mod sample;
