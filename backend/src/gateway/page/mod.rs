//! The page that browsers load: its files, and the policies under which they run.

pub(super) mod assets;
mod policy;
