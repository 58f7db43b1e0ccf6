//! The client verbs of the command line: each is one file, and says here how it ended.
//!
//! - `connect` finds the address, the key and the paths that were typed;
//! - `exit` is how a verb ends, `print` is what it says, `retry` is how long it waits for a server that went away;
//! - `report` counts what a download or an upload did, `progress` is its line on a terminal;
//! - `ls`, `stat`, `ping` and `get` are the verbs.

mod connect;
mod exit;
mod get;
mod ls;
mod ping;
mod print;
mod progress;
mod report;
mod retry;
mod stat;
mod thread;

use std::process::ExitCode;

use crate::cli::{ClientCommand, ConnectArgs};

/// Does what was asked for, and says how it went in the exit code.
pub async fn run(command: ClientCommand) -> ExitCode {
    let json = connection(&command).json;
    let ended = match command {
        ClientCommand::Ls(args) => ls::run(args).await,
        ClientCommand::Stat(args) => stat::run(args).await,
        ClientCommand::Get(args) => get::run(args).await,
        ClientCommand::Ping(args) => ping::run(args).await,
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            print::failure(json, &failure);
            failure.exit.into()
        }
    }
}

/// Says what went wrong, on standard error.
pub fn fail(message: &str) -> ExitCode {
    eprintln!("passerelle: {message}");
    ExitCode::FAILURE
}

fn connection(command: &ClientCommand) -> &ConnectArgs {
    match command {
        ClientCommand::Ls(args) => &args.connect,
        ClientCommand::Stat(args) => &args.connect,
        ClientCommand::Get(args) => &args.connect,
        ClientCommand::Ping(args) => &args.connect,
    }
}
