//! The command line: what there is to say, in types. What is done about it is in `run` and in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{CommonSettings, HttpSettings, TcpSettings};

/// Passerelle: the files of a machine, in a browser, byte for byte.
#[derive(Parser, Debug)]
#[command(name = "passerelle", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 not found; 4 not allowed, or the key is wrong; \
                          5 the server cannot be reached; 6 done in part, the rest is named on standard error.";

/// What can be done.
#[derive(Subcommand, Debug)]
pub enum Command {
    #[command(flatten)]
    Server(ServerCommand),
    #[command(flatten)]
    Client(ClientCommand),
}

/// What runs until it is told to stop.
#[derive(Subcommand, Debug)]
pub enum ServerCommand {
    /// Serve a folder: the page, the HTTP API and the framed protocol, in one process.
    Serve(ServeArgs),
    /// Serve a folder by the framed protocol alone, for a gateway elsewhere on this machine.
    Storage(StorageArgs),
    /// Serve the page and the HTTP API alone, in front of `passerelle storage`.
    Gateway(GatewayArgs),
}

/// What asks a running server for something.
#[derive(Subcommand, Debug)]
pub enum ClientCommand {
    /// List a folder.
    Ls(LsArgs),
    /// Say what is known of a file or folder.
    Stat(StatArgs),
    /// Download files and folders.
    Get(GetArgs),
    /// Ask whether the file server is there.
    Ping(PingArgs),
}

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
    pub common: CommonSettings,
}

/// `passerelle storage`.
#[derive(Args, Debug)]
pub struct StorageArgs {
    /// The folder to serve.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// The key that the gateway must hold; made there, readable by its owner alone, if it does not exist.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: PathBuf,
    #[command(flatten)]
    pub tcp: TcpSettings,
    #[command(flatten)]
    pub common: CommonSettings,
}

/// `passerelle gateway`.
#[derive(Args, Debug)]
pub struct GatewayArgs {
    /// Where the file server listens.
    #[arg(long, value_name = "ADDR", env = "PASSERELLE_SERVER", default_value = "127.0.0.1:5555")]
    pub server: String,
    /// The key that the file server was started with.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: PathBuf,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub common: CommonSettings,
}

/// Which file server a client verb talks to.
#[derive(Args, Debug, Clone)]
pub struct ConnectArgs {
    /// Where the file server listens.
    #[arg(long, value_name = "ADDR", env = "PASSERELLE_SERVER", default_value = "127.0.0.1:5555")]
    pub server: String,
    /// The key to prove; by default the one that `passerelle serve` left for that address.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: Option<PathBuf>,
    /// Answer in JSON, one object a line.
    #[arg(long)]
    pub json: bool,
}

/// `passerelle ls`.
#[derive(Args, Debug)]
pub struct LsArgs {
    /// The folder, percent-encoded as in a URL; the root by default.
    #[arg(default_value = "/")]
    pub path: String,
    /// Sizes and times too.
    #[arg(short, long)]
    pub long: bool,
    /// name, size or modified.
    #[arg(long, value_name = "KEY", default_value = "name")]
    pub sort: String,
    /// The other way round.
    #[arg(short, long)]
    pub reverse: bool,
    /// Everything below the folder, too.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle stat`.
#[derive(Args, Debug)]
pub struct StatArgs {
    /// The file or folder, percent-encoded as in a URL.
    pub path: String,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle get`.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// Files and folders to download, percent-encoded as in a URL, and last where to put them. A folder arrives under
    /// its own name in a destination that exists, and as the destination where that does not exist; `/` is everything.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<String>,
    /// Start again instead of going on where an earlier download stopped.
    #[arg(long)]
    pub no_resume: bool,
    /// Replace files that exist and differ.
    #[arg(short, long)]
    pub force: bool,
    /// How many files at a time.
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub parallel: u8,
    /// No progress bar.
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle ping`.
#[derive(Args, Debug)]
pub struct PingArgs {
    /// How many times.
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    pub count: u32,
    #[command(flatten)]
    pub connect: ConnectArgs,
}
