//! Rates of changes on a disk, each as a ratio of two runs that alternate: what a small durable replacement costs that
//! keeps the replaced file, and what it costs to trash and restore the files of a folder, against `mv`. The server makes
//! each change durable, `mv` none, so `mv` with a sync of the file system after it is a second measure. A client either
//! waits for each job before it sends the next, or, as the page does, sends the next one before the first is answered.
//!
//! `PASSERELLE_BENCH_DIR` names the folder on the disk; the default is the folder for temporary files.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backend::client::{Caller, Client, PoolConfig, ServerAddress, Target};
use backend::server::{self, Database, Listeners, Server, ServerConfig};
use backend::storage::local::{Containment, LocalStorage};
use backend::storage::{Attributes, Expected, Keep};
use backend::wire::{Key, in_process};
use shared::change::{PathItem, RestoreItem};
use shared::limits::CHANGE_ITEMS_MAX;
use shared::{Change, Conflict, JobId, JobState, Outcome, Rights, Scope, Timestamp, TrashId, UploadId, VPath};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 15;
/// Time of one run of replacements.
const RUN_TIME: Duration = Duration::from_millis(400);
const FILE_BYTES: usize = 4 << 10;
const FILES: usize = 5_000;

fn main() {
    let folder = std::env::var_os("PASSERELLE_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("passerelle-bench-{}", std::process::id()));
    fs::create_dir_all(folder.join("root")).expect("a folder on the disk");
    println!("on {}", folder.display());
    replacements(&folder.join("root"));
    groups(&folder);
    fs::remove_dir_all(&folder).expect("the folder can be removed");
}

/// The rate of replacements of a file of 4 KiB on one thread that keep the replaced file, to those that do not.
fn replacements(root: &Path) {
    let storage = LocalStorage::open_with(root, None, Containment::Kernel).expect("a storage");
    let mut number = 0_u128;
    let mut rate = |keeps: bool| {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < RUN_TIME {
            number += 1;
            let id = number.to_le_bytes();
            let keep = Keep { id: TrashId(id), now: Timestamp(0), bytes_max: 1 << 20, owner: 1 };
            let attributes = Attributes { keep: keeps.then_some(keep), ..Attributes::default() };
            let target = VPath::parse("file").expect("a path");
            let bytes = vec![number as u8; FILE_BYTES];
            storage.store(UploadId(id), &bytes, &target, &Expected::Anything, &attributes).expect("a file");
            count += 1;
        }
        f64::from(count) / begun.elapsed().as_secs_f64()
    };
    rate(true);
    let rates: Vec<_> = (0..ROUNDS).map(|_| (rate(true), rate(false))).collect();
    report("replacements that keep, to those that do not", &rates);
}

/// The rate at which a job trashes and restores the files of a folder, to that of `mv` of these files.
fn groups(folder: &Path) {
    let (root, elsewhere) = (folder.join("root"), folder.join("elsewhere"));
    let names: Vec<_> = (0..FILES).map(|number| format!("photograph {number}.jpg")).collect();
    fs::create_dir_all(root.join("many")).expect("a folder");
    fs::create_dir(&elsewhere).expect("a folder");
    names.iter().for_each(|name| fs::write(root.join("many").join(name), name).expect("a file"));
    let runtime = Runtime::new().expect("threads");
    let mut jobs = Jobs::begin(folder, &runtime);
    let mut measures = [1, 2].map(|in_flight_max| Measure { in_flight_max, ..Measure::default() });
    for _ in 0..ROUNDS {
        for measure in &mut measures {
            measure.round(&names, &root.join("many"), &elsewhere, &runtime, &mut jobs);
        }
    }
    measures.iter().for_each(Measure::report);
}

/// Rates of trash and restore beside those of `mv`, each pair from one round.
#[derive(Default)]
struct Measure {
    /// Most jobs that are sent and not answered.
    in_flight_max: usize,
    trash: Vec<(f64, f64)>,
    trash_synced: Vec<(f64, f64)>,
    restore: Vec<(f64, f64)>,
    restore_synced: Vec<(f64, f64)>,
    /// Processor time of client and server, and of `mv` and `sync`, in seconds.
    seconds: (f64, f64),
}

impl Measure {
    fn round(&mut self, names: &[String], many: &Path, elsewhere: &Path, runtime: &Runtime, jobs: &mut Jobs) {
        let begun = cpu_seconds();
        let (there, synced_there) = move_files(names, many, elsewhere);
        let (back, synced_back) = move_files(names, elsewhere, many);
        let moved = cpu_seconds();
        let path = |name: &String| VPath::from_bytes([b"many/", name.as_bytes()].concat()).expect("a path");
        let items: Vec<_> = names.iter().map(|name| PathItem { path: path(name), if_etag: None }).collect();
        let trash = items.chunks(CHANGE_ITEMS_MAX).map(|items| Change::Trash { items: items.to_vec() });
        let (ids, trash_rate) = jobs.run(runtime, trash.collect(), self.in_flight_max);
        let items: Vec<_> = ids.into_iter().map(|id| RestoreItem { id, to: None }).collect();
        let conflict = Conflict::Fail;
        let restore = items.chunks(CHANGE_ITEMS_MAX).map(|items| Change::Restore { items: items.to_vec(), conflict });
        let (_, restore_rate) = jobs.run(runtime, restore.collect(), self.in_flight_max);
        self.seconds.0 += cpu_seconds().0 - moved.0;
        self.seconds.1 += moved.1 - begun.1;
        self.trash.push((trash_rate, there));
        self.trash_synced.push((trash_rate, synced_there));
        self.restore.push((restore_rate, back));
        self.restore_synced.push((restore_rate, synced_back));
    }

    fn report(&self) {
        let order =
            if self.in_flight_max > 1 { "two at a time, as the page sends them" } else { "one after the other" };
        println!("jobs of {CHANGE_ITEMS_MAX}, {order}:");
        report("  trash of 5000 files, to mv", &self.trash);
        report("  trash of 5000 files, to mv and a sync", &self.trash_synced);
        report("  restore of 5000 files, to mv", &self.restore);
        report("  restore of 5000 files, to mv and a sync", &self.restore_synced);
        println!(
            "  processor time of 5000 files there and back: client and server {:.3} s, mv and sync {:.3} s",
            self.seconds.0 / ROUNDS as f64,
            self.seconds.1 / ROUNDS as f64
        );
    }
}

/// Files per second of one run of `mv`, and of that run with a sync of the file system after it.
fn move_files(names: &[String], from: &Path, to: &Path) -> (f64, f64) {
    let begun = Instant::now();
    let status = Command::new("mv").arg("-t").arg(to).args(names).current_dir(from).status().expect("mv");
    assert!(status.success(), "mv fails");
    let moved = begun.elapsed();
    let status = Command::new("sync").arg("-f").arg(to).status().expect("sync");
    assert!(status.success(), "sync fails");
    [moved, begun.elapsed()].map(|time| names.len() as f64 / time.as_secs_f64()).into()
}

/// Processor time of this process and of its children that have ended, in seconds; zeros where the system has no
/// proc_pid_stat(5).
fn cpu_seconds() -> (f64, f64) {
    /// `sysconf(_SC_CLK_TCK)` on every Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field, the name in parentheses, may hold spaces; the 14th to the 17th are the times.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().skip(11);
    let ticks: Vec<f64> = fields.take(4).filter_map(|field| field.parse().ok()).collect();
    match ticks[..] {
        [user, system, user_below, system_below] => {
            ((user + system) / TICKS_PER_SECOND, (user_below + system_below) / TICKS_PER_SECOND)
        }
        _ => (0.0, 0.0),
    }
}

/// A file server in this process, and its client.
struct Jobs {
    client: Arc<Client>,
    caller: Caller,
    number: u64,
}

impl Jobs {
    fn begin(folder: &Path, runtime: &Runtime) -> Self {
        let storage = LocalStorage::open_with(&folder.join("root"), None, Containment::Kernel).expect("a storage");
        let database = Database::open(&folder.join("server.sqlite3")).expect("records");
        let key = Key::generate().expect("randomness");
        let keys = [(key.clone(), Rights::ALL)];
        let server = Server::new(storage.into(), Some(Arc::new(database)), keys, ServerConfig::default());
        let (connector, in_process) = in_process();
        let listeners = Listeners { tcp: None, unix: None, in_process: Some(in_process) };
        runtime.spawn(server::serve(listeners, server, CancellationToken::new()));
        let target = Target { address: ServerAddress::InProcess(connector), key };
        let caller = Caller { scope: Scope::whole(Rights::ALL), ..Caller::default() };
        let _runtime = runtime.enter();
        Self { client: Client::new(target, PoolConfig::default()).into(), caller, number: 0 }
    }

    /// Runs changes to their end, so many at a time. Returns the items of the trash in their outcomes, in order, and the
    /// items per second.
    fn run(&mut self, runtime: &Runtime, changes: Vec<Change>, in_flight_max: usize) -> (Vec<TrashId>, f64) {
        let (mut outcomes, mut running, begun) = (Vec::new(), VecDeque::new(), Instant::now());
        let mut changes = changes.into_iter();
        loop {
            let sent = changes.by_ref().take(in_flight_max - running.len());
            running.extend(sent.map(|change| runtime.spawn(self.change(change))));
            let Some(first) = running.pop_front() else { break };
            outcomes.extend(runtime.block_on(first).expect("a task"));
        }
        let rate = outcomes.len() as f64 / begun.elapsed().as_secs_f64();
        let ids = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Done { trash, .. } => *trash,
            failed => panic!("{failed:?}"),
        });
        (ids.collect(), rate)
    }

    /// Runs one change, and returns its outcomes.
    fn change(&mut self, change: Change) -> impl Future<Output = Vec<Outcome>> + use<> {
        self.number += 1;
        let mut id = JobId([0; 16]);
        id.0[..8].copy_from_slice(&self.number.to_le_bytes());
        let (client, caller) = (Arc::clone(&self.client), self.caller.clone());
        async move {
            let job = client.change(&caller, id, change, Duration::from_secs(60)).await.expect("a job");
            assert_eq!(job.state, JobState::Done);
            job.outcomes
        }
    }
}

/// Prints the quartiles of the ratio of the two rates in each round, and the median rates.
fn report(title: &str, rates: &[(f64, f64)]) {
    let quartiles = |values: Vec<f64>| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
    };
    let [low, median, high] = quartiles(rates.iter().map(|(one, other)| one / other).collect());
    let [_, one, _] = quartiles(rates.iter().map(|(one, _)| *one).collect());
    let [_, other, _] = quartiles(rates.iter().map(|(_, other)| *other).collect());
    println!("{title}: {low:.2} / {median:.2} / {high:.2} (medians {one:.0}/s and {other:.0}/s)");
}
