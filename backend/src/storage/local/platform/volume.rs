//! Which directories a rename can connect.

/// A file system as one mount shows it. Renames and links connect directories of one volume only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::storage) struct VolumeId {
    /// The number of the mount; 0 where the system does not number its mounts.
    pub(in crate::storage) mount: u64,
    /// The number of the file system. One mount has several where a file system has subvolumes.
    pub(in crate::storage) device: u64,
}

impl VolumeId {
    /// True if both are parts of one mount.
    pub(in crate::storage) fn shares_mount_with(self, other: Self) -> bool {
        if self.mount != 0 && other.mount != 0 { self.mount == other.mount } else { self.device == other.device }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subvolumes_share_a_mount_and_a_bind_mount_does_not() {
        let volume = |mount, device| VolumeId { mount, device };
        assert!(volume(1, 5).shares_mount_with(volume(1, 6)));
        assert!(!volume(1, 5).shares_mount_with(volume(2, 5)));
        assert!(volume(0, 5).shares_mount_with(volume(0, 5)));
        assert!(!volume(0, 5).shares_mount_with(volume(2, 6)));
    }
}
