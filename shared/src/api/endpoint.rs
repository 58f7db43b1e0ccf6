//! The shape of a request: method, path, and the type of its answer.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::JobId;

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

    /// Path and query below [`super::BASE`], percent-encoded, with a leading slash.
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
