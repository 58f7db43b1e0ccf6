//! Runs the verb that was given, and turns its result into the exit code.

use std::process::ExitCode;

use super::failure::{Exit, Failure};
use super::{get, key, ls, mkdir, move_copy, output, ping, put, rm, stat, trash};
use crate::cli::{ClientCommand, ConnectArgs, KeyCommand, TrashCommand};

/// Runs a client verb. Its failure is printed on standard error.
pub async fn run(command: ClientCommand) -> ExitCode {
    let json = connect_args(&command).json;
    let result = match command {
        ClientCommand::Ls(args) => ls::run(args).await,
        ClientCommand::Stat(args) => stat::run(args).await,
        ClientCommand::Get(args) => get::run(args).await,
        ClientCommand::Put(args) => put::run(args).await,
        ClientCommand::Mkdir(args) => mkdir::run(args).await,
        ClientCommand::Mv(args) => move_copy::mv(args).await,
        ClientCommand::Cp(args) => move_copy::cp(args).await,
        ClientCommand::Rm(args) => rm::run(args).await,
        ClientCommand::Trash(args) => trash::run(args.command).await,
        ClientCommand::Ping(args) => ping::run(args).await,
    };
    exit_code(json, result)
}

/// Runs a verb of `passerelle key`. Its failure is printed on standard error.
pub fn run_key(command: KeyCommand) -> ExitCode {
    let json = command.json();
    exit_code(json, key::run(command))
}

fn exit_code(json: bool, result: Result<Exit, Failure>) -> ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure(json, &failure);
            failure.exit.into()
        }
    }
}

/// Prints why a server did not start, on standard error.
pub fn fail(message: &str) -> ExitCode {
    eprintln!("passerelle: {message}");
    ExitCode::FAILURE
}

fn connect_args(command: &ClientCommand) -> &ConnectArgs {
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
