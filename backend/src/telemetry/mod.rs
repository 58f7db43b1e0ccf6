//! The log of the process, on standard error: lines of text or JSON. Standard output is for results.

mod line;
mod start;
mod writer;

pub use start::{flush, start};
