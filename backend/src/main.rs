//! The command `passerelle`.

use std::process::ExitCode;

use backend::cli::{Cli, Command, GatewayArgs, ServeArgs, ServerCommand, StorageArgs};
use backend::config::FileSettings;
use backend::{commands, run, telemetry};
use clap::Parser;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::fail(&format!("no threads to run on: {error}")),
    };
    let code = runtime.block_on(execute(cli.command));
    telemetry::flush();
    code
}

async fn execute(command: Command) -> ExitCode {
    match command {
        Command::Client(client) => commands::run(client).await,
        Command::Server(server) => match serve(server).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => commands::fail(&error.to_string()),
        },
    }
}

async fn serve(command: ServerCommand) -> Result<(), Box<dyn std::error::Error>> {
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
            run::serve(&args.folder, args.http.settle(&file)?, args.tcp.settle(&file)?, common, shutdown).await?;
        }
        ServerCommand::Storage(args) => {
            run::serve_storage(&args.folder, &args.key, args.tcp.settle(&file)?, common, shutdown).await?;
        }
        ServerCommand::Gateway(args) => {
            run::serve_gateway(&args.server, &args.key, args.http.settle(&file)?, common, shutdown).await?;
        }
    }
    Ok(())
}
