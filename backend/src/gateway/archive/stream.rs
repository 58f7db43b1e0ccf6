//! An archive, or a range of it, as a response body: records, and between them the content of files, in the order of
//! the manifest. Files are requested in batches, each in its planned state; if one has changed, the body fails.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use crc32fast::Hasher;
use shared::limits::{FRAME_CONTROL_BYTES_MAX, GET_ITEMS_MAX};
use shared::{ByteRange, Span};
use tracing::warn;

use super::checksums::Checksums;
use super::locate::{Place, locate};
use super::memory::Memory;
use super::plan::{Manifest, PlannedEntry};
use super::zip::End;
use crate::client::{Caller, Client, ClientError, GetItem, Item, Transfer};
use crate::gateway::http::body_stream::{BodySource, end_item, next_piece, protocol_error};

/// Small records and files are joined to pieces of this size; a piece of file content longer than [`COPY_BYTES_MAX`] is
/// passed on as it is.
const PIECE_TARGET_BYTES: usize = 128 << 10;
/// Up to this many bytes, copying is cheaper than a separate piece.
const COPY_BYTES_MAX: usize = 32 << 10;
/// The part of a GET message that items may fill, in bytes; the rest is for the caller.
const BATCH_BYTES: usize = FRAME_CONTROL_BYTES_MAX / 2;
/// Encoding overhead of an item in a GET message besides its path, at most, in bytes.
const ITEM_OVERHEAD_BYTES: usize = 56;

/// An archive that is being sent.
pub(crate) struct Archive {
    client: Client,
    caller: Caller,
    manifest: Arc<Manifest>,
    /// CRC-32s of files whose content has been sent completely or whose checksum has arrived; 0 for the others.
    checksums: Vec<u32>,
    /// Checksums of the files whose content is not sent completely.
    requested: Checksums,
    /// The first entry whose content is sent completely.
    first_whole: usize,
    state: State,
    /// How many bytes are skipped between the start of the current record and the start of the range.
    skip: u64,
    /// How many bytes of the range are neither sent nor joined yet.
    left: u64,
    /// The files being fetched, and how many of them are left.
    transfer: Option<(Transfer, usize)>,
    joined: BytesMut,
    /// A piece to send after the joined bytes.
    pending_piece: Option<Bytes>,
    _memory: Memory,
}

enum State {
    /// Before entry `index`.
    Entry(usize),
    /// Within the content of an entry. The hasher has seen all of it; `None` if its start is not sent.
    Content {
        index: usize,
        bytes_left: u64,
        hasher: Option<Hasher>,
    },
    /// After the content of an entry.
    Descriptor {
        index: usize,
    },
    /// In the central directory, before the record of entry `index`, whose local record is at `offset`.
    Central {
        index: usize,
        offset: u64,
    },
    End,
    Done,
}

impl Archive {
    /// The range `span` of the archive. It holds its share of the memory until it is dropped.
    pub(crate) fn new(client: Client, caller: Caller, manifest: Manifest, span: Span, memory: Memory) -> Self {
        let manifest = Arc::new(manifest);
        let place = locate(&manifest, span.offset);
        let (state, start) = match place {
            Place::Entry { index, offset } => (State::Entry(index), offset),
            Place::Central { index, offset, entry } => (State::Central { index, offset: entry }, offset),
            Place::End { offset } => (State::End, offset),
        };
        let missing = MissingChecksums::of(&manifest, place, span);
        let first_whole = missing.first_whole;
        let requested =
            Checksums::request(client.clone(), caller.clone(), Arc::clone(&manifest), missing.in_order(&manifest));
        Self {
            client,
            caller,
            checksums: own_checksums(&manifest),
            manifest,
            requested,
            first_whole,
            state,
            skip: span.offset - start,
            left: span.length,
            transfer: None,
            joined: BytesMut::new(),
            pending_piece: None,
            _memory: memory,
        }
    }

    /// Takes one step: appends to the joined bytes, and moves to the next state.
    async fn step(&mut self) -> Result<(), ClientError> {
        let next = match std::mem::replace(&mut self.state, State::Done) {
            State::Entry(index) => self.begin(index).await.inspect_err(|error| self.log_cut(index, error))?,
            State::Content { index, bytes_left, hasher } => {
                self.carry_on(index, bytes_left, hasher).await.inspect_err(|error| self.log_cut(index, error))?
            }
            State::Descriptor { index } => self.end_entry(index),
            State::Central { index, offset } => self.describe(index, offset).await?,
            State::End => self.end(),
            State::Done => State::Done,
        };
        self.state = if self.left == 0 { State::Done } else { next };
        Ok(())
    }

    /// The client sees only that the archive ends early.
    fn log_cut(&self, index: usize, error: &ClientError) {
        let path = self.manifest.entries.get(index).map(|entry| entry.path.encoded());
        warn!(path, code = %error.code, cause = %error, "an archive is cut");
    }

    async fn begin(&mut self, index: usize) -> Result<State, ClientError> {
        let manifest = Arc::clone(&self.manifest);
        let Some(entry) = manifest.entries.get(index) else {
            return Ok(State::Central { index: 0, offset: 0 });
        };
        self.put(|out| entry.record().get().put_local(out));
        if entry.is_notice()
            && let Some(notice) = &manifest.notice
        {
            self.put(|out| out.put(&notice.text[..]));
            return Ok(State::Descriptor { index });
        }
        if !entry.has_content() {
            return Ok(State::Entry(index + 1));
        }
        let wanted = self.wanted(entry);
        self.skip -= wanted.offset;
        if wanted.length == 0 {
            // Either the range ends here, or only the bytes after the content are needed.
            return self.describe_part(index).await;
        }
        if self.transfer.is_none() {
            self.transfer = Some(self.fetch(index, wanted).await?);
        }
        let (transfer, _) = self.transfer.as_mut().ok_or_else(|| protocol_error("no transfer"))?;
        match transfer.next_item().await? {
            Some(Item::Sending(meta)) if meta.length == wanted.length && meta.offset == wanted.offset => {}
            Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => return Err(failure.into()),
            _ => return Err(protocol_error("an item that was not requested")),
        }
        let hasher = (wanted.offset == 0).then(Hasher::new);
        Ok(State::Content { index, bytes_left: wanted.length, hasher })
    }

    /// The bytes of an entry's content that lie in the range, once its local record is written.
    fn wanted(&self, entry: &PlannedEntry) -> Span {
        let offset = self.skip.min(entry.size);
        Span { offset, length: (entry.size - offset).min(self.left) }
    }

    /// Requests the content of entry `index` and of as many following ones as fit the message and the range.
    async fn fetch(&self, index: usize, first: Span) -> Result<(Transfer, usize), ClientError> {
        let mut left = self.left;
        let mut bytes = 0;
        let mut items = Vec::new();
        for (nth, entry) in self.manifest.entries.iter().enumerate().skip(index) {
            let record = entry.record();
            let record = record.get();
            let span = if nth == index {
                first
            } else {
                left = left.saturating_sub(record.local_bytes());
                Span { offset: 0, length: entry.size.min(left) }
            };
            bytes += entry.path.as_bytes().len() + ITEM_OVERHEAD_BYTES;
            if left == 0 || bytes > BATCH_BYTES || items.len() == GET_ITEMS_MAX {
                break;
            }
            left = left.saturating_sub(span.length + record.descriptor_bytes());
            if entry.has_content() {
                let whole = span.length == entry.size;
                // A file that has grown is sent up to its old end.
                let if_prefix = self.manifest.prefix(nth);
                let range = (!whole || if_prefix.is_some())
                    .then(|| ByteRange::Between(span.offset, span.end().saturating_sub(1)));
                items.push(GetItem { path: entry.path.clone(), range, if_etag: entry.etag, if_prefix });
            }
        }
        let count = items.len();
        Ok((self.client.get(&self.caller, items).await?, count))
    }

    async fn carry_on(
        &mut self,
        index: usize,
        mut bytes_left: u64,
        mut hasher: Option<Hasher>,
    ) -> Result<State, ClientError> {
        let (transfer, items_left) = self.transfer.as_mut().ok_or_else(|| protocol_error("no transfer"))?;
        let piece = next_piece(transfer, &mut bytes_left).await?;
        if let Some(hasher) = &mut hasher {
            hasher.update(&piece);
        }
        if bytes_left == 0 {
            end_item(transfer).await?;
            *items_left -= 1;
            if *items_left == 0 {
                if transfer.next_item().await?.is_some() {
                    return Err(protocol_error("an item that was not requested"));
                }
                self.transfer = None;
            }
        }
        self.left -= piece.len() as u64;
        if piece.len() > COPY_BYTES_MAX {
            self.pending_piece = Some(piece);
        } else {
            self.joined.put(piece);
        }
        match hasher {
            _ if bytes_left > 0 => Ok(State::Content { index, bytes_left, hasher }),
            Some(hasher) => {
                self.checksums[index] = hasher.finalize();
                Ok(State::Descriptor { index })
            }
            None => self.describe_part(index).await,
        }
    }

    /// Continues after content that was sent partly or not at all.
    async fn describe_part(&mut self, index: usize) -> Result<State, ClientError> {
        if self.left > 0 {
            self.checksums[index] = self.requested.next().await?;
        }
        Ok(State::Descriptor { index })
    }

    fn end_entry(&mut self, index: usize) -> State {
        let manifest = Arc::clone(&self.manifest);
        if let (Some(entry), Some(&checksum)) = (manifest.entries.get(index), self.checksums.get(index)) {
            self.put(|out| entry.record().get().put_descriptor(checksum, out));
        }
        State::Entry(index + 1)
    }

    async fn describe(&mut self, index: usize, offset: u64) -> Result<State, ClientError> {
        let manifest = Arc::clone(&self.manifest);
        let Some(entry) = manifest.entries.get(index) else { return Ok(State::End) };
        if index < self.first_whole && entry.has_content() {
            self.checksums[index] = self.requested.next().await?;
        }
        let checksum = self.checksums[index];
        let record = entry.record();
        let record = record.get();
        self.put(|out| record.put_central(checksum, offset, out));
        Ok(State::Central { index: index + 1, offset: offset + record.whole_bytes() })
    }

    fn end(&mut self) -> State {
        let layout = self.manifest.layout;
        let entries = self.manifest.entries.len() as u64;
        let end = End { entries, central_offset: layout.central_offset, central_bytes: layout.central_bytes };
        self.put(|out| end.put(out));
        State::Done
    }

    /// Appends the part of a record that lies in the range.
    fn put(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let before = self.joined.len();
        write(&mut self.joined);
        if self.skip > 0 {
            // Skipped bytes only come first, before anything was joined.
            let skipped = self.skip.min(self.joined.len() as u64);
            self.skip -= skipped;
            self.joined.advance(skipped as usize);
        }
        let added = self.joined.len() - before;
        let kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(added);
        self.joined.truncate(before + kept);
        self.left -= kept as u64;
    }
}

/// The checksums that are known before any content is sent: that of the entry without a file.
fn own_checksums(manifest: &Manifest) -> Vec<u32> {
    let mut checksums = vec![0; manifest.entries.len()];
    if let (Some(notice), Some(last)) = (&manifest.notice, checksums.last_mut()) {
        *last = notice.crc32;
    }
    checksums
}

/// The checksums that must be requested.
struct MissingChecksums {
    /// The entry whose content is sent partly, or not at all although its descriptor is.
    part: Option<usize>,
    /// The entries whose checksum appears only in the central directory.
    before: std::ops::Range<usize>,
    first_whole: usize,
}

impl MissingChecksums {
    /// For a range that starts at `place`.
    fn of(manifest: &Manifest, place: Place, span: Span) -> Self {
        let count = manifest.entries.len();
        let central = span.end() > manifest.layout.central_offset;
        match place {
            Place::Entry { index, offset } => {
                let content = manifest.entries.get(index).filter(|entry| entry.has_content()).map(|entry| {
                    let start = offset + entry.record().get().local_bytes();
                    start..start + entry.size
                });
                let partial = content.filter(|content| span.offset > content.start);
                let first_whole = index + usize::from(partial.is_some());
                // The descriptor after the content needs the checksum.
                let part = partial.filter(|content| span.end() > content.end).map(|_| index);
                Self { part, before: 0..if central { first_whole } else { 0 }, first_whole }
            }
            Place::Central { index, .. } => Self { part: None, before: index..count, first_whole: count },
            Place::End { .. } => Self { part: None, before: 0..0, first_whole: count },
        }
    }

    /// In the order in which they are needed. The checksum of the partly sent entry is needed, and requested, twice;
    /// the second answer is known already.
    fn in_order(&self, manifest: &Arc<Manifest>) -> impl Iterator<Item = usize> + Send + use<> {
        let manifest = Arc::clone(manifest);
        let has_content = move |index: &usize| manifest.entries.get(*index).is_some_and(PlannedEntry::has_content);
        self.part.into_iter().chain(self.before.clone()).filter(has_content)
    }
}

impl BodySource for Archive {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let full = self.joined.len() >= PIECE_TARGET_BYTES || self.pending_piece.is_some();
            if !self.joined.is_empty() && (full || matches!(self.state, State::Done)) {
                return Ok(Some(self.joined.split().freeze()));
            }
            if let Some(piece) = self.pending_piece.take() {
                return Ok(Some(piece));
            }
            if matches!(self.state, State::Done) {
                return Ok(None);
            }
            self.step().await?;
        }
    }
}
