//! Test doubles: a backend that fails on demand, and a disk that loses power.

pub mod faulty;
mod scramble;
pub mod simulated;
