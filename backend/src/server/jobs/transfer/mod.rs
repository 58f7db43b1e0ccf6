//! Moving and copying: by a rename where one is possible, by a copy elsewhere.

mod copy;
mod folder;
mod item;
mod leaf;
mod level;

pub(super) use item::DECISIONS_MAX;
