//! What the rules allow, as tables. A changed row states its reason in the commit.

/// Each module of `backend/src`, with the modules that it may import.
pub(super) const MODULES: &[(&str, &[&str])] = &[
    ("accounts", &["random"]),
    ("admission", &[]),
    ("calendar", &[]),
    ("hangup", &[]),
    ("lazy_timeout", &[]),
    ("page_cache", &[]),
    ("random", &[]),
    ("reserve", &["random"]),
    ("sockets", &[]),
    ("sparse", &[]),
    ("transfer_budget", &[]),
    ("storage", &["page_cache", "random", "reserve", "sparse"]),
    ("wire", &["random", "sockets"]),
    (
        "server",
        &[
            "admission",
            "lazy_timeout",
            "page_cache",
            "random",
            "reserve",
            "transfer_budget",
            "sockets",
            "storage",
            "wire",
        ],
    ),
    ("client", &["admission", "lazy_timeout", "random", "transfer_budget", "wire"]),
    ("gateway", &["admission", "calendar", "client", "hangup", "lazy_timeout", "page_cache", "random", "sockets"]),
    // Parts of the program above the modules: no module imports them.
    ("state", &["storage", "wire"]),
    ("config", &["gateway", "transfer_budget", "server"]),
    ("telemetry", &["config"]),
    ("cli", &["config"]),
    ("commands", &["calendar", "cli", "client", "random", "sparse", "state", "wire"]),
    ("program", &["cli", "commands", "config", "gateway", "run", "telemetry"]),
    ("run", &["client", "config", "gateway", "hangup", "server", "sockets", "state", "storage", "telemetry", "wire"]),
];

/// Third-party crates that only some files may use, with those files and folders.
pub(super) const CRATES: &[(&str, &[&str])] = &[
    // System calls: the sandboxes of the storage and of `get`, and the calls that send a file to a socket.
    ("cap_std", &["backend/src/commands/get/", "backend/src/storage/"]),
    (
        "rustix",
        &[
            "backend/src/storage/",
            "backend/src/wire/unix/",
            "backend/src/page_cache.rs",
            "backend/src/reserve.rs",
            "backend/src/run/open_files.rs",
            "bench/src/load/",
            "bench/src/measure/",
            "xtask/src/stop.rs",
        ],
    ),
    ("getrandom", &["backend/src/random.rs"]),
    ("socket2", &["backend/src/sockets.rs"]),
    // HTTP ends at the gateway.
    ("axum", &["backend/src/gateway/"]),
    ("http", &["backend/src/gateway/"]),
    ("http_body", &["backend/src/gateway/"]),
    ("http_body_util", &["backend/src/gateway/"]),
    ("hyper", &["backend/src/gateway/"]),
    ("hyper_util", &["backend/src/gateway/"]),
    ("rustls", &["backend/src/gateway/connection/tls/"]),
    ("tokio_rustls", &["backend/src/gateway/connection/tls/"]),
    ("ipnet", &["backend/src/gateway/"]),
    ("clap", &["backend/src/cli/", "backend/src/config/", "backend/src/program.rs"]),
    ("tracing_subscriber", &["backend/src/telemetry/"]),
    ("argon2", &["backend/src/accounts/password/"]),
    // Two databases, each with one module that has its statements.
    ("rusqlite", &["backend/src/accounts/store/", "backend/src/server/records/"]),
    ("tokio_postgres", &["backend/src/accounts/store/postgres/"]),
    ("notify", &["backend/src/storage/local/"]),
];

/// Parts of the standard library that a folder may not use: `shared` does no input or output and reads no clock.
pub(super) const STANDARD: &[(&str, &[&str])] =
    &[("shared/src/", &["fs", "net", "process", "thread", "time::Instant", "time::SystemTime"])];

/// Each crate of the workspace, with the crates of the workspace that it may depend on.
pub(super) const MANIFESTS: &[(&str, &[&str])] = &[
    ("shared", &[]),
    ("frontend", &["shared"]),
    ("backend", &["shared"]),
    ("bundler", &[]),
    ("page", &["backend"]),
    ("xtask", &[]),
    ("bench", &["backend", "shared", "xtask"]),
];

/// The largest file in version control: it stays in every clone forever.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The only files that decode percent-encoding: the path parser, query values, and info files of the trash
/// (freedesktop.org Trash specification).
pub(super) const DECODING: &[&str] =
    &["shared/src/path.rs", "backend/src/gateway/http/query.rs", "backend/src/storage/local/tree/trash_info.rs"];

/// Documents that may name files of earlier versions. Their links must work nevertheless.
pub(super) const HISTORIC: &[&str] = &["CHANGELOG.md", "docs/decisions/", "docs/measurements/"];

/// Words that are banned in comments, documents, messages and names.
pub(super) const WORDS: &[&str] = &[
    "anybody",
    "deed",
    "deeds",
    "ears",
    "everybody",
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
    "wish",
];

/// Phrases that are banned in the same places, in lower case.
pub(super) const PHRASES: &[&str] = &["the same,", "the same but"];

/// Files and folders that may contain banned words.
pub(super) const WORD_EXCEPTIONS: &[(&str, &[&str])] = &[
    // The lists themselves, and the tests of the rule.
    ("xtask/src/tidy/table.rs", WORDS),
    ("xtask/src/tidy/table.rs", PHRASES),
    ("xtask/src/tidy/words.rs", WORDS),
    ("xtask/src/tidy/words.rs", PHRASES),
    // A name of the protocol.
    ("shared/src/wire/constants.rs", &["anybody"]),
    ("backend/src/server/authority.rs", &["anybody"]),
    ("backend/tests/it/authority.rs", &["anybody"]),
    ("docs/PROTOCOL.md", &["anybody"]),
    ("docs/decisions/0046-the-principal-owns.md", &["anybody"]),
];
