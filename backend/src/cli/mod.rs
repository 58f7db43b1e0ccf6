//! The command line: what there is to say, in types. What is done about it is in `run` and in `commands`.

mod changing;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use changing::{
    ConflictArgs, ConflictChoice, CpArgs, MkdirArgs, MvArgs, PutArgs, RmArgs, TrashArgs, TrashCommand, TrashEmptyArgs,
    TrashLsArgs, TrashRestoreArgs,
};

use crate::config::{HttpSettings, ProcessSettings, TcpSettings};

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
                          5 the server cannot be reached; 6 done in part, the rest is named on standard error; \
                          130 interrupted.";

/// What can be done.
#[derive(Subcommand, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as the program runs")]
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
    /// Upload files and folders.
    Put(PutArgs),
    /// Make folders.
    Mkdir(MkdirArgs),
    /// Rename or move files and folders.
    Mv(MvArgs),
    /// Copy files and folders within the server.
    Cp(CpArgs),
    /// Put files and folders into the trash, or remove them for ever.
    Rm(RmArgs),
    /// Look into the trash, bring things back, empty it.
    Trash(TrashArgs),
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
    pub process: ProcessSettings,
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
    pub process: ProcessSettings,
}

/// `passerelle gateway`.
#[derive(Args, Debug)]
pub struct GatewayArgs {
    /// Where the file server listens: HOST:PORT, or unix:PATH for its Unix socket.
    #[arg(long, value_name = "ADDR", env = "PASSERELLE_SERVER", default_value = "127.0.0.1:5555")]
    pub server: String,
    /// The key that the file server was started with.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: PathBuf,
    #[command(flatten)]
    pub http: HttpSettings,
    #[command(flatten)]
    pub process: ProcessSettings,
}

/// Which file server a client verb talks to.
#[derive(Args, Debug, Clone)]
pub struct ConnectArgs {
    /// Where the file server listens: HOST:PORT, or unix:PATH for its Unix socket.
    #[arg(long, value_name = "ADDR", env = "PASSERELLE_SERVER", default_value = "127.0.0.1:5555")]
    pub server: String,
    /// The key to prove; by default the one that `passerelle serve` left for that address.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: Option<PathBuf>,
    /// Answer in JSON, one object a line; what goes wrong as {"error":{"code","message"}} on standard error.
    #[arg(long)]
    pub json: bool,
}

/// By what `passerelle ls` sorts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum SortBy {
    /// As people count: 9 before 10.
    #[default]
    Name,
    /// Smallest first.
    Size,
    /// Oldest first.
    Modified,
}

const PATHS: &str = "A path may be typed as it is (`docs/my file.txt`) or percent-encoded as in a URL \
                     (`docs/my%20file.txt`); a percent sign itself is always %25. Names are printed so that each line \
                     is a path again: what a terminal cannot show, and the percent sign, come percent-encoded.";

/// `passerelle ls`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct LsArgs {
    /// The folder; the root by default.
    #[arg(default_value = "/")]
    pub path: OsString,
    /// Kind, size in bytes, time (UTC) and where a link leads, too.
    #[arg(short, long)]
    pub long: bool,
    /// By what to sort; folders come first either way.
    #[arg(long, value_name = "KEY", value_enum, default_value_t)]
    pub sort: SortBy,
    /// The other way round.
    #[arg(short, long)]
    pub reverse: bool,
    /// Everything below the folder, too, as paths that begin there; links to folders are not entered.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle stat`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct StatArgs {
    /// The file or folder.
    pub path: OsString,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

const GETTING: &str = "\
What is there already:
  A file of the same size and time is left alone and counted as skipped. A file that differs is an error unless --force
  is given; the others are downloaded all the same, and the exit code is 6.

What arrives:
  A file appears under its name once it is complete and on the disk, with its time and, on Unix, the right to execute it.
  Until then it is `.NAME.passerelle-part`, where the next `get` goes on if the file is still the same on the server. If
  the server goes away, it is asked again a few times.

Links:
  A link named as SRC is followed. Below a folder, links to what is downloaded too are made again (on Unix); links that
  lead elsewhere or nowhere are left out with a warning, which does not change the exit code. Nothing is ever written
  through a link below DEST.";

/// `passerelle get`.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{PATHS}\n\n{GETTING}"), after_help = "`passerelle get --help` says more.")]
pub struct GetArgs {
    /// Files and folders to download, and last where to put them. A folder arrives under its own name in a destination
    /// that exists, and as the destination where that does not exist; `/` is everything. `-` as the destination writes
    /// one file to standard output.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    /// Start again instead of going on where an earlier download stopped.
    #[arg(long)]
    pub no_resume: bool,
    /// Replace files that exist and differ.
    #[arg(short, long)]
    pub force: bool,
    /// How many files at a time.
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub parallel: u8,
    /// How often to ask again when the server goes away, each time after a longer wait, 8 seconds at most.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub retries: u32,
    /// No progress line and no summary, only what goes wrong.
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle ping`.
#[derive(Args, Debug)]
pub struct PingArgs {
    /// How many times.
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Milliseconds from one to the next.
    #[arg(short, long, value_name = "N", default_value_t = 1000)]
    pub interval: u64,
    #[command(flatten)]
    pub connect: ConnectArgs,
}
