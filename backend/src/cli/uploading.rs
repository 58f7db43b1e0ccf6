//! Arguments of `passerelle put`.

use std::ffi::OsString;

use clap::Args;

use super::connect::{ConflictArgs, ConnectArgs, PATHS};

const PUT_DETAILS: &str = "\
Existing files:
  A file on the server with the same content is skipped. One that differs is a failure unless --conflict says otherwise;
  the other files are uploaded nevertheless, and the exit code is 6.

Uploaded files:
  A file gets its name when it is complete, on the server's disk, and verified by its BLAKE3 digest; until then, an
  existing file stays. It keeps its time and, from Unix, the execute permission of its owner. If the server cannot be
  reached, `put` tries again a few times. After Ctrl-C, the server keeps the bytes of large files (8 MB and more) for a
  week, and the same command resumes them.

The same command again:
  A folder that became DEST is DEST again, as long as it exists: this user's state directory has a note of it.

Links:
  A link named as SRC is followed. Below a folder, links are left out with a warning, which does not change the exit
  code.";

/// `passerelle put`.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{PATHS}\n\n{PUT_DETAILS}"), after_help = "More details: `passerelle put --help`.")]
#[command(override_usage = "passerelle put [OPTIONS] SRC… DEST")]
pub struct PutArgs {
    /// Local files and folders to upload, and the destination on the server last. A folder goes into a destination that
    /// exists, under its own name, and otherwise becomes it, as with `cp -r`; but the same command again goes on where it
    /// stopped. `.` means the content of the current folder. `-` as the only source means standard input.
    #[arg(value_name = "SRC… DEST", num_args = 2.., required = true)]
    pub paths: Vec<OsString>,
    #[command(flatten)]
    pub conflict: ConflictArgs,
    /// Start unfinished files over instead of going on with them.
    #[arg(long)]
    pub no_resume: bool,
    /// How many files to upload at once.
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
