//! The one integration binary: each file is a subject, seen through the rooms' public faces.
#![allow(clippy::unwrap_used)]

mod storage;
