//! The folder on the screen: its state, without views. `model` holds the logic without a browser; the other files load
//! listings, merge edits, handle keys and keep the history.

pub mod model;

mod apply;
mod cursor;
mod keyboard;
mod live;
mod load;
mod loaded_page;
mod merge;
mod navigation;
mod reconcile;
mod restoration;
mod revalidate;
mod rights;
mod saved_view;
mod state;

#[cfg(target_arch = "wasm32")]
pub use {
    live::Live,
    state::{FileBrowser, Phase, ScrollTarget},
};
