//! The rows of the benchmark, a file each: a row measures, and states its goals.

mod archives;
mod curves;
mod downloads;
mod idle;
mod listings;
mod registry;
mod small;
mod tls;
mod uploads;
mod zip;

pub(crate) use registry::{ROWS, list};
