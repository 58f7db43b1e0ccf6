//! Reads arbitrary bytes as frames: a header is refused or encodes to the same bytes, and the result does not depend on
//! how the stream is split into reads.
#![no_main]

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use backend::wire::{FrameReader, Incoming, Source};
use libfuzzer_sys::fuzz_target;
use shared::limits::{DATA_BYTES_MAX, PIECE_BYTES};
use shared::wire::{HEADER_BYTES, Header, Phase};
use tokio::io::{AsyncRead, ReadBuf};

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    if let Some(header) = bytes.first_chunk::<HEADER_BYTES>() {
        for phase in
            [Phase::Handshake, Phase::Open { data_bytes_max: DATA_BYTES_MAX }, Phase::Open { data_bytes_max: 0 }]
        {
            if let Ok(decoded) = Header::decode(*header, phase) {
                assert_eq!(decoded.encode(), *header);
                assert!(decoded.body_bytes <= DATA_BYTES_MAX);
            }
        }
    }
    for data_bytes_max in [None, Some(DATA_BYTES_MAX)] {
        let whole = frames(bytes, bytes.len().max(1), data_bytes_max);
        assert_eq!(frames(bytes, usize::from(step).max(1), data_bytes_max), whole);
    }
});

/// What a reader returns if `step` bytes arrive at a time: each message, the bytes of each DATA frame, and the final
/// error.
fn frames(bytes: &[u8], step: usize, data_bytes_max: Option<usize>) -> Vec<String> {
    let mut reader = FrameReader::new(Steps { bytes, step });
    if let Some(max) = data_bytes_max {
        reader.open(max);
    }
    let mut seen = Vec::new();
    loop {
        match now(reader.next()) {
            Ok(Some(Incoming::Message(frame))) => seen.push(format!("{:?} {:?}", frame.header, frame.body)),
            Ok(Some(Incoming::Data { request_id, bytes })) => {
                assert!(bytes > 0 && reader.data_left() == bytes);
                let mut data = Vec::new();
                while reader.data_left() > 0 {
                    match now(reader.piece(PIECE_BYTES)) {
                        Ok(piece) => {
                            assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
                            data.extend_from_slice(&piece);
                        }
                        Err(error) => {
                            seen.push(format!("{request_id} {data:?} {error}"));
                            return seen;
                        }
                    }
                }
                assert_eq!(data.len(), bytes);
                seen.push(format!("{request_id} {data:?}"));
            }
            Ok(None) => return seen,
            Err(error) => {
                seen.push(error.to_string());
                return seen;
            }
        }
    }
}

/// The result of a future that is always ready.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a read is pending although bytes are available"),
    }
}

/// A stream that returns at most `step` bytes per read.
struct Steps<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Source for Steps<'_> {}

impl AsyncRead for Steps<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let (now, later) = self.bytes.split_at(self.step.min(self.bytes.len()).min(buffer.remaining()));
        buffer.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}
