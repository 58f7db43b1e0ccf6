//! The HTTP API as types: an [`Endpoint`] defines method, path and answer for both page and gateway.

pub mod changes;
pub mod events;
pub mod files;
mod problem;
pub mod uploads;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::JobId;

pub use problem::{PROBLEM_TYPE, Problem};

/// The prefix of all paths of the API.
pub const BASE: &str = "/api/v1";

/// The response header with the caller's rights in the folder of the answer: the names of [`crate::Rights`], separated by
/// spaces. The page decides by it which buttons to show; the file server authorises each request regardless of it.
pub const RIGHTS_HEADER: &str = "passerelle-rights";

/// The HTTP methods of the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes.
    Post,
    /// Cancels.
    Delete,
}

/// A request with an answer in JSON. With [`Method::Post`], the request is also the body, as JSON.
pub trait Endpoint: Serialize {
    /// The answer on success.
    type Answer: DeserializeOwned;

    /// The HTTP method.
    const METHOD: Method = Method::Get;

    /// Path and query below [`BASE`], percent-encoded, with a leading slash.
    fn target(&self) -> String;

    /// The value of the `Idempotency-Key` field, if the request has one.
    fn idempotency_key(&self) -> Option<JobId> {
        None
    }

    /// The value of the `Repr-Digest` field, if the request has one.
    fn repr_digest(&self) -> Option<&str> {
        None
    }
}
