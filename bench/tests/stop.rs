//! A signal that ends a command ends every process that it started: here `crash`, with a script in place of the server.
#![cfg(unix)]
// Helpers of a test fail at their place, like the test itself.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

/// After which the test fails instead of waiting longer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// `bench crash` with a server that has a child. Both hold the writing end of a pipe, which is closed once both have
/// ended.
struct Running {
    home: PathBuf,
    bench: Child,
    pipe: Receiver<String>,
}

impl Running {
    fn start(name: &str, server: &str) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        let (fifo, program) = (home.join("fifo"), home.join("server"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        fs::write(&program, format!("#!/bin/sh\nexec 3>'{}'\n{server}\n", fifo.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
        bench.args(["crash", "--program"]).arg(&program).stdout(Stdio::piped()).stderr(Stdio::piped());
        let bench = bench.spawn().unwrap();
        let (sender, pipe) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(fs::File::open(fifo).unwrap()).lines().map_while(Result::ok);
            lines.map_while(|line| sender.send(line).ok()).count();
        });
        let running = Self { home, bench, pipe };
        assert_eq!(running.pipe.recv_timeout(TIMEOUT).as_deref(), Ok("ready"));
        running
    }

    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.bench.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// Waits until all processes have ended, and returns the signal that ended the command.
    fn end(mut self) -> Option<i32> {
        assert_eq!(self.pipe.recv_timeout(TIMEOUT), Err(RecvTimeoutError::Disconnected), "a process still runs");
        let status = self.bench.wait().unwrap();
        let mut output = String::new();
        self.bench.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        // The only output is the seed, which names the folder: an interrupted run has no verdict.
        let seed = output.trim().strip_prefix("seed ").unwrap().to_owned();
        fs::remove_dir_all(self.home).unwrap();
        let _ = fs::remove_dir_all(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/crash").join(seed));
        status.signal()
    }
}

#[test]
fn a_signal_ends_children_and_grandchildren() {
    for (name, number) in [("TERM", 15), ("INT", 2)] {
        let running = Running::start(&format!("stop-{name}"), "sleep 1000 &\necho ready >&3\nwait");
        running.signal(name);
        assert_eq!(running.end(), Some(number));
    }
}

#[test]
fn a_second_signal_kills_processes_that_ignore_the_first() {
    let mut running = Running::start("stop-stubborn", "trap '' TERM\nsleep 1000 &\necho ready >&3\nwait");
    running.signal("TERM");
    let mut stderr = BufReader::new(running.bench.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "SIGTERM: ending all started processes\n");
    running.signal("TERM");
    assert_eq!(running.end(), Some(15));
}
