//! A file, folder, link or other entry of a tree in memory.

use std::collections::BTreeMap;

use shared::Timestamp;

/// The index of a node in its tree.
pub(super) type NodeId = usize;

pub(super) const ROOT: NodeId = 0;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) body: Body,
    pub(super) modified: Timestamp,
    /// Counts the changes of content, time or name, as the change time of a file system does. The validator is derived
    /// from it.
    pub(super) version: u64,
    pub(super) executable: bool,
    /// Whether access is denied, as by the permissions of an operating system.
    pub(super) denied: bool,
}

#[derive(Debug)]
pub(super) enum Body {
    Folder(BTreeMap<Box<[u8]>, NodeId>),
    File(Vec<u8>),
    Link(Vec<u8>),
    Other,
}

impl Node {
    /// Records a change of the content: sets the modification time, and makes the validator a new one.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.modified = now;
        self.version += 1;
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> usize {
        let content = self.content();
        let start = usize::try_from(offset).map_or(content.len(), |offset| offset.min(content.len()));
        let count = buffer.len().min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        count
    }

    /// The content of a file; empty for everything else.
    pub(super) fn content(&self) -> &[u8] {
        match &self.body {
            Body::File(content) => content,
            _ => &[],
        }
    }
}
