//! The command without the page, for the integration tests and `cargo xtask dev`; crate `page` builds the complete
//! `passerelle`.

use std::process::ExitCode;

use backend::gateway::PageFiles;

fn main() -> ExitCode {
    backend::program::main(PageFiles::default())
}
