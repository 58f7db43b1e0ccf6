//! The mounts of this process, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::path::DecInt;

use super::open::proc_handles;
use crate::storage::local::platform::volume::VolumeId;

/// The file system and the mount of an open directory.
pub(super) fn volume(dir: impl AsFd) -> io::Result<VolumeId> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT;
    match rustix::fs::statx(&dir, c"", flags, StatxFlags::MNT_ID) {
        Ok(stat) => {
            // Linux numbers mounts here from 5.8 on.
            let mount = if stat.stx_mask & StatxFlags::MNT_ID.bits() == 0 { 0 } else { stat.stx_mnt_id };
            Ok(VolumeId { mount, device: rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor) })
        }
        // A sandbox forbids the call.
        Err(_) => Ok(VolumeId { mount: 0, device: rustix::fs::fstat(dir)?.st_dev }),
    }
}

/// The mount points below an open directory, relative to it; none without `/proc`.
pub(super) fn mounts_below(dir: impl AsFd) -> io::Result<Vec<Vec<u8>>> {
    let Some(handles) = proc_handles() else { return Ok(Vec::new()) };
    let path = rustix::fs::readlinkat(handles, DecInt::from_fd(&dir), Vec::new())?.into_bytes();
    let mounts = std::fs::read("/proc/self/mountinfo")?;
    Ok(mount_points(&mounts).filter_map(|point| below(&path, &point)).collect())
}

/// The path of `inner` below `outer` in the file system that holds both, whatever mounts lead to them; `None` if it lies
/// elsewhere.
///
/// # Errors
/// Of the system, and where it does not list the mounts.
pub(in crate::storage) fn below_on_disk(outer: &Path, inner: &Path) -> io::Result<Option<Vec<u8>>> {
    let mounts = std::fs::read("/proc/self/mountinfo")?;
    let place = |path: &Path| -> io::Result<_> {
        let volume = volume(rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)?;
        let on_disk = path_on_disk(&mounts, volume.mount, path.as_os_str().as_bytes());
        Ok((volume.device, on_disk.ok_or(io::ErrorKind::Unsupported)?))
    };
    let ((outer_device, outer), (inner_device, inner)) = (place(outer)?, place(inner)?);
    Ok(if outer_device == inner_device { below(&outer, &inner) } else { None })
}

/// The path in its file system of a path at a mount. The first field of a line is the number of the mount, the fourth the
/// folder of the file system that it shows.
fn path_on_disk(mountinfo: &[u8], mount: u64, path: &[u8]) -> Option<Vec<u8>> {
    let number = mount.to_string();
    let mut lines = mountinfo.split(|byte| *byte == b'\n').map(|line| line.split(|byte| *byte == b' '));
    let mut fields = lines.find_map(|mut fields| (fields.next() == Some(number.as_bytes())).then_some(fields))?;
    let (folder, point) = (unescape(fields.nth(2)?), unescape(fields.next()?));
    if path == point {
        return Some(folder);
    }
    let on_disk = [folder.strip_suffix(b"/").unwrap_or(&folder), b"/", &below(&point, path)?].concat();
    Some(on_disk)
}

/// The fifth field of each line is the mount point.
fn mount_points(mountinfo: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(unescape)
}

fn below(folder: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    let below = point.strip_prefix(folder)?.strip_prefix(b"/")?;
    (!below.is_empty()).then(|| below.to_vec())
}

/// Space, tab, newline and backslash are written as a backslash with three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(field.len()), field);
    while let [first, after @ ..] = rest {
        let digits = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_escapes() {
        let text = b"24 30 0:22 / /proc rw - proc proc rw\n\
            31 30 8:1 /x /srv/a\\040b\\134c rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
        let points: Vec<_> = mount_points(text).collect();
        assert_eq!(points, [b"/proc".to_vec(), b"/srv/a b\\c".to_vec()]);
    }

    #[test]
    fn a_path_on_a_disk_is_that_below_the_folder_that_the_mount_shows() {
        let text = b"24 30 8:1 / / rw - ext4 /dev/sda1 rw\n31 24 8:1 /data/a\\040b /srv rw - ext4 /dev/sda1 rw\n";
        let on_disk = |mount, path: &str| path_on_disk(text, mount, path.as_bytes());
        assert_eq!(on_disk(24, "/"), Some(b"/".to_vec()));
        assert_eq!(on_disk(24, "/home"), Some(b"/home".to_vec()));
        assert_eq!(on_disk(31, "/srv"), Some(b"/data/a b".to_vec()));
        assert_eq!(on_disk(31, "/srv/x/y"), Some(b"/data/a b/x/y".to_vec()));
        assert_eq!(on_disk(5, "/srv"), None);
    }

    #[test]
    fn a_mount_point_below_a_folder_is_relative_to_it() {
        assert_eq!(below(b"/srv", b"/srv/a/b"), Some(b"a/b".to_vec()));
        assert_eq!(below(b"/", b"/srv"), Some(b"srv".to_vec()));
        for point in ["/srv", "/srv2/a", "/", "/sr"] {
            assert_eq!(below(b"/srv", point.as_bytes()), None, "{point}");
        }
    }
}
