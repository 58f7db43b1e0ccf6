//! The folder on the screen: its state, without views. `model` decides; the other files fetch, merge and remember.

pub mod model;

mod apply;
mod keyboard;
mod live;
mod load;
mod merge;
mod navigation;
mod place;
mod proof;
mod reconcile;
mod revalidate;
mod rights;
mod state;

#[cfg(target_arch = "wasm32")]
pub use {
    live::Live,
    state::{Browser, Phase, Target},
};
