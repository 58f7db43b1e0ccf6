//! Moving and copying: by a rename where one is possible, by a copy elsewhere.

mod copy;
mod folder;
mod item;
mod leaf;
mod level;
mod replaced;
mod staged_copy;

pub(super) use item::DECISIONS_MAX;
