//! A wrapper that makes another storage fail, reproducibly: at planned calls, or at random from a seed that a failed
//! test can print.

mod faults;
mod faulty_storage;
mod open;

pub use faults::{Fault, Faults, Operation};
pub use faulty_storage::FaultyStorage;
