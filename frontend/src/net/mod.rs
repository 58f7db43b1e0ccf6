//! The gateway, as the page reaches it.

pub mod page;

pub mod api;
mod fetch;
