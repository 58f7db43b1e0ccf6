//! The processes that are killed (a file server, a gateway and clients) and the served folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::content::Content;
use crate::random::Random;
use xtask::child::without_settings;
use xtask::repo::{AtPath, Failure, Outcome};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Victim {
    Storage,
    Gateway,
    Client,
}

/// How often each kind of process was killed.
#[derive(Default)]
pub(crate) struct KillCounts {
    pub(crate) storage: AtomicU64,
    pub(crate) gateway: AtomicU64,
    pub(crate) client: AtomicU64,
}

pub(crate) struct Cluster {
    program: PathBuf,
    folder: PathBuf,
    pub(crate) http: SocketAddr,
    pub(crate) tcp: SocketAddr,
    storage: Mutex<Process>,
    gateway: Mutex<Process>,
    clients: Mutex<Vec<Arc<Mutex<Child>>>>,
    pub(crate) killed: KillCounts,
    /// The mount of the other disk. Dropped after the servers.
    disk: Option<Mount>,
}

/// The folder of the served one that is another disk, if there is one.
pub(crate) const DISK: &str = "disk";

/// A bind mount, which ends when it is dropped.
struct Mount(PathBuf);

impl Mount {
    fn bind(source: &Path, at: PathBuf) -> Outcome<Self> {
        fs::create_dir_all(&at).at(&at)?;
        let mounted = Command::new("mount").arg("--bind").args([source, at.as_path()]).status().at(&at)?;
        if mounted.success() { Ok(Self(at)) } else { Err(Failure("`--disk` needs root, to mount the folder".into())) }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A child that is killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Cluster {
    /// Starts both servers over an empty folder below `folder`, in which `disk` is mounted if it is given. They choose
    /// their ports once, and restart on them.
    pub(crate) fn start(built: &Path, folder: &Path, disk: Option<&Path>) -> Outcome<Self> {
        let served = folder.join("served");
        fs::create_dir_all(&served).at(&served)?;
        let disk = disk.map(|disk| Mount::bind(disk, served.join(DISK))).transpose()?;
        // A copy, because a build may replace the original between two restarts.
        let program = folder.join("passerelle");
        fs::copy(built, &program).at(built)?;
        let none: SocketAddr = ([127, 0, 0, 1], 0).into();
        let (storage, tcp) = spawn_storage(&program, folder, none, &[])?;
        let (gateway, http) = spawn_gateway(&program, folder, tcp, none)?;
        Ok(Self {
            program,
            folder: folder.to_owned(),
            http,
            tcp,
            storage: Mutex::new(storage),
            gateway: Mutex::new(gateway),
            clients: Mutex::default(),
            killed: KillCounts::default(),
            disk,
        })
    }

    /// The place of a served path on the disk.
    pub(crate) fn served(&self, path: &str) -> PathBuf {
        self.folder.join("served").join(path)
    }

    /// The folders in which users work: one on each disk.
    pub(crate) fn work_folders(&self) -> Vec<String> {
        let other = self.disk.as_ref().map(|_| format!("{DISK}/"));
        [String::new()].into_iter().chain(other).collect()
    }

    /// The places of the server's private folders, which a disk has from its first change on.
    pub(crate) fn private_folders(&self) -> Vec<PathBuf> {
        self.work_folders().iter().map(|folder| self.served(&format!("{folder}.passerelle"))).collect()
    }

    /// The place of a file outside the served folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Creates a file on the disk, past the server.
    pub(crate) fn plant(&self, path: &str, content: Content) -> Outcome<()> {
        let place = self.served(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).at(parent)?;
        }
        fs::write(&place, content.bytes()).at(&place)
    }

    /// Kills a process by SIGKILL, and starts a killed server again.
    pub(crate) fn kill(&self, victim: Victim, random: &mut Random) -> Outcome<()> {
        match victim {
            Victim::Storage => {
                self.killed.storage.fetch_add(1, Ordering::Relaxed);
                self.restart_storage(&[])
            }
            Victim::Gateway => {
                self.killed.gateway.fetch_add(1, Ordering::Relaxed);
                let mut gateway = lock(&self.gateway);
                end(&mut gateway.0);
                *gateway = spawn_gateway(&self.program, &self.folder, self.tcp, self.http)?.0;
                Ok(())
            }
            Victim::Client => {
                let clients = lock(&self.clients);
                if !clients.is_empty() {
                    let client = Arc::clone(&clients[random.below(clients.len() as u64) as usize]);
                    drop(clients);
                    self.killed.client.fetch_add(1, Ordering::Relaxed);
                    let _ = lock(&client).kill();
                }
                Ok(())
            }
        }
    }

    /// Kills the file server, and starts it with additional flags.
    pub(crate) fn restart_storage(&self, flags: &[&str]) -> Outcome<()> {
        let mut storage = lock(&self.storage);
        end(&mut storage.0);
        *storage = spawn_storage(&self.program, &self.folder, self.tcp, flags)?.0;
        Ok(())
    }

    /// A sentence if a server has ended without a kill.
    pub(crate) fn ended_by_itself(&self) -> Option<&'static str> {
        let ended = |process: &Mutex<Process>| !matches!(lock(process).0.try_wait(), Ok(None));
        match (ended(&self.storage), ended(&self.gateway)) {
            (true, _) => Some("the file server ended by itself"),
            (_, true) => Some("the gateway ended by itself"),
            _ => None,
        }
    }

    /// Starts a client command, which `kill` may kill.
    pub(crate) fn client(&self, arguments: &[&str]) -> Outcome<Arc<Mutex<Child>>> {
        let log = self.beside("client.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&log).at(&log)?;
        let mut command = without_settings(Command::new(&self.program));
        command
            .args(arguments)
            .args(["--server", &self.tcp.to_string(), "--key"])
            .arg(self.beside("key"))
            .env("HOME", self.beside("home"))
            .env("XDG_STATE_HOME", self.beside("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = Arc::new(Mutex::new(spawn(&mut command)?));
        lock(&self.clients).push(Arc::clone(&child));
        Ok(child)
    }

    /// Removes an ended client from those that `kill` may kill.
    pub(crate) fn forget_client(&self, client: &Arc<Mutex<Child>>) {
        lock(&self.clients).retain(|other| !Arc::ptr_eq(other, client));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn spawn_storage(program: &Path, folder: &Path, address: SocketAddr, flags: &[&str]) -> Outcome<(Process, SocketAddr)> {
    let mut command = without_settings(Command::new(program));
    command.arg("storage").arg(folder.join("served")).arg("--key").arg(folder.join("key"));
    command.args(["--tcp", &address.to_string()]).args(flags).env("HOME", folder.join("home"));
    command.env("XDG_STATE_HOME", folder.join("home"));
    announced(&mut command, &folder.join("storage.log"), "tcp://")
}

fn spawn_gateway(
    program: &Path,
    folder: &Path,
    server: SocketAddr,
    address: SocketAddr,
) -> Outcome<(Process, SocketAddr)> {
    let mut command = without_settings(Command::new(program));
    command.args(["gateway", "--anonymous", "write", "--server", &server.to_string(), "--key"]);
    command.arg(folder.join("key")).args(["--http", &address.to_string()]);
    announced(&mut command, &folder.join("gateway.log"), "http://")
}

/// Starts a server, and reads its address from its first line of output.
fn announced(command: &mut Command, log: &Path, scheme: &str) -> Outcome<(Process, SocketAddr)> {
    let file = fs::OpenOptions::new().create(true).append(true).open(log).at(log)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
    let mut process = Process(spawn(command)?);
    let mut line = String::new();
    if let Some(output) = process.0.stdout.take() {
        BufReader::new(output).read_line(&mut line).at(log)?;
    }
    let address = line.trim().strip_prefix(scheme).map(|rest| rest.trim_end_matches('/')).map(str::parse);
    match address {
        Some(Ok(address)) => Ok((process, address)),
        _ => Err(Failure(format!("a server did not start; its log is {}", log.display()))),
    }
}

fn spawn(command: &mut Command) -> Outcome<Child> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|error| Failure(format!("{name}: {error}")))
}
