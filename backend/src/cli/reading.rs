//! Arguments of the client verbs that change nothing on the server.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::connect::{ConnectArgs, PATHS};

/// The sort key of `passerelle ls`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum SortBy {
    /// In natural order: 9 before 10.
    #[default]
    Name,
    /// Smallest first.
    Size,
    /// Oldest first.
    Modified,
}

/// `passerelle ls`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct LsArgs {
    /// The folder; the root by default.
    #[arg(default_value = "/")]
    pub path: OsString,
    /// Also print kind, size in bytes, time (UTC) and the target of a link.
    #[arg(short, long)]
    pub long: bool,
    /// Sort key; folders come first in any case.
    #[arg(long, value_name = "KEY", value_enum, default_value_t)]
    pub sort: SortBy,
    /// Reverse the order.
    #[arg(short, long)]
    pub reverse: bool,
    /// Also list everything below the folder, as paths relative to it; links to folders are not followed.
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

const GET_DETAILS: &str = "\
Existing files:
  A local file of the same size and time is skipped. One that differs is a failure unless --force is given; the other
  files are downloaded nevertheless, and the exit code is 6.

Downloaded files:
  A file gets its name when it is complete and on the disk, with its time and, on Unix, its execute permission. Until
  then it is `.NAME.passerelle-part`. After Ctrl-C or a failure, the same command goes on with it, if the file on the
  server is unchanged; a download that succeeds leaves no such file. If the server cannot be reached, `get` tries again a
  few times.

The same command again:
  A folder that became DEST is DEST again, as long as it exists: this user's state directory has a note of it.

Links:
  A link named as SRC is followed. Below a folder, links to downloaded entries are made again (on Unix); other links are
  left out with a warning, which does not change the exit code. Nothing is written through a link below DEST.";

/// `passerelle get`.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{PATHS}\n\n{GET_DETAILS}"), after_help = "More details: `passerelle get --help`.")]
#[command(override_usage = "passerelle get [OPTIONS] SRC… DEST")]
pub struct GetArgs {
    /// Files and folders to download, and the destination last. A folder goes into a destination that exists, under its
    /// own name, and otherwise becomes it, as with `cp -r`; but the same command again goes on where it stopped. `/` means
    /// everything. `-` as the destination writes one file to standard output.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    /// Start unfinished files over instead of going on with them.
    #[arg(long)]
    pub no_resume: bool,
    /// Replace files that exist and differ.
    #[arg(short, long)]
    pub force: bool,
    /// How many files to download at once.
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub parallel: u8,
    /// How often to try again if the server cannot be reached, with waits of up to 8 seconds.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub retries: u32,
    /// Print no progress and no summary, only failures.
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `passerelle ping`.
#[derive(Args, Debug)]
pub struct PingArgs {
    /// Number of pings.
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Milliseconds between pings.
    #[arg(short, long, value_name = "N", default_value_t = 1000)]
    pub interval: u64,
    #[command(flatten)]
    pub connect: ConnectArgs,
}
