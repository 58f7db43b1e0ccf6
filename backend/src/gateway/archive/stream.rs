//! The archive as a body: records of our own and the files' bytes between them, in the order of the manifest. Many
//! files are asked for at a time, each in the state in which it was found; where one changed since, the body fails.

use bytes::{BufMut, Bytes, BytesMut};
use crc32fast::Hasher;
use shared::limits::{FRAME_CONTROL_BYTES_MAX, GET_ITEMS_MAX};

use super::super::relay::{Source, contradiction, end_item, next_piece};
use super::Memory;
use super::plan::Manifest;
use super::zip::End;
use crate::client::{Caller, Client, ClientError, GetItem, Item, Transfer};

/// Small records and files are gathered to pieces of this size; a piece of a file that is larger than [`COPY_BYTES_MAX`]
/// passes as it is.
const GATHERED_BYTES: usize = 128 << 10;
/// Up to this many bytes, copying costs less than a piece of its own.
const COPY_BYTES_MAX: usize = 32 << 10;
/// How much of a GET the items may fill, in bytes; the rest is for who asks.
const BATCH_BYTES: usize = FRAME_CONTROL_BYTES_MAX / 2;
/// What an item takes in a GET besides its path, at most.
const ITEM_OVERHEAD_BYTES: usize = 40;

/// An archive on its way.
pub(super) struct Archive {
    client: Client,
    caller: Caller,
    manifest: Manifest,
    /// Of the files that have passed; 0 for the rest.
    checksums: Vec<u32>,
    state: State,
    /// The files being fetched, and how many of them are still to come.
    transfer: Option<(Transfer, usize)>,
    gathered: BytesMut,
    /// A piece that goes out after what is gathered.
    passing: Option<Bytes>,
    _memory: Memory,
}

enum State {
    /// Before the entry of that index.
    Entry(usize),
    /// In its content.
    Content {
        index: usize,
        bytes_left: u64,
        hasher: Hasher,
    },
    /// Behind its content.
    Descriptor {
        index: usize,
    },
    /// In the central directory: before the entry of that index, which is at that offset.
    Central {
        index: usize,
        offset: u64,
    },
    Done,
}

impl Archive {
    /// Holds its share of the memory to its end.
    pub(super) fn new(client: Client, caller: Caller, manifest: Manifest, memory: Memory) -> Self {
        Self {
            client,
            caller,
            checksums: vec![0; manifest.entries.len()],
            manifest,
            state: State::Entry(0),
            transfer: None,
            gathered: BytesMut::new(),
            passing: None,
            _memory: memory,
        }
    }

    /// Adds something to what is gathered, and goes on to what comes next.
    async fn step(&mut self) -> Result<(), ClientError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Entry(index) => self.state = self.begin(index).await?,
            State::Content { index, bytes_left, hasher } => {
                self.state = self.carry_on(index, bytes_left, hasher).await?;
            }
            State::Descriptor { index } => self.state = self.end_entry(index),
            State::Central { index, offset } => self.state = self.describe(index, offset),
            State::Done => {}
        }
        Ok(())
    }

    async fn begin(&mut self, index: usize) -> Result<State, ClientError> {
        let Some(entry) = self.manifest.entries.get(index) else {
            return Ok(State::Central { index: 0, offset: 0 });
        };
        entry.record().get().put_local(&mut self.gathered);
        if !entry.has_content() {
            return Ok(State::Entry(index + 1));
        }
        let bytes_left = entry.size;
        if self.transfer.is_none() {
            self.transfer = Some(self.fetch(index).await?);
        }
        let (transfer, _) = self.transfer.as_mut().ok_or_else(|| contradiction("no transfer"))?;
        match transfer.next_item().await? {
            Some(Item::Sending(meta)) if meta.length == bytes_left && meta.offset == 0 => {}
            Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => return Err(failure.into()),
            _ => return Err(contradiction("an item that was not asked for")),
        }
        Ok(State::Content { index, bytes_left, hasher: Hasher::new() })
    }

    /// Asks for the content of that entry and of as many after it as one request takes.
    async fn fetch(&self, index: usize) -> Result<(Transfer, usize), ClientError> {
        let mut bytes = 0;
        let coming = self.manifest.entries[index..].iter().filter(|entry| entry.has_content()).take(GET_ITEMS_MAX);
        let items: Vec<_> = coming
            .take_while(|entry| {
                bytes += entry.path.as_bytes().len() + ITEM_OVERHEAD_BYTES;
                bytes <= BATCH_BYTES
            })
            .map(|entry| GetItem { path: entry.path.clone(), range: None, if_etag: entry.etag })
            .collect();
        let count = items.len();
        Ok((self.client.get(&self.caller, items).await?, count))
    }

    async fn carry_on(&mut self, index: usize, mut bytes_left: u64, mut hasher: Hasher) -> Result<State, ClientError> {
        let (transfer, items_left) = self.transfer.as_mut().ok_or_else(|| contradiction("no transfer"))?;
        let piece = next_piece(transfer, &mut bytes_left).await?;
        hasher.update(&piece);
        if piece.len() > COPY_BYTES_MAX {
            self.passing = Some(piece);
        } else {
            self.gathered.put(piece);
        }
        if bytes_left > 0 {
            return Ok(State::Content { index, bytes_left, hasher });
        }
        end_item(transfer).await?;
        *items_left -= 1;
        if *items_left == 0 {
            if transfer.next_item().await?.is_some() {
                return Err(contradiction("an item that nobody asked for"));
            }
            self.transfer = None;
        }
        self.checksums[index] = hasher.finalize();
        Ok(State::Descriptor { index })
    }

    fn end_entry(&mut self, index: usize) -> State {
        if let (Some(entry), Some(checksum)) = (self.manifest.entries.get(index), self.checksums.get(index)) {
            entry.record().get().put_descriptor(*checksum, &mut self.gathered);
        }
        State::Entry(index + 1)
    }

    fn describe(&mut self, index: usize, offset: u64) -> State {
        let Some(entry) = self.manifest.entries.get(index) else {
            let layout = self.manifest.layout;
            let entries = self.manifest.entries.len() as u64;
            End { entries, central_offset: layout.central_offset, central_bytes: layout.central_bytes }
                .put(&mut self.gathered);
            return State::Done;
        };
        let record = entry.record();
        let record = record.get();
        record.put_central(self.checksums[index], offset, &mut self.gathered);
        let length = record.local_bytes() + entry.size + record.descriptor_bytes();
        State::Central { index: index + 1, offset: offset + length }
    }
}

impl Source for Archive {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let full = self.gathered.len() >= GATHERED_BYTES || self.passing.is_some();
            if !self.gathered.is_empty() && (full || matches!(self.state, State::Done)) {
                return Ok(Some(self.gathered.split().freeze()));
            }
            if let Some(piece) = self.passing.take() {
                return Ok(Some(piece));
            }
            if matches!(self.state, State::Done) {
                return Ok(None);
            }
            self.step().await?;
        }
    }
}
