//! The answers to a name conflict. Changes and uploads offer the same ones.

/// What to do with a new entry whose name exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Keep both: the new entry gets a numbered name.
    KeepBoth,
    /// Replace the existing entry, which goes to the trash.
    Replace,
    /// Leave the existing entry and drop the new one.
    Skip,
}
