//! The tus 1.0.0 core protocol, its extensions, and the commit, JSON and digest additions of this server.

mod commits;
mod core_protocol;
mod creation;
mod extensions;
mod finishing;
mod fixtures;
mod limits;
mod other_callers;
mod races;
