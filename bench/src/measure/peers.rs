//! The compared servers: where each is installed, how it is started over a folder, and the addresses of its resources.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use super::server::{Server, free_address};
use xtask::{
    child,
    repo::{AtPath, Failure, Outcome, Repo},
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Peer {
    /// Gateway and file server in one process.
    Ours,
    /// Gateway and file server in separate processes, connected by TCP.
    Split,
    /// Gateway and file server in separate processes, connected by a Unix socket.
    SplitUnix,
    Nginx,
    Dufs,
    Miniserve,
    Copyparty,
}

pub(crate) const OTHERS: &[Peer] = &[Peer::Nginx, Peer::Dufs, Peer::Miniserve, Peer::Copyparty];

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "passerelle",
            Self::Split => "passerelle, two processes",
            Self::SplitUnix => "passerelle, two processes, Unix socket",
            Self::Nginx => "nginx",
            Self::Dufs => "dufs",
            Self::Miniserve => "miniserve",
            Self::Copyparty => "copyparty",
        }
    }

    fn install(self) -> &'static str {
        match self {
            Self::Ours | Self::Split | Self::SplitUnix => "cargo xtask dist",
            Self::Nginx => "apt-get install nginx-light",
            Self::Dufs => "cargo install dufs --root target/tools",
            Self::Miniserve => "cargo install miniserve --root target/tools",
            Self::Copyparty => {
                "python3 -m venv target/tools/copyparty && target/tools/copyparty/bin/pip install copyparty"
            }
        }
    }

    /// The environment variable that names its program, `PASSERELLE_BENCH_NGINX` for example.
    fn variable(self) -> String {
        format!("PASSERELLE_BENCH_{}", self.name().to_uppercase())
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Split | Self::SplitUnix)
    }

    /// The target of a file whose path needs no percent-encoding.
    pub(crate) fn file(self, path: &str) -> String {
        if self.is_ours() { format!("/files/{path}") } else { format!("/{path}") }
    }

    /// The target of a folder's listing in the form that the server offers to programs. Ours lists the first page only.
    pub(crate) fn listing(self, folder: &str) -> String {
        match self {
            Self::Ours | Self::Split | Self::SplitUnix => format!("/api/v1/list/{folder}"),
            Self::Nginx => format!("/{folder}/"),
            Self::Dufs => format!("/{folder}/?json"),
            Self::Miniserve => format!("/{folder}/"),
            Self::Copyparty => format!("/{folder}/?ls"),
        }
    }

    pub(crate) fn archive(self, folder: &str) -> String {
        match self {
            Self::Ours | Self::Split | Self::SplitUnix => format!("/api/v1/archive?path={folder}"),
            Self::Miniserve => format!("/{folder}/?download=zip"),
            Self::Nginx | Self::Dufs | Self::Copyparty => format!("/{folder}/?zip"),
        }
    }
}

#[derive(Clone, Copy, Default)]
pub(crate) struct ServerOptions<'a> {
    pub(crate) writable: bool,
    /// A certificate and its key, in PEM.
    pub(crate) tls: Option<(&'a Path, &'a Path)>,
    /// Additional flags, for ours only; of two processes, for the gateway.
    pub(crate) flags: &'a [&'a str],
}

/// The installed servers.
pub(crate) struct Peers {
    found: Vec<(Peer, PathBuf)>,
    /// The number of started servers, which names the state folder of each.
    started: AtomicU32,
}

impl Peers {
    /// Without the servers of others.
    pub(crate) fn ours(program: &Path) -> Self {
        let program = std::path::absolute(program).unwrap_or_else(|_| program.to_owned());
        let found = [Peer::Ours, Peer::Split, Peer::SplitUnix].map(|peer| (peer, program.clone()));
        Self { found: found.to_vec(), started: AtomicU32::new(0) }
    }

    /// `ours` is the program under test. Prints how to install a missing server.
    pub(crate) fn find(repo: &Repo, ours: &Path) -> Self {
        let mut peers = Self::ours(ours);
        for peer in OTHERS {
            match locate(repo, *peer) {
                Some(path) => peers.found.push((*peer, path)),
                None => println!("    {} is not installed: {}", peer.name(), peer.install()),
            }
        }
        peers
    }

    /// The installed ones among the wanted, in that order.
    pub(crate) fn of(&self, wanted: &[Peer]) -> Vec<Peer> {
        wanted.iter().copied().filter(|peer| self.program(*peer).is_some()).collect()
    }

    fn program(&self, peer: Peer) -> Option<&Path> {
        self.found.iter().find(|(found, _)| *found == peer).map(|(_, path)| path.as_path())
    }

    /// The version of each server.
    pub(crate) fn versions(&self) -> Vec<(Peer, String)> {
        let said = |(peer, path): &(Peer, PathBuf)| (*peer, version(*peer, path));
        self.found.iter().filter(|(peer, _)| *peer == Peer::Ours || !peer.is_ours()).map(said).collect()
    }

    /// Starts a server over the folder on a free loopback port, without a log of requests.
    pub(crate) fn start(
        &self,
        peer: Peer,
        folder: &Path,
        scratch: &Path,
        options: ServerOptions<'_>,
    ) -> Outcome<Server> {
        let program = self.program(peer).ok_or_else(|| Failure(format!("{} is not installed", peer.name())))?;
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let home = scratch.join(format!("server-{number}"));
        fs::create_dir_all(&home).at(&home)?;
        let address = free_address()?;
        let mut command = child::without_settings(Command::new(program));
        command.env("HOME", &home).env("XDG_STATE_HOME", &home).env("XDG_CONFIG_HOME", &home);
        let commands = match peer {
            Peer::Ours => vec![(ours(command, folder, &home, address, options), address)],
            Peer::Split | Peer::SplitUnix => split(peer, program, folder, &home, address, options)?,
            Peer::Nginx => vec![(nginx(command, folder, &home, address, options)?, address)],
            Peer::Dufs => vec![(dufs(command, folder, address, options), address)],
            Peer::Miniserve => vec![(miniserve(command, folder, address), address)],
            Peer::Copyparty => vec![(copyparty(command, folder, address, options), address)],
        };
        Server::start(commands, &home.join("log"))
    }
}

/// From the environment variable, the tools of this repository, or `PATH`, in that order.
fn locate(repo: &Repo, peer: Peer) -> Option<PathBuf> {
    let said = env::var_os(peer.variable()).map(PathBuf::from);
    let venv = repo.target("tools").join(peer.name()).join("bin").join(peer.name());
    let path = repo.search_path();
    // Debian installs servers in a folder that is not on the path of every user.
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).map(|folder| folder.join(peer.name()));
    said.into_iter().chain([venv]).chain(folders).find(|path| path.is_file())
}

fn version(peer: Peer, program: &Path) -> String {
    let flag = if peer == Peer::Nginx { "-v" } else { "--version" };
    let output = Command::new(program).arg(flag).output();
    // nginx prints its version to standard error.
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    first_number(&text).unwrap_or("of an unknown version").to_owned()
}

/// The first word that looks like a version number.
fn first_number(text: &str) -> Option<&str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '"'));
    words
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

fn ours(mut command: Command, folder: &Path, home: &Path, address: SocketAddr, options: ServerOptions<'_>) -> Command {
    command.arg("serve").arg(folder).args(["--http", &address.to_string(), "--tcp", "127.0.0.1:0"]);
    command.arg("--state").arg(home.join("state")).args(["--log", "warn", "--anonymous", right(options)]);
    if let Some((certificate, key)) = options.tls {
        command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
    }
    command.args(options.flags);
    command
}

fn right(options: ServerOptions<'_>) -> &'static str {
    if options.writable { "write" } else { "read" }
}

/// Also with a Unix socket the file server listens on a port, which shows when it has started.
fn split(
    peer: Peer,
    program: &Path,
    folder: &Path,
    home: &Path,
    address: SocketAddr,
    options: ServerOptions<'_>,
) -> Outcome<Vec<(Command, SocketAddr)>> {
    let (inner, key) = (free_address()?, home.join("key"));
    let mut storage = child::without_settings(Command::new(program));
    storage.arg("storage").arg(folder).args(["--log", "warn", "--tcp", &inner.to_string(), "--key"]).arg(&key);
    storage.arg("--state").arg(home.join("state")).env("HOME", home).env("XDG_STATE_HOME", home).current_dir(home);
    let mut server = inner.to_string();
    if peer == Peer::SplitUnix {
        // Relative to the working folder of both, because the address of a Unix socket is short.
        storage.args(["--unix", "socket"]);
        server = "unix:socket".to_owned();
    }
    let mut gateway = child::without_settings(Command::new(program));
    gateway.args(["gateway", "--log", "warn", "--anonymous", right(options), "--server", &server, "--key"]);
    gateway.arg(&key).args(["--http", &address.to_string()]).args(options.flags).env("HOME", home).current_dir(home);
    Ok(vec![(storage, inner), (gateway, address)])
}

/// With `sendfile`, as many workers as processors, and listings as JSON.
fn nginx(
    mut command: Command,
    folder: &Path,
    home: &Path,
    address: SocketAddr,
    options: ServerOptions<'_>,
) -> Outcome<Command> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let (ssl, certificate) = match options.tls {
        Some((certificate, key)) => {
            let (certificate, key) = (certificate.display(), key.display());
            (
                " ssl",
                format!(
                    "ssl_certificate \"{certificate}\"; ssl_certificate_key \"{key}\"; ssl_protocols TLSv1.2 TLSv1.3;"
                ),
            )
        }
        None => ("", String::new()),
    };
    let (home_text, folder) = (home.display(), folder.display());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path \"{home_text}/{name}\";"))
        .join(" ");
    let text = format!(
        "{user} daemon off; worker_processes {workers}; worker_rlimit_nofile 20000;\n\
         pid \"{home_text}/pid\"; error_log \"{home_text}/error.log\";\n\
         events {{ worker_connections 16384; }}\n\
         http {{ sendfile on; tcp_nopush on; access_log off; types {{}} default_type application/octet-stream;\n\
         keepalive_requests 1000000000; keepalive_timeout 600; {temporary}\n\
         server {{ listen {address}{ssl}; {certificate} root \"{folder}\"; autoindex on; autoindex_format json; }} }}\n"
    );
    let path = home.join("nginx.conf");
    fs::write(&path, text).at(&path)?;
    command.arg("-p").arg(home).arg("-e").arg(home.join("error.log")).arg("-c").arg(path);
    Ok(command)
}

/// Archives without compression, as all servers make them here.
fn dufs(mut command: Command, folder: &Path, address: SocketAddr, options: ServerOptions<'_>) -> Command {
    command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
    command.args(["--log-format", "", "--compress", "none"]);
    command.arg(if options.writable { "--allow-all" } else { "--allow-archive" });
    command.arg(folder);
    command
}

fn miniserve(mut command: Command, folder: &Path, address: SocketAddr) -> Command {
    command.args(["--interfaces", &address.ip().to_string(), "--port", &address.port().to_string(), "--enable-zip"]);
    command.arg(folder);
    command
}

/// In one process, as its documentation recommends, without thumbnails and certificates.
fn copyparty(mut command: Command, folder: &Path, address: SocketAddr, options: ServerOptions<'_>) -> Command {
    let rights = if options.writable { "rwd" } else { "r" };
    command.args(["-q", "-i", &address.ip().to_string(), "-p", &address.port().to_string()]);
    command.args(["-v", &format!("{}::{rights}", folder.display())]);
    command.args(["--no-thumb", "--no-crt", "-nc", "2048"]);
    command
}

#[cfg(test)]
mod tests {
    use super::{Peer, first_number};

    #[test]
    fn first_number_finds_the_version_in_the_output_of_each_server() {
        for (text, wanted) in [
            ("nginx version: nginx/1.22.1", "1.22.1"),
            ("dufs 0.47.0", "0.47.0"),
            ("copyparty v1.20.26 \"sftp\" (2026-10-14)", "1.20.26"),
        ] {
            assert_eq!(first_number(text), Some(wanted));
        }
        assert_eq!(first_number("no"), None);
    }

    #[test]
    fn each_server_has_its_own_targets() {
        assert_eq!(Peer::Split.file("a/b"), "/files/a/b");
        assert_eq!(Peer::Dufs.file("a/b"), "/a/b");
        assert_eq!(Peer::Copyparty.variable(), "PASSERELLE_BENCH_COPYPARTY");
    }
}
