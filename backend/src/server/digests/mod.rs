//! Digests of bytes that pass by. Pure.

mod blake3_tree;
pub(super) mod hash_range;
pub(super) mod hasher;
pub(super) mod upload_hasher;
