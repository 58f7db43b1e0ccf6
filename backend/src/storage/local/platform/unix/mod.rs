//! The system calls of every Unix for a directory and for the names in it. A name that is a link stands for the link,
//! never for its target. `linux` and `portable` call them, and add what differs between systems.

mod attributes;
#[cfg(target_os = "linux")]
mod extended;
mod names;

pub(super) use attributes::*;
pub(super) use names::*;
