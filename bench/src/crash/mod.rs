//! `crash`: simulated users upload and change files while the file server, the gateway and the clients are killed by
//! SIGKILL at random moments. Nothing acknowledged may be lost, no visible file torn, no change made twice.
//!
//! The seed decides everything but the timing. [`cluster`] holds the processes; a [`user`] works by [`uploads`] and
//! [`changes`], and knows which files must exist; [`rounds`] alternate work and checks.
//!
//! A killed process keeps what the kernel has buffered. Loss of power is simulated by the tests of the storage.

mod args;
mod changes;
mod client;
mod cluster;
mod content;
mod expiry;
mod rounds;
mod run;
mod uploads;
mod user;

pub(crate) use run::run;
