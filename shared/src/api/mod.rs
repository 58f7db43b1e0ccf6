//! The HTTP API as types: an [`Endpoint`] defines method, path and answer for both page and gateway.

pub mod changes;
mod endpoint;
pub mod events;
pub mod files;
mod problem;
pub mod uploads;

pub use endpoint::{Endpoint, Method};
pub use problem::{PROBLEM_TYPE, Problem};

/// The prefix of all paths of the API.
pub const BASE: &str = "/api/v1";

/// The response header with the caller's rights in the folder of the answer: the names of [`crate::Rights`], separated
/// by spaces. The page decides by it which buttons to show; the file server authorises each request regardless of it.
pub const RIGHTS_HEADER: &str = "passerelle-rights";
