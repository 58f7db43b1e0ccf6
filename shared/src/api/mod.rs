//! The HTTP API as types: an [`Endpoint`] names its method, its path and what it answers, so that the page and the
//! gateway cannot disagree about either.

pub mod files;

pub mod changes;

pub mod uploads;

pub mod events;

mod problem;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::JobId;

pub use problem::{PROBLEM_TYPE, Problem};

/// Where the API starts, below the gateway's base address.
pub const BASE: &str = "/api/v1";

/// The response header with what the caller may do in the folder that the answer is about: the names of
/// [`crate::Rights`], separated by spaces. It is for a page to decide which buttons to show; each request is authorised
/// by itself.
pub const RIGHTS_HEADER: &str = "passerelle-rights";

/// The methods that the API has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Ask.
    Get,
    /// Act.
    Post,
    /// End.
    Delete,
}

/// One request that answers JSON. With [`Method::Post`] the request itself is the body, as JSON.
pub trait Endpoint: Serialize {
    /// The answer on success.
    type Answer: DeserializeOwned;

    /// How it is asked for.
    const METHOD: Method = Method::Get;

    /// The path and query below [`BASE`], percent-encoded, with its leading slash.
    fn target(&self) -> String;

    /// The value of the `Idempotency-Key` field, where the request has one.
    fn idempotency_key(&self) -> Option<JobId> {
        None
    }

    /// The value of the `Repr-Digest` field, where the request has one.
    fn repr_digest(&self) -> Option<&str> {
        None
    }
}
