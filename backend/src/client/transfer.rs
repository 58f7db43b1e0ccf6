//! Answers that take as long as their reader does. Whoever drops one cancels it: the server is told, what is on the way
//! is read if it is little, and the connection is given up if it is not.

use std::fs::File;

use bytes::Bytes;
use shared::ErrorCode;
use shared::limits::{CANCEL_DRAIN_BYTES_MAX, CANCEL_DRAIN_TIME};
use shared::wire::{Failure, FrameKind, ItemEnd, Meta, Page};
use tokio::time::timeout;

use super::ClientError;
use super::connection::{DataReply, Reply};
use super::pool::Lease;
use crate::transfer_budget::{PIECE_BYTES_MIN, TransferShare};

/// The bytes of chosen files.
pub struct Transfer {
    /// None once the answer has ended or the connection broke.
    lease: Option<Lease>,
    /// A frame that was taken before it was asked for.
    waiting: Option<DataReply>,
    items_left: usize,
    share: TransferShare,
    /// A file may come instead of its bytes.
    takes_fds: bool,
    /// The file of the present item.
    fd: Option<File>,
    state: State,
}

/// Where a transfer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Between two items.
    Between,
    /// In an item of which so many bytes are still to come, in frames yet to be announced.
    Inside { bytes_left: u64 },
    /// In an item whose file was lent, and is to be given back.
    FdPassed,
}

/// How an item of a GET begins.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// These bytes follow; [`Transfer::piece`] hands them out. In answer to [`super::Client::get_fd`] the file may
    /// come instead: [`Transfer::take_fd`] hands that out.
    Sending(Meta),
    /// The wanted range lies outside the file, which is as said; nothing follows.
    Unsatisfiable(Meta, Failure),
    /// It cannot be sent; nothing follows.
    Refused(Failure),
}

impl Transfer {
    pub(super) fn new(lease: Lease, first: Reply, items: usize, takes_fds: bool) -> Result<Self, ClientError> {
        match first {
            Reply::End(error) => Err(lease.end(error)),
            frame => {
                let (share, waiting) = (lease.share(), Some(DataReply::Reply(frame)));
                let state = State::Between;
                Ok(Self { lease: Some(lease), waiting, items_left: items, share, takes_fds, fd: None, state })
            }
        }
    }

    /// The next item; what is left of the present one is skipped. None after the last. Dropped half-way it may have
    /// skipped an item, but never takes one for another.
    pub async fn next_item(&mut self) -> Result<Option<Item>, ClientError> {
        if self.state == State::FdPassed {
            // The item's own failure, as below.
            let released = self.release_fd().await;
            if self.lease.is_none() {
                released?;
            }
        }
        while self.state != State::Between {
            match self.piece().await {
                // The item's own failure; the next one is whole all the same.
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
                return Ok(Some(Item::Refused(failure.ok_or_else(|| self.broken("an item without a beginning"))?)));
            }
            _ => return Err(self.broken("an item that does not begin with META")),
        }
        let meta: Meta = self.message(&frame)?;
        self.state = State::Inside { bytes_left: meta.length };
        if meta.length > 0 && !self.takes_fds {
            return Ok(Some(Item::Sending(meta)));
        }
        // The next frame says whether the bytes are sent or the file is lent. An item that ends at once is looked at now:
        // its failure says what it is.
        let next = self.data_reply().await?;
        if let DataReply::Reply(Reply::Frame(frame)) = &next
            && frame.kind() == Some(FrameKind::PassedFd)
        {
            let Some(file) = self.lease()?.take_fd() else {
                return Err(self.broken("a file was lent, and none is there"));
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

    /// The present item's file, open for reading, if it was lent: then there are no pieces, and who has read what is
    /// needed of it says so by [`Transfer::release_fd`].
    pub fn take_fd(&mut self) -> Option<File> {
        self.fd.take()
    }

    /// Says that what is needed of a lent file is read: then it is known whether it was the same throughout.
    ///
    /// # Errors
    /// As [`Transfer::piece`].
    pub async fn release_fd(&mut self) -> Result<(), ClientError> {
        if self.state != State::FdPassed {
            return Err(self.broken("nothing was lent"));
        }
        if let Err(error) = self.lease()?.release_fd().await {
            return Err(self.lost(error));
        }
        // As after the last of an item's bytes.
        self.fd = None;
        self.state = State::Inside { bytes_left: 0 };
        match self.piece().await? {
            None => Ok(()),
            Some(_) => Err(self.broken("bytes of a file that was lent")),
        }
    }

    /// How long a piece may be at the moment, in bytes: the more transfers there are, the shorter.
    pub fn piece_bytes(&self) -> usize {
        self.share.piece_bytes()
    }

    /// The next bytes of the present item, at most [`Transfer::piece_bytes`]; none at its end, when every byte has come
    /// and the file was the same throughout.
    ///
    /// # Errors
    /// The item's own failure ([`ErrorCode::Changed`], say), after which [`Transfer::next_item`] goes on, or that of the
    /// connection, after which nothing does.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        let bytes_left = match self.state {
            State::Between => return Ok(None),
            State::FdPassed => return Err(self.broken("a file was lent that nobody asked for")),
            State::Inside { bytes_left } => bytes_left,
        };
        // A frame that waits has announced the bytes that are left.
        if self.waiting.is_some() || self.lease()?.data_left() == 0 {
            match self.data_reply().await? {
                DataReply::Data(bytes) if bytes as u64 <= bytes_left => {}
                DataReply::Data(_) => return Err(self.broken("more bytes than META promised")),
                DataReply::Reply(Reply::Frame(frame)) if frame.kind() == Some(FrameKind::ItemEnd) => {
                    self.state = State::Between;
                    return match self.message::<ItemEnd>(&frame)?.error {
                        Some(failure) => Err(failure.into()),
                        None if bytes_left == 0 => Ok(None),
                        None => Err(self.broken("fewer bytes than META promised")),
                    };
                }
                DataReply::Reply(Reply::End(error)) => return Err(self.ended(error)),
                DataReply::Reply(Reply::Frame(_)) => return Err(self.broken("a frame that has no place in an item")),
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
            _ => Err(self.broken("an answer that does not end")),
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

    fn message<M: shared::wire::Message>(&mut self, frame: &crate::wire::Frame) -> Result<M, ClientError> {
        frame.message().map_err(|error| self.lost(error.into()))
    }

    /// END came early: the connection is whole, the transfer is not.
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
            abandon(lease);
        }
    }
}

/// Everything below chosen paths, page by page.
pub struct Walking {
    lease: Option<Lease>,
    first: Option<Reply>,
}

impl Walking {
    pub(super) fn new(lease: Lease, first: Reply) -> Result<Self, ClientError> {
        match first {
            Reply::End(Some(failure)) => Err(lease.end(Some(failure))),
            first => Ok(Self { lease: Some(lease), first: Some(first) }),
        }
    }

    /// The next page; none after the last.
    pub async fn next_page(&mut self) -> Result<Option<Page>, ClientError> {
        let Some(lease) = &mut self.lease else { return Ok(None) };
        let reply = match self.first.take() {
            Some(reply) => Ok(reply),
            None => lease.reply().await,
        };
        match reply {
            Ok(Reply::Frame(frame)) => {
                let page = lease.message(&frame, FrameKind::Page);
                if page.is_err() {
                    self.lease = None;
                }
                page.map(Some)
            }
            Ok(Reply::End(error)) => match (self.lease.take(), error) {
                (Some(lease), Some(failure)) => Err(lease.end(Some(failure))),
                (Some(lease), None) => {
                    lease.finish();
                    Ok(None)
                }
                (None, _) => Ok(None),
            },
            Err(error) => {
                self.lease = None;
                Err(error)
            }
        }
    }
}

impl Drop for Walking {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            abandon(lease);
        }
    }
}

/// Cancels the request on a lent connection, in the background.
pub(super) fn abandon(lease: Lease) {
    // Outside a runtime (it is shutting down) the connection is just closed.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            let _ = timeout(CANCEL_DRAIN_TIME, drain(lease)).await;
        });
    }
}

/// Reads on until END, as long as that is little; gives the connection back only then.
async fn drain(mut lease: Lease) -> Result<(), ClientError> {
    lease.cancel().await?;
    let mut bytes_left = CANCEL_DRAIN_BYTES_MAX;
    loop {
        while lease.data_left() > 0 {
            let piece = lease.piece(PIECE_BYTES_MIN).await?;
            let Some(left) = bytes_left.checked_sub(piece.len()) else { return Ok(()) };
            bytes_left = left;
        }
        if let DataReply::Reply(Reply::End(_)) = lease.data_reply().await? {
            lease.finish();
            return Ok(());
        }
    }
}
