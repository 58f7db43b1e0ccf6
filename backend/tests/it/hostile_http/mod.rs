//! HTTP against hostile, slow and disconnecting clients. After each of them the gateway must serve the next one.

mod changes;
mod content;
mod fixtures;
mod framing;
mod hosts;
#[cfg(target_os = "linux")]
mod one_against_all;
mod other_sites;
mod paths;
mod refused_bodies;
mod requests;
mod storage_faults;
mod timeouts;
