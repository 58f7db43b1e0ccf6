//! What uploads know and decide, without a browser: the queue, conflicts, slices, speed, what is remembered. Tested
//! natively.

pub mod announce;
pub mod conflict;
pub mod item;
pub mod layout;
pub mod metadata;
pub mod pace;
pub mod queue;
pub mod record;
pub mod slices;
pub mod tally;
pub mod trouble;

pub use conflict::Decision;
pub use item::{Batch, Chosen, Group, Id, Item, Rule, Stage, Theirs};
pub use queue::{Link, Order, Queue, Report};
pub use tally::Tally;
pub use trouble::{Remedy, Trouble};
