//! What uploads know and decide, without a browser: the queue, conflicts, slices, speed, what is remembered. Tested
//! natively.

pub mod announcements;
pub mod conflict;
pub mod folder_tree;
pub mod header_fields;
pub mod item;
pub mod queue;
pub mod retry_policy;
pub mod saved_upload;
pub mod slices;
pub mod speed;
pub mod totals;

pub use conflict::Decision;
pub use item::{Batch, Chosen, Group, Id, Item, Rule, Stage, Theirs};
pub use queue::{Link, Order, Queue, Report};
pub use retry_policy::{Remedy, Trouble};
pub use totals::Tally;
