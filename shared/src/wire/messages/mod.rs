//! The bodies of frames. The number of a field is never reused, new fields are optional, and a receiver ignores fields
//! that it does not know.

mod bounds;
mod call;
mod caller;
mod callers;
mod changing;
mod common;
mod handshake;
mod reading;
#[cfg(test)]
mod tests;
mod uploading;

pub use bounds::Bounded;
pub use call::{Call, Request};
pub use caller::Caller;
pub use changing::*;
pub use common::*;
pub use handshake::*;
pub use reading::*;
pub use uploading::*;
