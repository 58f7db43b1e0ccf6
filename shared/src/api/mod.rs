//! The HTTP API as types: an [`Endpoint`] names its method, its path and what it answers, so that the page and the
//! gateway cannot disagree about either.

pub mod files;

mod problem;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use problem::{PROBLEM_TYPE, Problem};

/// Where the API starts, below the gateway's base address.
pub const BASE: &str = "/api/v1";

/// One request that answers JSON.
pub trait Endpoint: Serialize {
    /// The answer on success.
    type Answer: DeserializeOwned;

    /// The path and query below [`BASE`], percent-encoded, with its leading slash.
    fn target(&self) -> String;
}
