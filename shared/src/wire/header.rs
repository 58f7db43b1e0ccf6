//! The header of a frame: the twelve bytes before its body.

use crate::limits::{FRAME_CONTROL_BYTES_MAX, FRAME_HANDSHAKE_BYTES_MAX};

/// Length, type, flags, reserved bits, request id.
pub const HEADER_BYTES: usize = 12;
/// Bytes of the length field, the first of a header.
pub const LENGTH_BYTES: usize = 4;
/// Bytes that the length field counts in addition to the body.
const COUNTED_BYTES: usize = 8;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal;)*) => {
        /// The type of a frame. Numbers from 0x10 to 0x3f are requests: an unknown one is answered with END
        /// (`unsupported`). Any other unknown number is a protocol error.
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
    /// C→S: the first frame.
    Hello = 0x01;
    /// S→C: the answer to HELLO.
    HelloAck = 0x02;
    /// C→S: authenticates the client.
    Auth = 0x03;
    /// S→C: authenticates the server, and announces limits.
    AuthOk = 0x04;
    /// C→S: lists a page of a folder.
    List = 0x10;
    /// C→S: reads one entry.
    Stat = 0x11;
    /// C→S: reads files.
    Get = 0x12;
    /// C→S: lists everything below some paths.
    Walk = 0x13;
    /// C→S: starts an upload.
    Stage = 0x14;
    /// C→S: appends bytes to an upload.
    Put = 0x15;
    /// C→S: reads the state of an upload.
    UploadStatus = 0x16;
    /// C→S: makes an upload a file.
    Commit = 0x17;
    /// C→S: deletes an upload.
    Abort = 0x18;
    /// C→S: computes digests of a file.
    Digest = 0x19;
    /// C→S: makes, moves, copies, trashes, deletes, restores or purges entries.
    Change = 0x1a;
    /// C→S: reads the state of a job.
    JobStatus = 0x1b;
    /// C→S: cancels a job.
    CancelJob = 0x1c;
    /// C→S: lists the trash.
    ListTrash = 0x1d;
    /// C→S: watches a folder.
    Watch = 0x1e;
    /// C→S: uploads a small file in one request.
    Store = 0x1f;
    /// C→S: asks whether the files can be read and changed.
    Health = 0x20;
    /// S→C: entries of a WALK.
    Page = 0x40;
    /// S→C: an entry and, in a GET, the range of the bytes that follow.
    Meta = 0x41;
    /// Bytes of a file: S→C in a GET, C→S in a PUT or STORE.
    Data = 0x42;
    /// S→C: ends one file of a GET.
    ItemEnd = 0x43;
    /// S→C: ends the answer to a request.
    End = 0x44;
    /// C→S: ends the bytes of a PUT or STORE.
    PutEnd = 0x45;
    /// S→C: the state of an upload.
    Upload = 0x46;
    /// S→C: digests, or the progress of computing them.
    Digests = 0x47;
    /// S→C: the state of a job.
    Job = 0x48;
    /// S→C: items of the trash.
    TrashPage = 0x49;
    /// S→C: an event of a watched folder.
    Event = 0x4a;
    /// S→C: replaces the DATA of one item. The open file is passed over the Unix socket.
    PassedFd = 0x4b;
    /// C→S: the client has read the passed file, and asks whether it changed meanwhile.
    ReleasedFd = 0x4c;
    /// S→C: rows of a listing, as in [`crate::columns`].
    Columns = 0x4d;
    /// Both ways: asks for a PONG.
    Ping = 0x50;
    /// Both ways: the answer to PING.
    Pong = 0x51;
    /// C→S: cancels the request.
    Cancel = 0x52;
    /// Both ways: closes the connection.
    Goodbye = 0x53;
}

/// The header of a frame. Decoding checks all but what depends on the state of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The type byte; see [`FrameKind::from_number`].
    pub number: u8,
    /// The id of the request that the frame belongs to. 0 for none.
    pub request_id: u32,
    /// Length of the body in bytes.
    pub body_bytes: usize,
}

/// Why twelve bytes are not a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// The length is below that of the header.
    #[error("the frame's length is shorter than its own header")]
    TooShort,
    /// The length exceeds the limit of the frame type and phase.
    #[error("the frame is longer than allowed here")]
    TooLong,
    /// Flags or reserved bits are set.
    #[error("the frame has reserved bits set")]
    ReservedBits,
    /// A DATA frame without bytes.
    #[error("the frame carries no data")]
    EmptyData,
}

/// The state of a connection, which determines how long frames may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// During the handshake.
    Handshake,
    /// After the handshake.
    Open {
        /// Largest DATA payload, as agreed in AUTH_OK, in bytes. 0 for a side that receives no DATA.
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

    /// Decodes a header, and checks the length before the caller allocates memory for the body.
    ///
    /// # Errors
    /// Every [`HeaderError`].
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

    /// Checks the length field of a header whose other bytes may not have arrived: whether a frame of any type may have
    /// this length. A peer that sends less than a header otherwise learns of its error at a time limit only.
    ///
    /// # Errors
    /// [`HeaderError::TooShort`], [`HeaderError::TooLong`].
    pub fn check_length(bytes: [u8; LENGTH_BYTES], phase: Phase) -> Result<(), HeaderError> {
        let longest = match phase {
            Phase::Handshake => FRAME_HANDSHAKE_BYTES_MAX,
            Phase::Open { data_bytes_max } => FRAME_CONTROL_BYTES_MAX.max(data_bytes_max + COUNTED_BYTES),
        };
        match u32::from_be_bytes(bytes) as usize {
            length if length < COUNTED_BYTES => Err(HeaderError::TooShort),
            length if length > longest => Err(HeaderError::TooLong),
            _ => Ok(()),
        }
    }

    /// The type. `None` if this build does not know it.
    pub const fn kind(self) -> Option<FrameKind> {
        FrameKind::from_number(self.number)
    }

    /// True if the number is that of a request, known or not.
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
    fn a_length_that_no_frame_may_have_is_refused_without_the_rest_of_the_header() {
        let check = |length: u32, phase, expected| {
            assert_eq!(Header::check_length(length.to_be_bytes(), phase), expected, "{length}");
        };
        check(7, OPEN, Err(HeaderError::TooShort));
        check(8, OPEN, Ok(()));
        check((1 << 20) + 8, OPEN, Ok(()));
        check((1 << 20) + 9, OPEN, Err(HeaderError::TooLong));
        check(64 << 10, Phase::Open { data_bytes_max: 0 }, Ok(()));
        check((64 << 10) + 1, Phase::Open { data_bytes_max: 0 }, Err(HeaderError::TooLong));
        check(4 << 10, Phase::Handshake, Ok(()));
        check((4 << 10) + 1, Phase::Handshake, Err(HeaderError::TooLong));
    }

    #[test]
    fn golden_bytes() {
        let header = Header::new(FrameKind::Get, 0x0102_0304, 0x20);
        assert_eq!(header.encode(), [0, 0, 0, 0x28, 0x12, 0, 0, 0, 1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn headers_read_back(index in 0..FrameKind::ALL.len(), request_id: u32, body_bytes in 1usize..60_000) {
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
