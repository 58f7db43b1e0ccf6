//! The program `passerelle`: the server (crate `backend`) with the files of the page linked in.
//!
//! A crate of its own, so that the server compiles beside the page: only this file waits for both.

use std::process::ExitCode;

use backend::gateway::PageFiles;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Read from the file of the program by `bench`, which measures no build of the profile `quick`.
#[used]
static PROFILE: &str = concat!("passerelle-profile=", env!("PASSERELLE_PROFILE"));

fn main() -> ExitCode {
    backend::program::main(PageFiles(FILES))
}
