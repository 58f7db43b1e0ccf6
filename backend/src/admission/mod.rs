//! Admission: who may take how much of what is scarce, and who is next. Each pool, queue and memory of the gateway and of
//! the file server that clients share is an [`Admission`] with [`Bounds`] for all owners and for one, so that one owner
//! leaves room for the others.
//!
//! - `shares` decides, without a clock and without waiting; `pace` decides whether a slow reader keeps its place;
//! - `queue` lets requests wait for their turn, and gives back what a dropped [`Permit`] holds;
//! - `leases` has places that are taken back from holders that rest; `rest_order` decides from which;
//! - `heaviest` decides whose entry a full cache drops.

mod heaviest;
mod leases;
mod owner;
mod pace;
mod percent;
mod queue;
mod rest_order;
#[cfg(test)]
mod rest_order_tests;
mod shares;
#[cfg(test)]
mod shares_tests;

pub use heaviest::heaviest;
pub use leases::{Holder, InUse, Lease, Leases, Usage};
pub use owner::{Who, client_of};
pub use pace::{Keeps, LeastPace, Pace};
pub use percent::share_of;
pub use queue::{Admission, Permit};
pub use shares::{Bounds, Figures, Refusal};
