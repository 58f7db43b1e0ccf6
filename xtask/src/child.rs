//! Runs another program, shows that it is alive, and keeps its output in `target/xtask-logs/`.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use crate::{
    repo::{AtPath, Failure, Outcome, Repo},
    stop,
};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long output is still read after the child has ended: a grandchild may hold the pipe open forever.
const DRAIN_TIME: Duration = Duration::from_secs(2);
const TAIL_LINES_MAX: usize = 40;

/// How much of the child's output is shown while it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Every line, for tests.
    Lines,
    /// The latest line at intervals, and the last lines after a failure, for builds and installs.
    Pulse,
}

/// Runs the command to its end and hands every line to `each`. `Ok(false)` means a failing exit code.
pub fn watch(repo: &Repo, label: &str, command: &mut Command, show: Show, mut each: impl FnMut(&str)) -> Outcome<bool> {
    let log_path = repo.target("xtask-logs").join(format!("{}.log", file_name(label)));
    let mut log = create_log(&log_path)?;
    let mut child = spawn(command)?;
    let lines = read_lines(&mut child);
    let mut pulse = Pulse::new(label);
    let mut ended: Option<Instant> = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(250)) {
            Ok(line) => {
                writeln!(log, "{line}").at(&log_path)?;
                if show == Show::Lines {
                    println!("{line}");
                }
                pulse.note_line(&line, show);
                each(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if ended.is_some_and(|at| at.elapsed() > DRAIN_TIME) => break,
            Err(RecvTimeoutError::Timeout) => {
                if ended.is_none() && matches!(child.try_wait(), Ok(Some(_))) {
                    ended = Some(Instant::now());
                }
            }
        }
        pulse.beat();
    }
    let status = child.wait().map_err(|error| Failure(format!("{label}: {error}")))?;
    stop::or_go_on();
    if !status.success() && show == Show::Pulse {
        pulse.print_tail(&log_path);
    }
    Ok(status.success())
}

/// Runs a build or an install. The error says that `label` failed, and `remedy`.
pub fn must(repo: &Repo, label: &str, command: &mut Command, remedy: &str) -> Outcome<()> {
    match watch(repo, label, command, Show::Pulse, |_| ())? {
        true => Ok(()),
        false => Err(Failure(format!("{label} failed; {remedy}"))),
    }
}

/// The standard output of the program; `None` where it is missing or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command without the settings of the server (`PASSERELLE_…`) in its environment.
pub fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PASSERELLE_") {
            command.env_remove(name);
        }
    }
    command
}

fn spawn(command: &mut Command) -> Outcome<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| {
        Failure(format!("`{}` did not start ({error}); is it installed?", command.get_program().to_string_lossy()))
    })
}

fn read_lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        forward(out, sender.clone());
    }
    if let Some(err) = child.stderr.take() {
        forward(err, sender);
    }
    receiver
}

fn forward(pipe: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(count) if count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
}

fn create_log(path: &Path) -> Outcome<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    File::create(path).at(path)
}

fn file_name(label: &str) -> String {
    label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// The last lines, and when something was last shown.
struct Pulse {
    label: String,
    started: Instant,
    shown: Instant,
    compiled: usize,
    tail: Vec<String>,
}

impl Pulse {
    fn new(label: &str) -> Self {
        let now = Instant::now();
        Self { label: label.to_owned(), started: now, shown: now, compiled: 0, tail: Vec::new() }
    }

    fn note_line(&mut self, line: &str, show: Show) {
        if show == Show::Lines {
            self.shown = Instant::now();
        }
        if line.trim_start().starts_with("Compiling ") {
            self.compiled += 1;
        }
        if self.tail.len() == TAIL_LINES_MAX {
            self.tail.remove(0);
        }
        self.tail.push(line.to_owned());
    }

    fn beat(&mut self) {
        if self.shown.elapsed() < HEARTBEAT {
            return;
        }
        self.shown = Instant::now();
        let last = self.tail.last().map_or("", |line| line.trim());
        let crates = if self.compiled > 0 { format!(", {} crates", self.compiled) } else { String::new() };
        println!("    … {} ({} s{crates}): {last}", self.label, self.started.elapsed().as_secs());
    }

    fn print_tail(&self, log_path: &Path) {
        for line in &self.tail {
            println!("    | {line}");
        }
        println!("    | all of it: {}", log_path.display());
    }
}
