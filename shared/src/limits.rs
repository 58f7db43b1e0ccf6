//! Limits that several modules share, and the defaults of limits that can be configured. Names end with the unit.

use std::time::Duration;

/// Longest path, in bytes, slashes included (`PATH_MAX` of Linux).
pub const PATH_BYTES_MAX: usize = 4096;
/// Longest name of an entry, in bytes (`NAME_MAX` of common file systems).
pub const NAME_BYTES_MAX: usize = 255;
/// Deepest path, in segments. Also the limit of recursion.
pub const PATH_SEGMENTS_MAX: usize = 255;

/// Longest frame before the peer is authenticated, in bytes after the length field.
pub const FRAME_HANDSHAKE_BYTES_MAX: usize = 4 << 10;
/// Longest control frame (a frame with a message), in bytes after the length field.
pub const FRAME_CONTROL_BYTES_MAX: usize = 64 << 10;
/// Largest payload of a DATA frame, in bytes. The handshake may lower it.
pub const DATA_BYTES_MAX: usize = 1 << 20;
/// Lowest value of [`DATA_BYTES_MAX`] that the handshake may agree on, in bytes.
pub const DATA_BYTES_MIN: usize = 4 << 10;
/// Bytes that a receiver processes at a time: larger pieces exceed the processor's cache.
pub const PIECE_BYTES: usize = 256 << 10;
/// Most memory of the messages of one answer that a client collects before it uses them, in bytes. More than 100 000
/// uploads with paths of 400 bytes.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Bytes that a client still reads after a CANCEL before it closes the connection.
pub const CANCEL_DRAIN_BYTES_MAX: usize = 1 << 20;
/// How long a client still reads after a CANCEL before it closes the connection.
pub const CANCEL_DRAIN_TIME: Duration = Duration::from_millis(100);
/// How long a request whose client has left keeps its place while the server works on it.
pub const ABANDONED_TIME: Duration = Duration::from_secs(60);
/// Maximum number of CANCEL frames per connection and minute (compare HTTP/2 rapid reset, CVE-2023-44487).
pub const CANCELS_PER_MINUTE_MAX: u32 = 600;
/// Maximum number of unanswered PING frames while a request runs.
pub const PINGS_WAITING_MAX: u32 = 64;
/// Time limit of the handshake, from accept to the authenticated peer.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// Maximum number of connections to a listener whose handshake has not ended. One more ends the oldest.
pub const NEWCOMERS_MAX: u64 = 1_024;
/// Maximum number of connections from one address whose handshake has not ended.
pub const NEWCOMERS_OF_ONE_MAX: u64 = 512;
/// Bytes that a client has to take in [`LEAST_PACE_TIME`] of an answer that waits for it, while connections are scarce.
pub const LEAST_PACE_BYTES: u64 = 64 << 10;
/// Time in which a client takes [`LEAST_PACE_BYTES`].
pub const LEAST_PACE_TIME: Duration = Duration::from_secs(20);
/// How long the file server keeps an idle connection.
pub const IDLE_TIME: Duration = Duration::from_secs(120);
/// Silence after which a PING is sent.
pub const PING_AFTER: Duration = Duration::from_secs(15);
/// A connection is closed when its peer accepts no byte for this long. A slow peer that makes progress is served,
/// unless places are scarce and it is below the least pace.
pub const STALL_TIME: Duration = Duration::from_secs(300);
/// Maximum number of files in a GET.
pub const GET_ITEMS_MAX: usize = 1024;
/// Maximum number of paths in a WALK.
pub const WALK_PATHS_MAX: usize = 1024;
/// Maximum number of grants in a scope.
pub const SCOPE_GRANTS_MAX: usize = 256;
/// Bytes that the paths of a scope have at most, together.
pub const SCOPE_PATHS_BYTES_MAX: usize = 16 << 10;
/// Maximum number of roots in a scope of the earlier form.
pub const SCOPE_ROOTS_MAX: usize = 64;
/// Longest text in a message other than a path (name of a root, capability, trace id), in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// Longest name of a user in a request, in bytes: `k:` and the id of a key.
pub const PRINCIPAL_BYTES_MAX: usize = 2 + TEXT_BYTES_MAX;
/// Longest name of a client in a request, in bytes. The first 56 bits of an IPv6 address have 22 at most.
pub const CLIENT_BYTES_MAX: usize = 32;
/// Maximum number of capabilities in a handshake.
pub const CAPABILITIES_MAX: usize = 32;
/// How many bytes before the end of a file tell whether the file has only grown since.
pub const GROWTH_TAIL_BYTES: u64 = 64 << 10;
/// A file that was modified at most this long ago may be growing.
pub const GROWING_TIME: Duration = Duration::from_secs(60);

/// Entries in a page of a listing by default.
pub const LIST_LIMIT_DEFAULT: u32 = 1_000;
/// Maximum number of entries in a page of a listing. Entries are sent while later ones are still being read.
pub const LIST_LIMIT_MAX: u32 = 1_000_000;
/// Maximum number of entries in a page that has an entity tag, for which all entries are read before the first is sent.
/// Also the limit for a client that holds a whole page in memory.
pub const LIST_PAGE_MAX: u32 = 10_000;
/// Maximum number of entries of a folder that can be listed.
pub const FOLDER_ENTRIES_MAX: usize = 10_000_000;
/// Memory for folders that are being listed or walked, in bytes, by default. What is kept for later pages is not part of
/// it.
pub const LISTED_BYTES_MAX: u64 = 1 << 30;
/// One owner has at most this part of [`LISTED_BYTES_MAX`], or of what is configured in its place.
pub const LISTED_OWNER_PART: u64 = 4;
/// Memory of one answer that is not counted, in bytes.
pub const LISTED_UNCOUNTED_BYTES: usize = 128 << 10;
/// Longest block of a listing in columns, in bytes: the body of one control frame.
pub const COLUMNS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX - 8;
/// Longest cursor, in bytes of its text. The longest cursors hold a name of 255 bytes and the id of a snapshot.
pub const CURSOR_BYTES_MAX: usize = 2048;

/// Maximum number of entries in an archive.
pub const ARCHIVE_ENTRIES_MAX: usize = 1_000_000;
/// Maximum memory for the file list of an archive, in bytes.
pub const ARCHIVE_MANIFEST_BYTES_MAX: usize = 128 << 20;
/// Maximum number of paths in a request for an archive.
pub const ARCHIVE_PATHS_MAX: usize = 10_000;

/// Maximum number of ranges in a request (RFC 9110 §14.2 lets a server ignore sets that look like an attack).
pub const RANGES_MAX: usize = 16;

/// Largest file that a single STORE uploads, in bytes. It is held in memory.
pub const STORE_BYTES_MAX: u64 = PIECE_BYTES as u64;
/// Bytes of an upload between two syncs: the most that a crash loses.
pub const UPLOAD_SYNC_BYTES: u64 = 8 << 20;
/// How long an upload without progress is kept, by default.
pub const UPLOAD_EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long an unrecorded upload is kept between two requests.
pub const UPLOAD_UNRECORDED_TIME: Duration = Duration::from_secs(120);
/// One client has at most this part of the unfinished uploads, and of their bytes, that the others without an account
/// leave of what all of them may have together.
pub const UNFINISHED_CLIENT_PART: u64 = 4;
/// Maximum number of unfinished uploads of a file server.
pub const UPLOADS_MAX: usize = 100_000;
/// Maximum number of unfinished uploads of one principal, by default.
pub const UNFINISHED_UPLOADS_MAX: usize = 10_000;
/// Bytes that the unfinished uploads of one principal hold at most, by default: one TiB.
pub const UNFINISHED_BYTES_MAX: u64 = 1 << 40;
/// Longest metadata of an upload (tus `Upload-Metadata`), in bytes.
pub const UPLOAD_METADATA_BYTES_MAX: usize = 8 << 10;
/// Maximum number of partial uploads in a concatenation (tus).
pub const UPLOAD_PARTS_MAX: usize = 1_000;
/// How long a request for an upload waits until an older request releases it.
pub const UPLOAD_TAKEOVER_TIME: Duration = Duration::from_secs(5);

/// Maximum number of items in a change.
pub const CHANGE_ITEMS_MAX: usize = 1_000;
/// Longest time that a request waits for a new version of a job.
pub const JOB_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long the key and the outcomes of a finished job are kept.
pub const JOB_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Maximum number of answers to STOREs with a key that are kept; the oldest of the owner, or client, with most go first.
pub const STORED_ANSWERS_MAX: usize = 8192;
/// Maximum number of such answers of one owner; of callers without an account, of one client.
pub const STORED_ANSWERS_OF_ONE_MAX: usize = 1024;
/// Maximum number of ended jobs, and of finished uploads, that are kept for one owner; the oldest go first, of
/// callers without an account those of the client with most.
pub const ENDED_RECORDS_MAX: u64 = 10_000;
/// Maximum size of the records of ended jobs, and of those of finished uploads, of one owner, in bytes.
pub const ENDED_RECORDS_BYTES_MAX: u64 = 64 << 20;
/// Maximum number of jobs that wait or run.
pub const JOBS_MAX: u64 = 1_000;
/// Maximum number of jobs of one owner that wait or run.
pub const JOBS_OF_ONE_MAX: u64 = 250;
/// Maximum number of jobs that are recorded at a time, before they begin; others wait. The database records them one
/// after another.
pub const JOBS_RECORDED_AT_A_TIME_MAX: u64 = 4;
/// Maximum number of jobs of one owner that are recorded at a time.
pub const JOBS_RECORDED_AT_A_TIME_OF_ONE_MAX: u64 = 1;
/// Maximum number of jobs that copy or remove trees at a time; others wait.
pub const LONG_JOBS_AT_A_TIME_MAX: u64 = 8;
/// Maximum number of jobs of one owner that copy or remove trees at a time.
pub const LONG_JOBS_AT_A_TIME_OF_ONE_MAX: u64 = 4;
/// Maximum number of jobs at a time whose items take one step each, such as a rename; others wait.
pub const SHORT_JOBS_AT_A_TIME_MAX: u64 = 16;
/// Maximum number of jobs of one owner at a time whose items take one step each.
pub const SHORT_JOBS_AT_A_TIME_OF_ONE_MAX: u64 = 8;
/// How long a job whose items take one step each keeps its turn, up to the end of an item or a group of items; then it
/// waits for its next turn.
pub const SHORT_JOB_TURN_TIME: Duration = Duration::from_millis(100);
/// Bytes of replaced files that the trash of each disk keeps by default: ten GiB.
pub const TRASH_BYTES_MAX: u64 = 10 << 30;

/// Maximum number of replaced files that the trash of each disk keeps: each costs its share of every listing of the
/// trash.
pub const TRASH_REPLACED_MAX: u64 = 100_000;

/// Maximum number of replaced files that the outcome of an item lists. All of them are in the trash.
pub const REPLACED_LISTED_MAX: usize = 1_000;
/// Most entries that the outcome of an item lists as left out. Beyond that they are counted.
pub const LEFT_OUT_LISTED_MAX: usize = 100;
/// Longest paths of these entries together, in bytes: an outcome must fit into one frame.
pub const LEFT_OUT_BYTES_MAX: usize = 16 << 10;
/// How long the system clock must have run evenly before uploads, changes and the trash expire.
pub const CLOCK_STEADY_TIME: Duration = Duration::from_secs(60 * 60);
/// How long an item stays in the trash, by default.
pub const TRASH_EXPIRY: Duration = Duration::from_secs(30 * 24 * 3600);
/// Maximum number of items in a page of the trash.
pub const TRASH_LIMIT_MAX: u32 = 1_000;

/// Maximum number of watched folders.
pub const WATCHES_MAX: u64 = 1_024;
/// Maximum number of watched folders that one owner was the first to watch.
pub const WATCHES_OF_ONE_MAX: u64 = 256;
/// Number of events of a folder that are kept for clients that reconnect.
pub const EVENTS_KEPT_MAX: usize = 1_024;
/// Most memory of the events of a folder that are kept, in bytes. The path of an event may have 4 KiB.
pub const EVENTS_KEPT_BYTES_MAX: usize = 256 << 10;

/// For each processor, the number of threads that list or walk folders at a time; others wait.
pub const FOLDERS_READ_OF_PROCESSOR: u64 = 4;
/// One owner has at most this part of the threads that list or walk folders.
pub const FOLDERS_READ_OWNER_PART: u64 = 2;

/// Maximum memory of files that arrive by STORE at a time, in bytes.
pub const STORED_BYTES_MAX: u64 = 64 << 20;
/// Maximum memory of files that arrive by STORE at a time of one owner, in bytes.
pub const STORED_BYTES_OF_ONE_MAX: u64 = STORED_BYTES_MAX / 4;
/// Maximum number of STOREs that wait for memory.
pub const STORES_WAITING_MAX: usize = 1_024;
/// Maximum number of STOREs of one owner that wait for memory.
pub const STORES_WAITING_OF_ONE_MAX: usize = STORES_WAITING_MAX / 4;
/// How long a STORE waits for memory. Shorter than [`PING_AFTER`], because the server reads nothing behind the header
/// of the first DATA meanwhile, and so answers no PING.
pub const STORE_WAIT_TIME: Duration = Duration::from_secs(5);
/// How long the bytes of a STORE may take to arrive, because they hold memory for which others may wait: about 4 KiB/s
/// for the largest file. A PUT has no such bound.
pub const STORE_BODY_TIME: Duration = Duration::from_secs(60);

/// Maximum number of threads that list the trash at a time.
pub const TRASHES_READ_MAX: u64 = 4;
/// Maximum number of threads that list the trash at a time for one owner.
pub const TRASHES_READ_OF_ONE_MAX: u64 = 1;

/// Maximum number of threads that work on uploads at a time, each for one step of one upload: half of the threads of a
/// server for blocking work, since a step may have a second thread that hashes.
pub const UPLOAD_STEPS_MAX: u64 = 256;
/// Maximum number of threads that work on uploads of one owner at a time.
pub const UPLOAD_STEPS_OF_ONE_MAX: u64 = UPLOAD_STEPS_MAX / 4;

/// Maximum number of files that are read as a whole at a time, for their digests.
pub const FILES_READ_MAX: u64 = 8;
/// Maximum number of files of one owner that are read as a whole at a time.
pub const FILES_READ_OF_ONE_MAX: u64 = 4;
/// Bytes of a file that are read before its reading waits for its next turn.
pub const READING_TURN_BYTES: u64 = 64 << 20;
/// Time after which the reading of a file waits for its next turn.
pub const READING_TURN_TIME: Duration = Duration::from_millis(500);
/// How many requests of one owner wait for the reading of a file.
pub const FILES_READ_WAITING_OF_ONE_MAX: usize = 64;
/// How many requests of all owners wait for the reading of a file.
pub const FILES_READ_WAITING_MAX: usize = 1_024;
/// How long the digest of a file is kept.
pub const DIGEST_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// Maximum number of digests that are kept.
pub const DIGESTS_MAX: u32 = 1_000_000;
