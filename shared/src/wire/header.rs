//! The twelve bytes in front of every body.

use crate::limits::{FRAME_CONTROL_BYTES_MAX, FRAME_HANDSHAKE_BYTES_MAX};

/// Length field, type, flags, reserved bits, request id.
pub const HEADER_BYTES: usize = 12;
/// What the length field counts besides the body.
const COUNTED_BYTES: usize = 8;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal;)*) => {
        /// What a frame is. The numbers 0x10 to 0x3f are requests; an unknown one among them is answered
        /// END(unsupported), any other unknown number is an error of protocol.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum FrameKind { $($(#[doc = $doc])* $variant = $number,)* }

        impl FrameKind {
            /// Every kind of this build.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The kind with that number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    /// C→S, first frame.
    Hello = 0x01;
    /// S→C, its answer.
    HelloAck = 0x02;
    /// C→S, the client's proof.
    Auth = 0x03;
    /// S→C, the server's proof and limits.
    AuthOk = 0x04;
    /// C→S, a page of a folder.
    List = 0x10;
    /// C→S, one entry.
    Stat = 0x11;
    /// C→S, the bytes of chosen files.
    Get = 0x12;
    /// C→S, everything below chosen paths.
    Walk = 0x13;
    /// C→S, begin an upload.
    Stage = 0x14;
    /// C→S, bytes of an upload.
    Put = 0x15;
    /// C→S, how an upload stands.
    UploadStatus = 0x16;
    /// C→S, make an upload a file.
    Commit = 0x17;
    /// C→S, give an upload up.
    Abort = 0x18;
    /// C→S, digests of a file's content.
    Digest = 0x19;
    /// C→S, change what is there: make, move, copy, trash, delete, restore, purge.
    Change = 0x1a;
    /// C→S, how a change stands.
    JobStatus = 0x1b;
    /// C→S, stop a change.
    CancelJob = 0x1c;
    /// C→S, what is in the trash.
    ListTrash = 0x1d;
    /// C→S, tell what happens in a folder.
    Watch = 0x1e;
    /// C→S, a whole small file in one exchange.
    Store = 0x1f;
    /// S→C, entries.
    Page = 0x40;
    /// S→C, one entry and, in a GET, which of its bytes follow.
    Meta = 0x41;
    /// Bytes of a file: S→C in a GET, C→S in a PUT or a STORE.
    Data = 0x42;
    /// S→C, the end of one file of a GET.
    ItemEnd = 0x43;
    /// S→C, the end of a request.
    End = 0x44;
    /// C→S, the end of the bytes of a PUT or a STORE.
    PutEnd = 0x45;
    /// S→C, an upload as it stands.
    Upload = 0x46;
    /// S→C, digests, or how far they are.
    Digests = 0x47;
    /// S→C, a change as it stands.
    Job = 0x48;
    /// S→C, items of the trash.
    TrashPage = 0x49;
    /// S→C, something happened in a watched folder.
    Event = 0x4a;
    /// S→C, in place of one item's DATA: its file was lent over the side lane of the connection.
    PassedFd = 0x4b;
    /// C→S, a lent file is read: was it the same to the end?
    ReleasedFd = 0x4c;
    /// S→C, rows of a listing, as [`crate::columns`] has them.
    Columns = 0x4d;
    /// Either way: are you there?
    Ping = 0x50;
    /// The answer.
    Pong = 0x51;
    /// C→S, stop this request.
    Cancel = 0x52;
    /// Either way: this connection is over.
    Goodbye = 0x53;
}

/// A frame's header, read and checked but for what the state of the connection decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The type byte; see [`FrameKind::from_number`].
    pub number: u8,
    /// Which request the frame belongs to; 0 for none.
    pub request_id: u32,
    /// Length of the body in bytes.
    pub body_bytes: usize,
}

/// Why twelve bytes are not a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// Less than the header itself.
    #[error("the frame's length is shorter than its own header")]
    TooShort,
    /// More than that kind of frame may have at that point.
    #[error("the frame is longer than allowed here")]
    TooLong,
    /// Flags or reserved bits that this version does not have.
    #[error("the frame has reserved bits set")]
    ReservedBits,
    /// DATA without a byte.
    #[error("the frame carries no data")]
    EmptyData,
}

/// How long frames may be at this point of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Before the keys are proved.
    Handshake,
    /// After; DATA frames carry at most so many bytes.
    Open {
        /// Agreed in AUTH_OK; 0 on the side that receives no DATA.
        data_bytes_max: usize,
    },
}

impl Header {
    /// The header of a frame of `kind` with a body of `body_bytes`.
    ///
    /// # Panics
    /// Never for a body below 4 GiB; every limit is far lower.
    pub const fn new(kind: FrameKind, request_id: u32, body_bytes: usize) -> Self {
        Self { number: kind as u8, request_id, body_bytes }
    }

    /// The twelve bytes.
    pub fn encode(self) -> [u8; HEADER_BYTES] {
        // Bodies are bounded by limits far below 4 GiB before a header is made for them.
        let length = (self.body_bytes + COUNTED_BYTES) as u32;
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes[4] = self.number;
        bytes[8..].copy_from_slice(&self.request_id.to_be_bytes());
        bytes
    }

    /// Reads twelve bytes. Nothing is allocated for a frame before this has said that its length is allowed.
    pub fn decode(bytes: [u8; HEADER_BYTES], phase: Phase) -> Result<Self, HeaderError> {
        let [l0, l1, l2, l3, number, flags, r0, r1, i0, i1, i2, i3] = bytes;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        if length < COUNTED_BYTES {
            return Err(HeaderError::TooShort);
        }
        let data = number == FrameKind::Data as u8;
        let (longest, counted) = match phase {
            Phase::Handshake => (FRAME_HANDSHAKE_BYTES_MAX, 0),
            Phase::Open { data_bytes_max } if data => (data_bytes_max, COUNTED_BYTES),
            Phase::Open { .. } => (FRAME_CONTROL_BYTES_MAX, 0),
        };
        if length > longest + counted {
            return Err(HeaderError::TooLong);
        }
        if flags != 0 || r0 != 0 || r1 != 0 {
            return Err(HeaderError::ReservedBits);
        }
        let body_bytes = length - COUNTED_BYTES;
        if data && body_bytes == 0 {
            return Err(HeaderError::EmptyData);
        }
        Ok(Self { number, request_id: u32::from_be_bytes([i0, i1, i2, i3]), body_bytes })
    }

    /// What the frame is, if this build knows.
    pub const fn kind(self) -> Option<FrameKind> {
        FrameKind::from_number(self.number)
    }

    /// True for the numbers that are requests, known or not.
    pub const fn is_request(self) -> bool {
        matches!(self.number, 0x10..=0x3f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::DATA_BYTES_MAX;

    const OPEN: Phase = Phase::Open { data_bytes_max: DATA_BYTES_MAX };

    #[track_caller]
    fn check(length: u32, number: u8, flags: u8, phase: Phase, expected: Result<usize, HeaderError>) {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        (bytes[4], bytes[5]) = (number, flags);
        assert_eq!(Header::decode(bytes, phase).map(|header| header.body_bytes), expected);
    }

    #[test]
    fn lengths_are_bounded_by_phase_and_kind() {
        check(7, 0x50, 0, OPEN, Err(HeaderError::TooShort));
        check(8, 0x50, 0, OPEN, Ok(0));
        check(4 << 10, 0x01, 0, Phase::Handshake, Ok((4 << 10) - 8));
        check((4 << 10) + 1, 0x01, 0, Phase::Handshake, Err(HeaderError::TooLong));
        check((4 << 10) + 1, 0x42, 0, Phase::Handshake, Err(HeaderError::TooLong));
        check(64 << 10, 0x10, 0, OPEN, Ok((64 << 10) - 8));
        check((64 << 10) + 1, 0x10, 0, OPEN, Err(HeaderError::TooLong));
        check((1 << 20) + 8, 0x42, 0, OPEN, Ok(1 << 20));
        check((1 << 20) + 9, 0x42, 0, OPEN, Err(HeaderError::TooLong));
        check(u32::MAX, 0x42, 0, OPEN, Err(HeaderError::TooLong));
        check(9, 0x42, 0, Phase::Open { data_bytes_max: 0 }, Err(HeaderError::TooLong));
        check(8, 0x42, 0, OPEN, Err(HeaderError::EmptyData));
        check(8, 0x50, 1, OPEN, Err(HeaderError::ReservedBits));
    }

    #[test]
    fn golden_bytes() {
        let header = Header::new(FrameKind::Get, 0x0102_0304, 0x20);
        assert_eq!(header.encode(), [0, 0, 0, 0x28, 0x12, 0, 0, 0, 1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(index in 0..FrameKind::ALL.len(), request_id: u32, body_bytes in 1usize..60_000) {
            let header = Header::new(FrameKind::ALL[index], request_id, body_bytes);
            prop_assert_eq!(Header::decode(header.encode(), OPEN), Ok(header));
        }

        #[test]
        fn no_input_panics(bytes: [u8; HEADER_BYTES]) {
            for phase in [Phase::Handshake, OPEN] {
                if let Ok(header) = Header::decode(bytes, phase) {
                    prop_assert_eq!(header.encode(), bytes);
                }
            }
        }
    }
}
