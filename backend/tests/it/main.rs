//! The one integration binary: all rooms together, in process, on port 0.

mod world;

mod cli;
mod framed;
mod protocol_document;
mod python_client;
mod storage;
