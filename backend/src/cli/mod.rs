//! The command line as types. Defines arguments and their help; `run` and `commands` act on them.

mod changing;
mod command;
mod connect;
mod hint;
mod keys;
mod reading;
mod serving;
mod uploading;

pub use changing::{
    CpArgs, MkdirArgs, MvArgs, RmArgs, TrashArgs, TrashCommand, TrashEmptyArgs, TrashLsArgs, TrashRestoreArgs,
};
pub use command::{Cli, ClientCommand, Command, ServerCommand};
pub use connect::{ConflictArgs, ConflictChoice, ConnectArgs};
pub use hint::hint;
pub use keys::{KeyCommand, KeyLsArgs, KeyNewArgs, KeyRevokeArgs, KeysOfArgs};
pub use reading::{GetArgs, LsArgs, PingArgs, SortBy, StatArgs};
pub use serving::{GatewayArgs, ServeArgs, StorageArgs};
pub use uploading::PutArgs;
