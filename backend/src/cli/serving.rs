//! Arguments of the servers.

use std::path::PathBuf;

use clap::Args;

use crate::config::{HttpSettings, ProcessSettings, TcpSettings};

/// `passerelle serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// The folder to serve.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub tcp: TcpSettings,
    #[command(flatten)]
    pub process: ProcessSettings,
}

/// `passerelle storage`.
#[derive(Args, Debug)]
pub struct StorageArgs {
    /// The folder to serve.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// File with the key that gateways must have. If it does not exist, it is made, readable by this user only.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: PathBuf,
    #[command(flatten)]
    pub tcp: TcpSettings,
    #[command(flatten)]
    pub process: ProcessSettings,
}

/// `passerelle gateway`.
#[derive(Args, Debug)]
pub struct GatewayArgs {
    /// Address of the file server: HOST:PORT, or unix:PATH for its Unix socket.
    #[arg(long, value_name = "ADDRESS", env = "PASSERELLE_SERVER", default_value = "127.0.0.1:5555")]
    pub server: String,
    /// File with the key of the file server.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: PathBuf,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub process: ProcessSettings,
}
