//! What there is to say to the verbs that change files, in types.

use std::ffi::OsString;

use clap::{Args, Subcommand, ValueEnum};
use shared::Conflict;

use super::{ConnectArgs, PATHS};

/// What to do where something stands at the destination already, as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ConflictChoice {
    /// Leave it, and say so.
    #[default]
    Fail,
    /// Put the new file in its place.
    Replace,
    /// Choose a free name beside it: `name (2).ext`.
    KeepBoth,
    /// Leave it, and count that as done.
    Skip,
}

/// The same, with the short words that people know from `cp` and `mv`.
#[derive(Args, Debug, Clone, Copy)]
pub struct ConflictArgs {
    /// What to do where something stands at the destination already.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    conflict: ConflictChoice,
    /// `--conflict replace`.
    #[arg(short, long, conflicts_with_all = ["conflict", "no_clobber"])]
    force: bool,
    /// `--conflict skip`.
    #[arg(short, long, conflicts_with = "conflict")]
    no_clobber: bool,
}

impl ConflictArgs {
    /// What was chosen.
    pub fn chosen(self) -> Conflict {
        match self.conflict {
            _ if self.force => Conflict::Replace,
            _ if self.no_clobber => Conflict::Skip,
            ConflictChoice::Fail => Conflict::Fail,
            ConflictChoice::Replace => Conflict::Replace,
            ConflictChoice::KeepBoth => Conflict::KeepBoth,
            ConflictChoice::Skip => Conflict::Skip,
        }
    }
}

const PUTTING: &str = "\
What is there already:
  A file with the same content is left alone and counted as skipped. One that differs is an error unless --conflict says
  otherwise; the others are uploaded all the same, and the exit code is 6.

What arrives:
  A file appears under its name once it is complete, on the server's disk, and proved by its BLAKE3 digest; until then
  whatever was there stays. It keeps its time and, from Unix, the owner's right to execute it. If the server goes away, it
  is asked again a few times. Ctrl-C leaves what came of large files (8 MB and more) on the server, where the same command
  goes on from there for a week.

Links:
  A link named as SRC is followed. Below a folder, links are left out with a warning, which does not change the exit code.";

/// `passerelle put`.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{PATHS}\n\n{PUTTING}"), after_help = "`passerelle put --help` says more.")]
pub struct PutArgs {
    /// Files and folders of this machine, and last where to put them on the server. A folder arrives under its own name
    /// in a destination that exists, and as the destination where that does not exist; `.` is what is in this folder.
    /// `-` as the only source is standard input.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    /// Start again instead of going on where an earlier upload stopped.
    #[arg(long)]
    pub no_resume: bool,
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

/// `passerelle mkdir`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct MkdirArgs {
    /// The folders.
    #[arg(required = true)]
    pub paths: Vec<OsString>,
    /// Make the folders on the way, too, and leave alone what is there already.
    #[arg(short, long)]
    pub parents: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle mv`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct MvArgs {
    /// Files and folders of the server, and last where to move them: into a folder that exists, or to a new name. What
    /// is replaced on the way goes to the trash.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle cp`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct CpArgs {
    /// Files and folders of the server, and last where to copy them: into a folder that exists, or to a new name. What
    /// is replaced on the way goes to the trash.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    /// Folders with all that is in them, too.
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
    /// What to put into the trash, from where `passerelle trash restore` brings it back.
    #[arg(required = true)]
    pub paths: Vec<OsString>,
    /// Folders with all that is in them, too.
    #[arg(short, long, visible_short_alias = 'R')]
    pub recursive: bool,
    /// Remove for ever, not to the trash.
    #[arg(long)]
    pub forever: bool,
    /// Do not mind what is not there.
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle trash`.
#[derive(Args, Debug)]
pub struct TrashArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: TrashCommand,
}

/// What can be done with the trash.
#[derive(Subcommand, Debug)]
pub enum TrashCommand {
    /// Say what is in it, newest first: its id, when it was put there (UTC), its size in bytes, where it was.
    Ls(TrashLsArgs),
    /// Bring things back.
    Restore(TrashRestoreArgs),
    /// Remove what is in it for ever.
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
    /// Which, as `trash ls` names them.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// To another path than where it was; for one thing.
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
    /// Only these, as `trash ls` names them; everything by default.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub connect: ConnectArgs,
}
