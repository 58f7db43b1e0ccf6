//! Uploads: files from this machine become files of the server, each whole and proved to be so. `model` decides; the
//! rest reads files, sends, hashes and shows.

pub mod model;
