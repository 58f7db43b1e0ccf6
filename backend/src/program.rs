//! The command `passerelle`, from its arguments to its exit code. The page is handed in by the crate that links it.

use std::process::ExitCode;

use crate::cli::{Cli, Command, GatewayArgs, ServeArgs, ServerCommand, StorageArgs};
use crate::config::FileSettings;
use crate::gateway::PageFiles;
use crate::{commands, run, telemetry};
use clap::Parser;
use tokio_util::sync::CancellationToken;

/// Runs the command that the process was started with.
pub fn main(page: PageFiles) -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::fail(&format!("no threads to run on: {error}")),
    };
    let code = runtime.block_on(execute(cli.command, page));
    telemetry::flush();
    code
}

async fn execute(command: Command, page: PageFiles) -> ExitCode {
    match command {
        Command::Client(client) => commands::run(client).await,
        Command::Server(server) => match serve(server, page).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => commands::fail(&error.to_string()),
        },
    }
}

async fn serve(command: ServerCommand, page: PageFiles) -> Result<(), Box<dyn std::error::Error>> {
    let (ServerCommand::Serve(ServeArgs { common, .. })
    | ServerCommand::Storage(StorageArgs { common, .. })
    | ServerCommand::Gateway(GatewayArgs { common, .. })) = &command;
    let file = FileSettings::read(common.config.as_deref())?;
    let common = common.clone().settle(&file);
    telemetry::start(common.log, common.log_format);
    let shutdown = CancellationToken::new();
    run::stop_at_signals(shutdown.clone());
    match command {
        ServerCommand::Serve(args) => {
            let mut http = args.http.settle(&file)?;
            http.gateway.page = page;
            run::serve(&args.folder, http, args.tcp.settle(&file)?, common, shutdown).await?;
        }
        ServerCommand::Storage(args) => {
            run::serve_storage(&args.folder, &args.key, args.tcp.settle(&file)?, common, shutdown).await?;
        }
        ServerCommand::Gateway(args) => {
            let mut http = args.http.settle(&file)?;
            http.gateway.page = page;
            run::serve_gateway(&args.server, &args.key, http, common, shutdown).await?;
        }
    }
    Ok(())
}
