//! The client verbs of the command line: each is one file, and says here how it ended.
//!
//! - `connect` finds the address, the key and the paths that were typed;
//! - `exit` is how a verb ends, `print` is what it says, `retry` is how long it waits for a server that went away;
//! - `report` counts what a download or an upload did, `progress` is its line on a terminal;
//! - `job` is a change that the server carries out, `interrupt` is Ctrl-C, `thread` is where files are read and written,
//!   `queue` is where several workers take their work from;
//! - `ls`, `stat`, `ping`, `get`, `put`, `mkdir`, `relocate` (`mv` and `cp`), `rm` and `trash` are the verbs.

mod connect;
mod exit;
mod get;
mod interrupt;
mod job;
mod ls;
mod mkdir;
mod outcomes;
mod ping;
mod print;
mod progress;
mod put;
mod queue;
mod relocate;
mod report;
mod retry;
mod rm;
mod stat;
mod thread;
mod trash;

use std::process::ExitCode;

use crate::cli::{ClientCommand, ConnectArgs, TrashCommand};

/// Does what was asked for, and says how it went in the exit code.
pub async fn run(command: ClientCommand) -> ExitCode {
    let json = connection(&command).json;
    let ended = match command {
        ClientCommand::Ls(args) => ls::run(args).await,
        ClientCommand::Stat(args) => stat::run(args).await,
        ClientCommand::Get(args) => get::run(args).await,
        ClientCommand::Put(args) => put::run(args).await,
        ClientCommand::Mkdir(args) => mkdir::run(args).await,
        ClientCommand::Mv(args) => relocate::mv(args).await,
        ClientCommand::Cp(args) => relocate::cp(args).await,
        ClientCommand::Rm(args) => rm::run(args).await,
        ClientCommand::Trash(args) => trash::run(args.command).await,
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
        ClientCommand::Put(args) => &args.connect,
        ClientCommand::Mkdir(args) => &args.connect,
        ClientCommand::Mv(args) => &args.connect,
        ClientCommand::Cp(args) => &args.connect,
        ClientCommand::Rm(args) => &args.connect,
        ClientCommand::Trash(args) => match &args.command {
            TrashCommand::Ls(args) => &args.connect,
            TrashCommand::Restore(args) => &args.connect,
            TrashCommand::Empty(args) => &args.connect,
        },
        ClientCommand::Ping(args) => &args.connect,
    }
}
