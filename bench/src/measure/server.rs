//! A server under measurement: its processes, their time and memory, and their end.

use std::{
    fs::{self, OpenOptions},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use xtask::{
    processes,
    repo::{AtPath, Failure, Outcome},
};

/// How long a server may take to listen; copyparty needs some seconds on a busy machine.
const START_TIME: Duration = Duration::from_secs(60);
/// How long a server may take to end after SIGTERM.
const END_TIME: Duration = Duration::from_secs(10);
/// After which a server has released the buffers of idle connections.
const REST_TIME: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    children: Vec<Child>,
}

impl Server {
    /// Starts the commands in order, each after the one before it accepts connections. The address of the last one is
    /// the address of the server.
    pub(crate) fn start(commands: Vec<(Command, SocketAddr)>, log: &Path) -> Outcome<Self> {
        let none = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { address: none, children: Vec::new() };
        for (mut command, address) in commands {
            let file = OpenOptions::new().create(true).append(true).open(log).at(log)?;
            let stdout = file.try_clone().at(log)?;
            command.stdin(Stdio::null()).stdout(stdout).stderr(file);
            let name = command.get_program().to_string_lossy().into_owned();
            server.children.push(command.spawn().map_err(|error| Failure(format!("{name}: {error}")))?);
            server.address = address;
            server.wait_for_listener(&name, log)?;
        }
        Ok(server)
    }

    fn wait_for_listener(&mut self, name: &str, log: &Path) -> Outcome<()> {
        let started = Instant::now();
        let failed = |what: &str| {
            let said = fs::read_to_string(log).unwrap_or_default();
            let last = said.lines().last().unwrap_or_default();
            Err(Failure(format!("{name} {what}; the last line of {} is: {last}", log.display())))
        };
        while TcpStream::connect(self.address).is_err() {
            if self.children.iter_mut().any(|child| !matches!(child.try_wait(), Ok(None))) {
                return failed("ended while it started");
            }
            if started.elapsed() > START_TIME {
                return failed("does not listen");
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Every process of the server.
    fn pids(&self) -> Vec<u32> {
        processes::tree(&self.children.iter().map(Child::id).collect::<Vec<_>>())
    }

    /// Processor time of all its processes since the start, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        processes::cpu(&self.pids()).as_secs_f64()
    }

    /// In bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        processes::peak_memory(&self.pids())
    }

    /// In bytes.
    pub(crate) fn resident_memory(&self) -> u64 {
        processes::resident_memory(&self.pids())
    }

    /// Resident memory after the server has released what idle connections do not need, in bytes.
    pub(crate) fn memory_at_rest(&self) -> u64 {
        let begun = Instant::now();
        let mut least = self.resident_memory();
        while begun.elapsed() < REST_TIME {
            thread::sleep(REST_TIME / 10);
            least = least.min(self.resident_memory());
        }
        least
    }
}

impl Drop for Server {
    /// By SIGTERM first, because the killed master of nginx would leave its workers behind.
    fn drop(&mut self) {
        let pids = self.pids();
        for child in self.children.iter().rev() {
            signal(child.id(), Signal::TERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < END_TIME {
            if self.children.iter_mut().all(|child| !matches!(child.try_wait(), Ok(None))) {
                return;
            }
            thread::sleep(POLL_INTERVAL);
        }
        pids.into_iter().for_each(|pid| signal(pid, Signal::KILL));
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // The process may have ended already.
        let _ = kill_process(pid, signal);
    }
}

/// A loopback address that was free a moment ago, for programs that cannot choose a port themselves.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map_err(|error| Failure(format!("no port on loopback is free: {error}")))
}

/// Raises the limit of open files of this process and of its children to the hard limit, and returns it.
pub(crate) fn raise_open_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // On failure the limit stays as it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
