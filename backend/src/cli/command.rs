//! The subcommands.

use clap::{Parser, Subcommand};

use super::changing::{CpArgs, MkdirArgs, MvArgs, RmArgs, TrashArgs};
use super::keys::KeyCommand;
use super::reading::{GetArgs, LsArgs, PingArgs, StatArgs};
use super::serving::{GatewayArgs, ServeArgs, StorageArgs};
use super::uploading::PutArgs;

const EXIT_CODES: &str = "Exit codes: 0 success; 1 failure; 2 wrong usage; 3 not found; 4 access denied, or wrong key; \
                          5 server unreachable; 6 partial success, with the failures on standard error; \
                          130 interrupted.";

/// Passerelle: the files of a machine, in a browser.
#[derive(Parser, Debug)]
#[command(name = "passerelle", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Subcommand, Debug)]
#[expect(clippy::large_enum_variant, reason = "one value exists, as long as the program runs")]
pub enum Command {
    #[command(flatten)]
    Server(ServerCommand),
    #[command(flatten)]
    Client(ClientCommand),
    /// Make, list and remove keys of a file server on this machine.
    #[command(subcommand)]
    Key(KeyCommand),
}

/// A subcommand that runs until a signal stops it.
#[derive(Subcommand, Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub enum ServerCommand {
    /// Show a folder in browsers, and serve it to the commands below.
    Serve(ServeArgs),
    /// Serve a folder to `passerelle gateway` and the commands only, without a page.
    Storage(StorageArgs),
    /// Show the folder of a `passerelle storage` in browsers.
    Gateway(GatewayArgs),
}

/// A subcommand that is a client of a running file server.
#[derive(Subcommand, Debug)]
pub enum ClientCommand {
    /// List a folder.
    Ls(LsArgs),
    /// Describe a file or folder.
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
    /// Move files and folders to the trash, or delete them permanently.
    Rm(RmArgs),
    /// List, restore and empty the trash.
    Trash(TrashArgs),
    /// Measure how long the file server takes to answer.
    Ping(PingArgs),
}
