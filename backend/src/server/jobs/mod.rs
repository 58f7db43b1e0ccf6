//! Jobs: the changes that clients ask for. A job is recorded before it begins, reports its progress, can be cancelled,
//! continues after a restart where it was, and records an outcome for each item.

mod access;
mod decide;
mod group;
mod item_error;
mod journal;
mod live_job;
mod make_folder;
mod purge;
pub(super) mod registry;
pub(super) mod requests;
mod restore;
mod runner;
mod sweep;
mod transfer;
mod trash;

#[cfg(test)]
mod races_tests;
#[cfg(test)]
mod resumed_tests;
#[cfg(test)]
mod turns_tests;
