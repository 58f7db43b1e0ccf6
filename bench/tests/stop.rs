//! Whoever ends a command by a signal ends what it started: here `crash`, around a server that is none and only waits.
#![cfg(unix)]
// Where a test cannot go on it should fail just there, in its helpers too.
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

/// For a failure in place of a test that never ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// `xtask crash` whose server has a child of its own. Both hold the writing end of a pipe, so its end is theirs.
struct Scene {
    home: PathBuf,
    xtask: Child,
    pipe: Receiver<String>,
}

impl Scene {
    fn start(name: &str, server: &str) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        let (fifo, program) = (home.join("fifo"), home.join("server"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        fs::write(&program, format!("#!/bin/sh\nexec 3>'{}'\n{server}\n", fifo.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_bench"));
        xtask.args(["crash", "--program"]).arg(&program).stdout(Stdio::piped()).stderr(Stdio::piped());
        let xtask = xtask.spawn().unwrap();
        let (sender, pipe) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(fs::File::open(fifo).unwrap()).lines().map_while(Result::ok);
            lines.map_while(|line| sender.send(line).ok()).count();
        });
        let scene = Self { home, xtask, pipe };
        assert_eq!(scene.pipe.recv_timeout(PATIENCE).as_deref(), Ok("ready"));
        scene
    }

    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.xtask.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// All of them are gone; by which signal the command ended.
    fn end(mut self) -> Option<i32> {
        assert_eq!(self.pipe.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "somebody still runs");
        let status = self.xtask.wait().unwrap();
        let mut said = String::new();
        self.xtask.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        // It names its folder by its seed, and says no verdict on what was interrupted.
        let seed = said.trim().strip_prefix("seed ").unwrap().to_owned();
        fs::remove_dir_all(self.home).unwrap();
        let _ = fs::remove_dir_all(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/crash").join(seed));
        status.signal()
    }
}

#[test]
fn an_end_by_a_signal_is_the_end_of_children_and_grandchildren() {
    for (name, number) in [("TERM", 15), ("INT", 2)] {
        let scene = Scene::start(&format!("stop-{name}"), "sleep 1000 &\necho ready >&3\nwait");
        scene.signal(name);
        assert_eq!(scene.end(), Some(number));
    }
}

#[test]
fn a_second_signal_ends_who_will_not() {
    let mut scene = Scene::start("stop-stubborn", "trap '' TERM\nsleep 1000 &\necho ready >&3\nwait");
    scene.signal("TERM");
    let mut words = BufReader::new(scene.xtask.stderr.take().unwrap());
    let mut line = String::new();
    words.read_line(&mut line).unwrap();
    assert_eq!(line, "bench: SIGTERM: ending what was started\n");
    scene.signal("TERM");
    assert_eq!(scene.end(), Some(15));
}
