//! The queue of uploads. It decides only: it receives events, and returns effects for the controller to perform.

mod add;
mod commands;
mod events;
mod handle;
mod schedule;
mod state;
mod transitions;

pub use events::{AttemptEvent, Connectivity, Effect};
pub use state::Queue;

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
