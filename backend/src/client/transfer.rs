//! The answer to a GET: items, each with its bytes or its file descriptor.

use std::fs::File;

use bytes::Bytes;
use shared::ErrorCode;
use shared::wire::{Failure, FrameKind, ItemEnd, Message, Meta};

use super::cancel::cancel;
use super::connection::{DataReply, Reply};
use super::error::ClientError;
use super::lease::Lease;
use crate::transfer_budget::TransferShare;
use crate::wire::Frame;

/// The bytes of chosen files. Dropping it cancels the request.
pub struct Transfer {
    /// `None` after the end of the answer and after a failure of the connection.
    lease: Option<Lease>,
    /// A frame that was received ahead.
    waiting: Option<DataReply>,
    items_left: usize,
    share: TransferShare,
    /// Whether the server may pass a descriptor instead of the bytes.
    takes_fd: bool,
    /// The passed file of the present item.
    fd: Option<File>,
    state: State,
}

/// The position in the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Between two items.
    Between,
    /// In an item with so many bytes left, including those of the present frame.
    Inside { bytes_left: u64 },
    /// In an item whose file was passed and is not released yet.
    FdPassed,
}

/// The beginning of an item.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// The bytes follow: [`Transfer::piece`]. After [`super::Client::get_fd`] the server may pass the file instead:
    /// [`Transfer::take_fd`].
    Sending(Meta),
    /// The requested range lies outside the file, which is described; nothing follows.
    Unsatisfiable(Meta, Failure),
    /// The file cannot be sent; nothing follows.
    Refused(Failure),
}

impl Transfer {
    pub(super) fn new(lease: Lease, first: Reply, items: usize, takes_fd: bool) -> Result<Self, ClientError> {
        match first {
            Reply::End(error) => Err(lease.end(error)),
            frame => {
                let (share, waiting) = (lease.share(), Some(DataReply::Reply(frame)));
                let state = State::Between;
                Ok(Self { lease: Some(lease), waiting, items_left: items, share, takes_fd, fd: None, state })
            }
        }
    }

    /// Skips the rest of the present item and returns the next one; `None` after the last. If the future is dropped, an
    /// item may be skipped, but never taken for another.
    pub async fn next_item(&mut self) -> Result<Option<Item>, ClientError> {
        if self.state == State::FdPassed {
            // A failure of the present item does not concern the next one.
            let released = self.release_fd().await;
            if self.lease.is_none() {
                released?;
            }
        }
        while self.state != State::Between {
            match self.piece().await {
                // A failure of the present item.
                Err(_) if self.state == State::Between && self.lease.is_some() => {}
                piece => drop(piece?),
            }
        }
        if self.items_left == 0 {
            return self.end().await.map(|()| None);
        }
        let frame = match self.data_reply().await? {
            DataReply::Reply(Reply::Frame(frame)) => frame,
            DataReply::Reply(Reply::End(error)) => return Err(self.ended(error)),
            DataReply::Data(_) => return Err(self.broken("data outside an item")),
        };
        self.items_left -= 1;
        match frame.kind() {
            Some(FrameKind::Meta) => {}
            Some(FrameKind::ItemEnd) => {
                let failure = self.message::<ItemEnd>(&frame)?.error;
                return Ok(Some(Item::Refused(failure.ok_or_else(|| self.broken("an item that ends before META"))?)));
            }
            _ => return Err(self.broken("an item that does not begin with META")),
        }
        let meta: Meta = self.message(&frame)?;
        self.state = State::Inside { bytes_left: meta.length };
        if meta.length > 0 && !self.takes_fd {
            return Ok(Some(Item::Sending(meta)));
        }
        // The next frame tells whether the bytes are sent or the file is passed. The failure of an empty item tells how
        // it begins.
        let next = self.data_reply().await?;
        if let DataReply::Reply(Reply::Frame(frame)) = &next
            && frame.kind() == Some(FrameKind::PassedFd)
        {
            let Some(file) = self.lease()?.take_fd() else {
                return Err(self.broken("PASSED_FD without a file"));
            };
            self.fd = Some(file);
            self.state = State::FdPassed;
            return Ok(Some(Item::Sending(meta)));
        }
        if meta.length == 0
            && let DataReply::Reply(Reply::Frame(frame)) = &next
            && frame.kind() == Some(FrameKind::ItemEnd)
            && let Some(failure) = self.message::<ItemEnd>(frame)?.error
        {
            self.state = State::Between;
            return Ok(Some(match failure.code {
                ErrorCode::RangeNotSatisfiable => Item::Unsatisfiable(meta, failure),
                _ => Item::Refused(failure),
            }));
        }
        self.waiting = Some(next);
        Ok(Some(Item::Sending(meta)))
    }

    /// The file of the present item, open for reading, if the server has passed it. The caller reads it instead of
    /// pieces, and then calls [`Transfer::release_fd`].
    pub fn take_fd(&mut self) -> Option<File> {
        self.fd.take()
    }

    /// Ends reading a passed file; the server then tells whether it has changed meanwhile.
    ///
    /// # Errors
    /// As [`Transfer::piece`].
    pub async fn release_fd(&mut self) -> Result<(), ClientError> {
        if self.state != State::FdPassed {
            return Err(self.broken("no file was passed"));
        }
        if let Err(error) = self.lease()?.release_fd().await {
            return Err(self.lost(error));
        }
        // ITEM_END follows, as after the last byte.
        self.fd = None;
        self.state = State::Inside { bytes_left: 0 };
        match self.piece().await? {
            None => Ok(()),
            Some(_) => Err(self.broken("bytes of a file that was passed")),
        }
    }

    /// Longest piece at the moment, in bytes; it shrinks with the number of transfers.
    pub fn piece_bytes(&self) -> usize {
        self.share.piece_bytes()
    }

    /// The next bytes of the present item, at most [`Transfer::piece_bytes`]; `None` at its end, after all bytes have
    /// arrived and the file has not changed meanwhile.
    ///
    /// # Errors
    /// A failure of the item, such as [`ErrorCode::Changed`], after which [`Transfer::next_item`] continues, or of the
    /// connection, after which every call fails.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        let bytes_left = match self.state {
            State::Between => return Ok(None),
            State::FdPassed => return Err(self.broken("a file was passed in place of bytes")),
            State::Inside { bytes_left } => bytes_left,
        };
        // A frame that was received ahead announces the bytes.
        if self.waiting.is_some() || self.lease()?.data_left() == 0 {
            match self.data_reply().await? {
                DataReply::Data(bytes) if bytes as u64 <= bytes_left => {}
                DataReply::Data(_) => return Err(self.broken("more bytes than META announced")),
                DataReply::Reply(Reply::Frame(frame)) if frame.kind() == Some(FrameKind::ItemEnd) => {
                    self.state = State::Between;
                    return match self.message::<ItemEnd>(&frame)?.error {
                        Some(failure) => Err(failure.into()),
                        None if bytes_left == 0 => Ok(None),
                        None => Err(self.broken("fewer bytes than META announced")),
                    };
                }
                DataReply::Reply(Reply::End(error)) => return Err(self.ended(error)),
                DataReply::Reply(Reply::Frame(_)) => {
                    return Err(self.broken("a frame that does not belong into an item"));
                }
            }
        }
        let bytes_max = self.share.piece_bytes();
        let piece = match self.lease()?.piece(bytes_max).await {
            Ok(piece) => piece,
            Err(error) => return Err(self.lost(error)),
        };
        self.state = State::Inside { bytes_left: bytes_left - piece.len() as u64 };
        Ok(Some(piece))
    }

    async fn end(&mut self) -> Result<(), ClientError> {
        if self.lease.is_none() {
            return Ok(());
        }
        match self.data_reply().await? {
            DataReply::Reply(Reply::End(error)) => {
                let lease = self.lease.take();
                match (error, lease) {
                    (None, Some(lease)) => {
                        lease.finish();
                        Ok(())
                    }
                    (error, Some(lease)) => Err(lease.end(error)),
                    (_, None) => Ok(()),
                }
            }
            _ => Err(self.broken("an answer without an end")),
        }
    }

    async fn data_reply(&mut self) -> Result<DataReply, ClientError> {
        if let Some(reply) = self.waiting.take() {
            return Ok(reply);
        }
        match self.lease()?.data_reply().await {
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.lost(error)),
        }
    }

    fn lease(&mut self) -> Result<&mut Lease, ClientError> {
        self.lease.as_mut().ok_or_else(|| ClientError::new(ErrorCode::Disconnected, "the transfer is over"))
    }

    fn message<M: Message>(&mut self, frame: &Frame) -> Result<M, ClientError> {
        frame.message().map_err(|error| self.lost(error.into()))
    }

    /// Ends a transfer that END has cut short; the connection can be used again.
    fn ended(&mut self, error: Option<Failure>) -> ClientError {
        match self.lease.take() {
            Some(lease) => lease.end(error),
            None => ClientError::new(ErrorCode::Disconnected, "the transfer is over"),
        }
    }

    fn lost(&mut self, error: ClientError) -> ClientError {
        self.lease = None;
        error
    }

    fn broken(&mut self, sentence: &str) -> ClientError {
        self.lost(ClientError::new(ErrorCode::Protocol, sentence))
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            cancel(lease);
        }
    }
}
