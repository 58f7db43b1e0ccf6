//! What tidy holds the source tree to, as tables: edit these when a decision changes, and say so in the commit.

/// Each room of `backend/src`, and the rooms that it may import. Only what is listed here may be imported.
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    // Dates from seconds.
    ("calendar", &[]),
    // Ids, nonces and keys.
    ("random", &[]),
    // What the system says of a file's pages, for whoever reads or sends one.
    ("page_cache", &[]),
    // How many bytes each of many may hold.
    ("transfer_budget", &[]),
    // How a TCP connection is set up, for whoever makes or accepts one.
    ("sockets", &[]),
    ("storage", &["page_cache", "random"]),
    ("wire", &["random", "sockets"]),
    ("server", &["page_cache", "random", "transfer_budget", "sockets", "storage", "wire"]),
    ("client", &["random", "transfer_budget", "wire"]),
    ("gateway", &["calendar", "client", "page_cache", "random", "sockets"]),
    // The parts of the program that are no room: they sit above, and no room knows them.
    ("state", &["storage", "wire"]),
    ("config", &["gateway", "transfer_budget", "server"]),
    ("telemetry", &["config"]),
    ("cli", &["config"]),
    ("commands", &["calendar", "cli", "client", "random", "state", "wire"]),
    ("program", &["cli", "commands", "config", "gateway", "run", "telemetry"]),
    ("run", &["client", "config", "gateway", "server", "sockets", "state", "storage", "telemetry", "wire"]),
];

/// A third-party crate that only some places may name, with those places below the root of the repository.
pub(super) const CRATES: &[(&str, &[&str])] = &[
    // The operating system's files: a sandbox for what is served and one for what is fetched, and the few system
    // calls that join a file to a socket.
    ("cap_std", &["backend/src/commands/get/", "backend/src/storage/"]),
    (
        "rustix",
        &[
            "backend/src/storage/",
            "backend/src/wire/unix/",
            "backend/src/page_cache.rs",
            "backend/src/run/open_files.rs",
            "bench/src/load/",
            "bench/src/measure/",
            "xtask/src/stop.rs",
        ],
    ),
    ("getrandom", &["backend/src/random.rs"]),
    ("socket2", &["backend/src/sockets.rs"]),
    // HTTP ends at the gateway: nothing behind it may hear of it.
    ("axum", &["backend/src/gateway/"]),
    ("http", &["backend/src/gateway/"]),
    ("http_body", &["backend/src/gateway/"]),
    ("http_body_util", &["backend/src/gateway/"]),
    ("hyper", &["backend/src/gateway/"]),
    ("hyper_util", &["backend/src/gateway/"]),
    ("rustls", &["backend/src/gateway/connection/tls/"]),
    ("tokio_rustls", &["backend/src/gateway/connection/tls/"]),
    ("clap", &["backend/src/cli/", "backend/src/config/", "backend/src/program.rs"]),
    ("tracing_subscriber", &["backend/src/telemetry/"]),
    ("rusqlite", &["backend/src/server/records/"]),
    ("notify", &["backend/src/storage/local/"]),
];

/// Parts of the standard library that a folder must do without: `shared` does no input or output and reads no clock.
pub(super) const STANDARD: &[(&str, &[&str])] =
    &[("shared/src/", &["fs", "net", "process", "thread", "time::Instant", "time::SystemTime"])];

/// A crate of the workspace, and those of the workspace that its manifest may name.
pub(super) const MANIFESTS: &[(&str, &[&str])] = &[
    ("shared", &[]),
    ("frontend", &["shared"]),
    ("backend", &["shared"]),
    ("bundler", &[]),
    ("page", &["backend"]),
    ("xtask", &[]),
    ("bench", &["backend", "shared", "xtask"]),
];

/// A file larger than this in version control is a mistake: it stays in everyone's clone forever.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The only files that decode percent-encoding: the path parser, query values, and info files of the trash
/// (freedesktop.org Trash specification).
pub(super) const DECODING: &[&str] =
    &["shared/src/path.rs", "backend/src/gateway/http/query.rs", "backend/src/storage/local/tree/trash_info.rs"];

/// Documents that name files of earlier versions.
pub(super) const HISTORIC: &[&str] = &["CHANGELOG.md", "docs/decisions/", "docs/measurements/"];

/// Words that are banned in comments, documents, messages and names.
pub(super) const WORDS: &[&str] = &[
    "deeds",
    "ears",
    "farewell",
    "foresee",
    "foreseen",
    "nobody",
    "nobodys",
    "somebody",
    "stranger",
    "strangers",
    "told",
    "whoever",
    "whomever",
];

/// Phrases that are banned likewise, in lower case.
pub(super) const PHRASES: &[&str] = &["the same,", "the same but"];

/// Words that a file may contain nevertheless, with the file or folder.
pub(super) const WORD_EXCEPTIONS: &[(&str, &[&str])] = &[
    // The lists themselves, and the tests of the rule.
    ("xtask/src/tidy/table.rs", WORDS),
    ("xtask/src/tidy/table.rs", PHRASES),
    ("xtask/src/tidy/words.rs", WORDS),
    ("xtask/src/tidy/words.rs", PHRASES),
];
