//! Symbolic links of a download, made after all files: one made earlier could redirect a file that is written later.

use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;
use shared::VPath;

use super::decide::{Existing, link_stays_inside};
use super::download::{Download, check_fatal};
use super::folders::existing;
use crate::commands::failure::Failure;
use crate::commands::report::FileOutcome;

/// Links that are still to be made.
pub(super) struct Links {
    download: Arc<Download>,
    links: Vec<Link>,
    /// The bytes of their paths and targets.
    bytes: usize,
}

/// Links beyond this number are made before the end of the download.
const LINKS_MAX: usize = 1 << 16;
/// As [`LINKS_MAX`], in bytes of paths and targets, which a server chooses.
const LINKS_BYTES_MAX: usize = 32 << 20;

/// One link.
struct Link {
    /// On the server.
    remote: VPath,
    /// Below the base.
    local: VPath,
    target: Vec<u8>,
}

impl Links {
    pub(super) fn new(download: Arc<Download>) -> Self {
        Self { download, links: Vec::new(), bytes: 0 }
    }

    /// Adds a link.
    pub(super) fn push(&mut self, remote: VPath, local: VPath, target: Vec<u8>) {
        self.bytes += remote.as_bytes().len() + local.as_bytes().len() + target.len();
        self.links.push(Link { remote, local, target });
    }

    /// True if no more links can wait.
    pub(super) fn are_full(&self) -> bool {
        self.links.len() >= LINKS_MAX || self.bytes >= LINKS_BYTES_MAX
    }

    /// Makes the links. One whose target is not downloaded is left out.
    ///
    /// # Errors
    /// A failure that concerns all files. Others are reported.
    pub(super) fn make(self) -> Result<(), Failure> {
        let report = &self.download.report;
        for Link { remote, local, target } in &self.links {
            if !link_stays_inside(local, target, self.download.mappings.iter().map(|mapping| &mapping.local)) {
                report.left_out(remote, "link", "the link's target is not downloaded");
                continue;
            }
            match self.make_one(local, target) {
                Ok(outcome) => report.finished(remote, local, 0, outcome),
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    report.left_out(remote, "link", "links are not made on this system");
                }
                Err(error) => {
                    let failure = Failure::local("the link cannot be made", &error).about(remote);
                    check_fatal(&error, &failure)?;
                    report.failed(&failure);
                }
            }
        }
        Ok(())
    }

    fn make_one(&self, local: &VPath, target: &[u8]) -> io::Result<FileOutcome> {
        let (folder, name) = self.download.folders.parent(local)?;
        let target = link_target(target)?;
        match existing(&folder, &name)? {
            Existing::Nothing => {}
            Existing::Link if folder.read_link_contents(&name)?.as_os_str() == target => {
                return Ok(FileOutcome::Skipped);
            }
            Existing::Folder => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a folder is in the way")),
            _ if self.download.force => folder.remove_file(&name)?,
            _ => {
                let sentence = "another entry has this name; --force replaces it";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, sentence));
            }
        }
        make_link(&folder, &target, &name)?;
        Ok(FileOutcome::Link)
    }
}

#[cfg(unix)]
fn link_target(target: &[u8]) -> io::Result<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Ok(OsString::from_vec(target.to_vec()))
}

#[cfg(unix)]
fn make_link(folder: &Dir, target: &OsStr, name: &OsStr) -> io::Result<()> {
    folder.symlink(target, name)
}

/// Windows requires a privilege for links that most users do not have.
#[cfg(not(unix))]
fn link_target(_: &[u8]) -> io::Result<OsString> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn make_link(_: &Dir, _: &OsStr, _: &OsStr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
