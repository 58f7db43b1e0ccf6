//! The one integration binary: all rooms together, in process, on port 0.

mod web;
mod world;

mod archive;
mod cli;
mod conditional;
mod framed;
mod hostile_http;
mod http;
mod protocol_document;
mod python_client;
mod spa;
mod storage;
