//! Arguments of `passerelle key`, which makes and removes keys of a file server on this machine.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use shared::Rights;

use super::connect::PATHS;

/// A verb of `passerelle key`.
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a key, and print it: the content of a key file for `--key`.
    New(KeyNewArgs),
    /// List the keys.
    Ls(KeyLsArgs),
    /// Remove a key: its connections end within seconds.
    Revoke(KeyRevokeArgs),
}

impl KeyCommand {
    /// Whether the verb prints JSON.
    pub fn json(&self) -> bool {
        let (Self::New(KeyNewArgs { of, .. }) | Self::Ls(KeyLsArgs { of }) | Self::Revoke(KeyRevokeArgs { of, .. })) =
            self;
        of.json
    }
}

/// The file server of the keys.
#[derive(Args, Debug, Clone)]
pub struct KeysOfArgs {
    /// The folder that is served.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Directory for the server's own data, as it was started with.
    #[arg(long, value_name = "DIR", env = "PASSERELLE_STATE")]
    pub state: Option<PathBuf>,
    /// Print JSON for scripts, one object per line; errors are {"error":{"code","message"}} on standard error.
    #[arg(long)]
    pub json: bool,
}

/// `passerelle key new`.
#[derive(Args, Debug)]
#[command(after_help = PATHS)]
pub struct KeyNewArgs {
    /// What you call it, for the list.
    #[arg(value_name = "NAME", default_value = "")]
    pub name: String,
    /// What its holder may do [default: view, and everything with --gateway].
    #[arg(long, value_name = "WHAT", value_enum)]
    rights: Option<KeyRights>,
    /// The folder of the server in which its holder may do it [default: all].
    #[arg(long, value_name = "PATH")]
    pub folder: Option<OsString>,
    /// The key is for a `passerelle gateway`, which says for whom it asks.
    #[arg(long)]
    pub gateway: bool,
    /// The key opens the server for this many days [default: no end].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub days: Option<u32>,
    /// Write the key to this new file, readable by this user only, instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub of: KeysOfArgs,
}

impl KeyNewArgs {
    /// The rights of the key.
    pub fn rights(&self) -> Rights {
        match self.rights {
            Some(rights) => rights.rights(),
            None if self.gateway => Rights::ALL,
            None => KeyRights::View.rights(),
        }
    }
}

/// `passerelle key ls`.
#[derive(Args, Debug)]
pub struct KeyLsArgs {
    #[command(flatten)]
    pub of: KeysOfArgs,
}

/// `passerelle key revoke`.
#[derive(Args, Debug)]
pub struct KeyRevokeArgs {
    /// The id of the key, as `passerelle key ls` prints it.
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub of: KeysOfArgs,
}

/// What the holder of a key may do, as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum KeyRights {
    /// List and read.
    View,
    /// Also add files and folders.
    Add,
    /// Also replace, move and delete.
    Edit,
    /// Put files into the folder without seeing what is in it.
    Drop,
}

impl KeyRights {
    fn rights(self) -> Rights {
        match self {
            Self::View => Rights::READ_ONLY,
            Self::Add => Rights::READ_ONLY.union(Rights::CREATE),
            Self::Edit => Rights::READ_ONLY.union(Rights::CREATE).union(Rights::REPLACE).union(Rights::DELETE),
            Self::Drop => Rights::CREATE,
        }
    }
}
