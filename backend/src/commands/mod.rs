//! The client verbs of the command line.

use std::process::ExitCode;

use crate::cli::ClientCommand;

/// Does what was asked for, and says how it went in the exit code.
pub async fn run(command: ClientCommand) -> ExitCode {
    let _ = command;
    ExitCode::FAILURE
}

/// Says what went wrong, on standard error.
pub fn fail(message: &str) -> ExitCode {
    eprintln!("passerelle: {message}");
    ExitCode::FAILURE
}
