//! The one integration binary: all rooms together, in process, on port 0.

mod world;

mod framed;
mod storage;
