//! Arguments of the client verbs that change files on the server.

use std::ffi::OsString;

use clap::{Args, Subcommand};

use super::connect::{ConflictArgs, ConnectArgs, PATHS};

/// `passerelle mkdir`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct MkdirArgs {
    /// The folders.
    #[arg(required = true)]
    pub paths: Vec<OsString>,
    /// Also make missing parents, and accept folders that exist.
    #[arg(short, long)]
    pub parents: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle mv`.
#[derive(Args, Debug)]
#[command(after_help = PATHS, override_usage = "passerelle mv [OPTIONS] SRC… DEST")]
pub struct MvArgs {
    /// Files and folders of the server, and the destination last: an existing folder, or a new name. Replaced files are
    /// moved to the trash.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle cp`.
#[derive(Args, Debug)]
#[command(after_help = PATHS, override_usage = "passerelle cp [OPTIONS] SRC… DEST")]
pub struct CpArgs {
    /// Files and folders of the server, and the destination last: an existing folder, or a new name. Replaced files are
    /// moved to the trash.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    /// Also copy folders, with their content.
    #[arg(short, long, visible_short_alias = 'R')]
    pub recursive: bool,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle rm`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct RmArgs {
    /// Files and folders to move to the trash. `passerelle trash restore` restores them.
    #[arg(required = true)]
    pub paths: Vec<OsString>,
    /// Also remove folders, with their content.
    #[arg(short, long, visible_short_alias = 'R')]
    pub recursive: bool,
    /// Delete permanently instead of moving to the trash.
    #[arg(long)]
    pub forever: bool,
    /// Ignore paths that do not exist.
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle trash`.
#[derive(Args, Debug)]
pub struct TrashArgs {
    /// The action.
    #[command(subcommand)]
    pub command: TrashCommand,
}

/// An action on the trash.
#[derive(Subcommand, Debug)]
pub enum TrashCommand {
    /// List the trash, newest first: id, time of removal (UTC), size in bytes, original path.
    Ls(TrashLsArgs),
    /// Restore items.
    Restore(TrashRestoreArgs),
    /// Delete items permanently.
    Empty(TrashEmptyArgs),
}

/// `passerelle trash ls`.
#[derive(Args, Debug)]
pub struct TrashLsArgs {
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle trash restore`.
#[derive(Args, Debug)]
pub struct TrashRestoreArgs {
    /// The ids that `trash ls` prints.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// Restore to this path instead of the original one; for a single item.
    #[arg(long, value_name = "PATH")]
    pub to: Option<OsString>,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle trash empty`.
#[derive(Args, Debug)]
pub struct TrashEmptyArgs {
    /// The ids that `trash ls` prints; everything by default.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub connect: ConnectArgs,
}
