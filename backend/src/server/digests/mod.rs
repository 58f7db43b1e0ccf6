//! Digests of the bytes that pass.

pub(in crate::server) mod hasher;
