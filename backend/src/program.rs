//! The command `passerelle`, from its arguments to its exit code. The page is handed in by the crate that links it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::cli::{Cli, Command, GatewayArgs, ServeArgs, ServerCommand, StorageArgs, hint};
use crate::config::FileSettings;
use crate::gateway::PageFiles;
use crate::{commands, run, telemetry};

/// Runs the command that the process was started with.
pub fn main(page: PageFiles) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::fail(&format!("no threads can be started: {error}")),
    };
    let code = runtime.block_on(execute(cli.command, page));
    telemetry::flush();
    code
}

/// Prints help, version or what is wrong with the arguments.
fn refuse(error: &clap::Error) -> ExitCode {
    let subcommand = std::env::args_os().nth(1);
    let hint = hint(error, subcommand.as_deref().and_then(OsStr::to_str), |path| Path::new(path).is_dir());
    // There is no other place to report that standard error is closed.
    let _ = error.print();
    if let Some(hint) = hint {
        eprintln!("\n{hint}");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

async fn execute(command: Command, page: PageFiles) -> ExitCode {
    match command {
        Command::Client(client) => commands::run(client).await,
        Command::Key(command) => commands::run_key(command),
        Command::Server(server) => match serve(server, page).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => commands::fail(&error.to_string()),
        },
    }
}

async fn serve(command: ServerCommand, page: PageFiles) -> Result<(), Box<dyn std::error::Error>> {
    let (ServerCommand::Serve(ServeArgs { process, .. })
    | ServerCommand::Storage(StorageArgs { process, .. })
    | ServerCommand::Gateway(GatewayArgs { process, .. })) = &command;
    let file = FileSettings::read(process.config.as_deref())?;
    let process = process.clone().resolve(&file.process);
    telemetry::start(process.log, process.log_format);
    let shutdown = CancellationToken::new();
    run::stop_at_signals(shutdown.clone());
    match command {
        ServerCommand::Serve(args) => {
            let mut http = args.http.resolve(&file.http)?;
            http.gateway.page = page;
            run::serve(&args.folder, http, args.tcp.resolve(&file.tcp)?, process, shutdown).await?;
        }
        ServerCommand::Storage(args) => {
            run::serve_storage(&args.folder, &args.key, args.tcp.resolve(&file.tcp)?, process, shutdown).await?;
        }
        ServerCommand::Gateway(args) => {
            let mut http = args.http.resolve(&file.http)?;
            http.gateway.page = page;
            run::serve_gateway(&args.server, &args.key, http, process, shutdown).await?;
        }
    }
    Ok(())
}
