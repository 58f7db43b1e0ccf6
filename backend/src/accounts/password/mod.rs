//! Passwords: what may be chosen, and their hashes (Argon2id, RFC 9106), in a bounded pool.

mod common;
mod hash;
mod pool;
mod text;

pub use hash::HashError;
pub use pool::{PasswordPool, PoolError, Verdict};
pub use text::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, Password, PasswordError};
