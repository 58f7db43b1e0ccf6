//! The client of the framed protocol: typed calls over a pool of connections to a file server. A call that is dropped
//! before its answer has ended cancels the request.

mod address;
mod calls;
mod cancel;
mod change;
mod connection;
mod error;
mod handshake;
mod lease;
mod listing;
mod owner;
mod pool;
mod pool_config;
mod slots;
mod transfer;
mod upload;
mod walk;

pub use shared::wire::{
    Caller, Commit, DigestsKnown, Failure, GetItem, Growing, Meta, Page, Prefix, Skipped, Stage, Store, TrashPage,
    Upload,
};

pub use address::{ServerAddress, Target};
pub use calls::Client;
pub use change::FolderEvents;
pub use error::ClientError;
pub use listing::{Listing, ListingBlocks};
pub use pool_config::{LaneStatus, PoolConfig, PoolStatus};
pub use transfer::{Item, Transfer};
pub use upload::{PutRange, UploadWriter};
pub use walk::WalkPages;
