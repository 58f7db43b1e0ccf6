//! Empty databases for tests: a file of SQLite, or a database of a PostgreSQL server that the tests start.
//!
//! One server serves all tests of this process, in a temporary folder, on a Unix socket, as another user where the tests
//! run as root. It ends with the process: a shell waits for the end of its standard input and then stops it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use backend::accounts::store::{Postgres, Sqlite, Store};

/// Where Debian installs the programs of the server.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The folder with the programs of the server.
const PROGRAMS: &str = "PASSERELLE_POSTGRES";
/// Set where a missing server is a failure, as continuous integration does.
const REQUIRED: [&str; 2] = ["CI", "PASSERELLE_POSTGRES_REQUIRED"];
/// The user of Debian's package, for tests that run as root: the server refuses root.
const USER: &str = "postgres";

/// Initialises, starts and waits for the server, and says so; stops it and removes its folder after the end of the
/// standard input. Without syncs: what survives a crash of the machine is PostgreSQL's own matter.
const SCRIPT: &str = r#"
"$AS" "$BIN/initdb" -D "$DIR/data" -A trust -U test -E UTF8 --locale=C --no-sync >"$DIR/log" 2>&1 || { cat "$DIR/log"; exit 1; }
"$AS" "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/server.log" -w -t 60 -o "-k $DIR -c listen_addresses= -c fsync=off -c max_connections=400" start >/dev/null || { cat "$DIR/server.log"; exit 1; }
echo ready
read -r _
"$AS" "$BIN/pg_ctl" -D "$DIR/data" -m immediate stop >/dev/null 2>&1
rm -rf "$DIR"
"#;

/// An empty database, which tests of one process open several times.
pub(super) struct Place {
    kind: Kind,
    /// Removed with the last owner.
    _folder: Option<Arc<tempfile::TempDir>>,
}

enum Kind {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Place {
    /// A file in a new folder.
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { kind: Kind::Sqlite(folder.path().join("accounts.sqlite3")), _folder: Some(Arc::new(folder)) }
    }

    /// A new database of the server. `None` where no server is installed, which is said in one line.
    pub(super) fn postgres() -> Option<Self> {
        let server = Server::shared()?;
        Some(Self { kind: Kind::Postgres(server.new_database()), _folder: None })
    }

    /// The database that another process named by [`Place::name`].
    pub(super) fn named(name: &str) -> Self {
        let kind = match name.strip_prefix("sqlite ") {
            Some(path) => Kind::Sqlite(path.into()),
            None => Kind::Postgres(name.to_owned()),
        };
        Self { kind, _folder: None }
    }

    /// For [`Place::named`].
    pub(super) fn name(&self) -> String {
        match &self.kind {
            Kind::Sqlite(path) => format!("sqlite {}", path.display()),
            Kind::Postgres(address) => address.clone(),
        }
    }

    /// Opens the database.
    pub(super) async fn open(&self) -> Arc<dyn Store> {
        match &self.kind {
            Kind::Sqlite(path) => Arc::new(Sqlite::open(path).unwrap()),
            Kind::Postgres(address) => Arc::new(Postgres::open(address).await.unwrap()),
        }
    }

    /// Ends every connection to the database from the server's side. False for a database without a server.
    pub(super) fn cut_connections(&self) -> bool {
        let Kind::Postgres(address) = &self.kind else { return false };
        let name = address.rsplit('=').next().unwrap();
        let server = Server::shared().unwrap();
        server.run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
        true
    }

    /// Refuses or permits new connections to the database. False for a database without a server.
    pub(super) fn permit_connections(&self, permitted: bool) -> bool {
        let Kind::Postgres(address) = &self.kind else { return false };
        let name = address.rsplit('=').next().unwrap();
        Server::shared().unwrap().run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {permitted}"));
        true
    }
}

/// The server of this process.
struct Server {
    programs: PathBuf,
    folder: PathBuf,
    databases: AtomicUsize,
    /// Its standard input stays open until this process ends.
    _shell: Child,
}

impl Server {
    fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref()
    }

    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let how =
                "PostgreSQL is not installed: `apt-get install postgresql`, or its programs in PASSERELLE_POSTGRES";
            assert!(REQUIRED.iter().all(|name| std::env::var_os(name).is_none()), "{how}");
            println!("skipped: {how}");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("passerelle-pg").tempdir().unwrap().keep();
        let is_root = is_root();
        if is_root {
            assert!(run(Command::new("chown").arg(USER).arg(&folder)), "the user {USER} is missing");
        }
        let mut shell = Command::new("sh")
            .args(["-c", &SCRIPT.replace("\"$AS\" ", if is_root { "runuser -u postgres -- " } else { "" })])
            .env("BIN", &programs)
            .env("DIR", &folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 6];
        let output = shell.stdout.as_mut().unwrap();
        if output.read_exact(&mut said).is_err() || &said != b"ready\n" {
            let mut rest = String::new();
            let _ = output.read_to_string(&mut rest);
            panic!("PostgreSQL does not start: {}{rest}", String::from_utf8_lossy(&said));
        }
        Some(Self { programs, folder, databases: AtomicUsize::new(0), _shell: shell })
    }

    /// The address of a new database.
    fn new_database(&self) -> String {
        let name = format!("accounts_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.run(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        format!("host={} user=test dbname={name}", self.folder.display())
    }

    fn run(&self, statement: &str) {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(&self.folder).args(["-U", "test", "-d", "postgres", "-q", "-c", statement]);
        assert!(run(psql.current_dir("/").stdout(Stdio::null())), "{statement}");
    }
}

fn run(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The folder with the programs of the newest server.
fn programs() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAMS) {
        return Some(named.into());
    }
    let versions =
        fs::read_dir(DEBIAN).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok());
    let newest: u32 = versions.max()?;
    Some(Path::new(DEBIAN).join(newest.to_string()).join("bin")).filter(|folder| folder.join("initdb").is_file())
}

/// Runs each check on an empty database of either kind.
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* $check:ident),* $(,)?) => {
        mod sqlite {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $check() {
                super::$check($crate::accounts::databases::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $check() {
                if let Some(place) = $crate::accounts::databases::Place::postgres() {
                    super::$check(place).await;
                }
            })*
        }
    };
}
pub(super) use on_both_databases;
