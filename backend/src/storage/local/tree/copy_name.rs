//! The names of copies of uploads on the volume of their destination. No upload has such a name.

use shared::UploadId;

const COPY_SUFFIX: &str = ".copy";

/// The name of the copy of an upload.
pub(super) fn copy_name(id: UploadId) -> Vec<u8> {
    format!("{id}{COPY_SUFFIX}").into_bytes()
}

/// True for the name of a copy.
pub(super) fn is_copy_name(name: &[u8]) -> bool {
    name.ends_with(COPY_SUFFIX.as_bytes())
}
