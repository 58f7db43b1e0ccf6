//! Arguments that several client verbs share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use shared::Conflict;

/// Help on paths.
pub(super) const PATHS: &str = "A path may be typed as it is (`docs/my file.txt`) or percent-encoded as in a URL \
                                (`docs/my%20file.txt`); a percent sign is always typed as %25. Printed paths are valid \
                                as arguments: the percent sign, and characters that a terminal cannot show, are \
                                percent-encoded.";

/// The file server of a client verb.
#[derive(Args, Debug, Clone)]
pub struct ConnectArgs {
    /// Address of the file server: HOST:PORT, or unix:PATH for its Unix socket.
    #[arg(long, value_name = "ADDRESS", env = "PASSERELLE_SERVER", default_value = "127.0.0.1:5555")]
    pub server: String,
    /// File with the key of the file server [default: the one that this user's `passerelle serve` made].
    #[arg(long, value_name = "FILE", env = "PASSERELLE_KEY")]
    pub key: Option<PathBuf>,
    /// Print JSON for scripts, one object per line; errors are {"error":{"code","message"}} on standard error.
    #[arg(long)]
    pub json: bool,
}

/// What to do if the destination exists, as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ConflictChoice {
    /// Keep the existing file, and fail.
    #[default]
    Fail,
    /// Replace the existing file.
    Replace,
    /// Keep both: the new file becomes `name (2).ext`.
    KeepBoth,
    /// Keep the existing file, and go on.
    Skip,
}

/// [`ConflictChoice`], and the short options of `cp` and `mv`.
#[derive(Args, Debug, Clone, Copy)]
pub struct ConflictArgs {
    /// What to do if the name is taken.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    conflict: ConflictChoice,
    /// Same as `--conflict replace`.
    #[arg(short, long, conflicts_with_all = ["conflict", "no_clobber"])]
    force: bool,
    /// Same as `--conflict skip`.
    #[arg(short, long, conflicts_with = "conflict")]
    no_clobber: bool,
}

impl ConflictArgs {
    /// The rule that was chosen.
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
