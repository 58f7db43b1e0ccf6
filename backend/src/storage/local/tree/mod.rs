//! A directory tree over the handles of `platform`, for all systems: which path leads where, what links may do, and in
//! which order changes become durable. No absolute path is opened here.

mod copy_name;
mod create;
mod dir_locks;
mod dir_stack;
mod errors;
mod keep;
mod listing;
mod lookup;
mod mounted;
mod name_locks;
mod notes;
mod open;
mod open_volumes;
mod own_dir;
mod private_dir;
mod publish;
mod purge;
mod rename;
mod replace;
mod reserves;
mod root;
mod small_text;
mod staged;
mod staged_copy;
mod storage;
mod trash;
mod trash_groups;
mod trash_info;
mod trash_item;
mod trash_moves;
mod trash_names;
mod trash_texts;
mod volumes;
mod waiting_place;
mod walk;

pub(in crate::storage) use root::{RootFacts, Tree};
