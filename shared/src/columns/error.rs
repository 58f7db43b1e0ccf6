//! Why bytes are not a block.

/// Why bytes are not a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ColumnsError {
    /// They do not start with magic and version.
    #[error("not a listing in columns, version 1")]
    Foreign,
    /// The length differs from the announced one, or exceeds the limit.
    #[error("a block of a listing has a wrong length")]
    Length,
    /// A column has an invalid value.
    #[error("a block of a listing has invalid values")]
    Broken,
}
