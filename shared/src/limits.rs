//! Every bound that two rooms share, named with its unit last. A bound that a person may set has its default here.

use std::time::Duration;

/// Longest path, in bytes, all segments and their slashes (`PATH_MAX` of POSIX on Linux).
pub const PATH_BYTES_MAX: usize = 4096;
/// Longest name of one entry, in bytes: `NAME_MAX` of every file system that matters.
pub const NAME_BYTES_MAX: usize = 255;
/// Deepest path, in segments; also how deep recursive work descends.
pub const PATH_SEGMENTS_MAX: usize = 255;

/// Longest frame before the peer has proved its key, in bytes after the length field.
pub const FRAME_HANDSHAKE_BYTES_MAX: usize = 4 << 10;
/// Longest frame that carries a message, in bytes after the length field.
pub const FRAME_CONTROL_BYTES_MAX: usize = 64 << 10;
/// Largest payload of one DATA frame, in bytes; a connection may agree on less.
pub const DATA_BYTES_MAX: usize = 1 << 20;
/// Least payload of a DATA frame that a connection may agree on, in bytes.
pub const DATA_BYTES_MIN: usize = 4 << 10;
/// What a receiver takes of a payload at a time, in bytes: larger pieces fall out of the processor's cache.
pub const PIECE_BYTES: usize = 256 << 10;
/// What a client reads on after a CANCEL, in bytes, before it gives the connection up.
pub const CANCEL_DRAIN_BYTES_MAX: usize = 1 << 20;
/// How long a client reads on after a CANCEL before it gives the connection up.
pub const CANCEL_DRAIN_TIME: Duration = Duration::from_millis(100);
/// How many CANCEL frames a connection may send in a minute (HTTP/2's rapid reset, CVE-2023-44487).
pub const CANCELS_PER_MINUTE_MAX: u32 = 600;
/// How many PING frames may wait for their answer while a request runs.
pub const PINGS_WAITING_MAX: u32 = 64;
/// Time from accept to a proved key.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// How long an idle connection is kept by the file server.
pub const IDLE_TIME: Duration = Duration::from_secs(120);
/// Silence after which a peer is asked whether it is still there.
pub const PING_AFTER: Duration = Duration::from_secs(15);
/// A peer that takes not one byte for this long is cut; a slow one that moves is served to the end.
pub const STALL_TIME: Duration = Duration::from_secs(300);
/// Most files that one GET may name.
pub const GET_ITEMS_MAX: usize = 1024;
/// Most paths that one WALK may name.
pub const WALK_PATHS_MAX: usize = 1024;
/// Most roots in a scope.
pub const SCOPE_ROOTS_MAX: usize = 64;
/// Longest text in a message that is not a path (a root's name, a capability, a trace id), in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// Most capabilities that a handshake may name.
pub const CAPABILITIES_MAX: usize = 32;

/// Entries in a page of a listing, unless the caller says.
pub const LIST_LIMIT_DEFAULT: u32 = 1_000;
/// Most entries in a page of a listing: as many as a large folder has. They are sent as they are looked at.
pub const LIST_LIMIT_MAX: u32 = 1_000_000;
/// Most entries in a page of a listing that has a validator, for which all of it is looked at before the first is sent;
/// and what a client asks for at most that keeps a page whole.
pub const LIST_PAGE_MAX: u32 = 10_000;
/// Most entries of a folder that is listed.
pub const FOLDER_ENTRIES_MAX: usize = 10_000_000;
/// Longest block of a listing in columns, in bytes: the body of one frame.
pub const COLUMNS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX - 8;
/// Longest cursor, in bytes of its text: a path segment of 255 bytes and a snapshot's name fit well.
pub const CURSOR_BYTES_MAX: usize = 2048;

/// Most entries in an archive.
pub const ARCHIVE_ENTRIES_MAX: usize = 1_000_000;
/// Most memory for the manifest of an archive, in bytes.
pub const ARCHIVE_MANIFEST_BYTES_MAX: usize = 128 << 20;
/// Most paths that one archive may be asked for.
pub const ARCHIVE_PATHS_MAX: usize = 10_000;

/// Most ranges in one request (RFC 9110 §14.2 lets a server ignore a set that looks like an attack).
pub const RANGES_MAX: usize = 16;

/// Longest file that is stored in one exchange, in bytes: it is held in memory whole.
pub const STORE_BYTES_MAX: u64 = PIECE_BYTES as u64;
/// Bytes of an upload between two of its durable offsets, at most: what a crash may cost.
pub const UPLOAD_SYNC_BYTES: u64 = 8 << 20;
/// How long an upload is kept that nobody adds to, unless the server is told otherwise.
pub const UPLOAD_EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long an upload that is not written down is kept while no request is at work on it.
pub const UPLOAD_UNRECORDED_TIME: Duration = Duration::from_secs(120);
/// Most unfinished uploads of one file server.
pub const UPLOADS_MAX: usize = 100_000;
/// What a client may leave with an upload for itself (tus `Upload-Metadata`), in bytes.
pub const UPLOAD_METADATA_BYTES_MAX: usize = 8 << 10;
/// Most partial uploads that one upload may be joined of.
pub const UPLOAD_PARTS_MAX: usize = 1_000;
/// How long a new writer of an upload waits for an older one to let go.
pub const UPLOAD_TAKEOVER_TIME: Duration = Duration::from_secs(5);

/// Most items in one change; a client with more asks several times.
pub const CHANGE_ITEMS_MAX: usize = 1_000;
/// Longest wait for news of a job.
pub const JOB_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a change's key and outcome are remembered.
pub const JOB_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Most changes that wait or run at a time.
pub const JOBS_MAX: usize = 1_000;
/// Most changes that are at work at a time; the others wait for their turn.
pub const JOBS_AT_A_TIME_MAX: usize = 4;
/// How many of the files that one item of a change put others in the place of are told of. All are in the trash.
pub const REPLACED_TOLD_MAX: usize = 1_000;
/// How long something stays in the trash, unless the server is told otherwise.
pub const TRASH_EXPIRY: Duration = Duration::from_secs(30 * 24 * 3600);
/// Most items in a page of the trash.
pub const TRASH_LIMIT_MAX: u32 = 1_000;

/// Most folders that are watched at a time.
pub const WATCHES_MAX: usize = 1_024;
/// How many events of a folder are kept for who comes back.
pub const EVENTS_KEPT_MAX: usize = 1_024;

/// How long the digest of a file's content is remembered.
pub const DIGEST_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// Most digests that are remembered.
pub const DIGESTS_MAX: u32 = 1_000_000;
