//! Many keep-alive connections at once from a few threads, each waiting by epoll: fast enough that the server is what
//! is measured. At a given rate, latency counts from the moment a request was due, whether or not a connection was free
//! to send it: a server that stops for a while is charged for all who would have come meanwhile.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
};

use super::{client, http::Decoder, statistics};
use crate::repo::{Failure, Outcome};

const READ_BYTES: usize = 256 << 10;
const EVENTS_MAX: usize = 1024;
/// A server that fails this often is not measured any further.
const FAILURES_MAX: u64 = 10_000;
/// How long answers that are under way may take once the time is over and none is asked for any more.
const SILENCE_MAX: Duration = Duration::from_secs(120);

pub(crate) struct Load<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) end: End<'a>,
    /// Requests a second, all connections together; as fast as answers come where there is none.
    pub(crate) rate: Option<f64>,
    /// Writes the request of that number into the empty buffer. Numbers count from zero and none comes twice.
    pub(crate) request: &'a (dyn Fn(u64, &mut Vec<u8>) + Sync),
    pub(crate) status: u16,
    /// How long each body must be, where that is known.
    pub(crate) body_bytes: Option<u64>,
}

#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    After(Duration),
    Requests(u64),
    /// Once somebody says so; looked at whenever something arrives.
    When(&'a AtomicBool),
}

/// What came of it.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    /// Whole answers of the right status and length.
    pub(crate) answers: u64,
    pub(crate) body_bytes: u64,
    /// Anything else, connections that broke among it.
    pub(crate) failures: u64,
    /// Of those the ones that were answers, by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) first_failure: Option<String>,
    pub(crate) seconds: f64,
    /// Bytes that came over each connection, heads and bodies, whole or not.
    pub(crate) taken: Vec<u64>,
    /// Of each answer, in microseconds, in order of length.
    pub(crate) latencies: Vec<u32>,
}

impl Tally {
    pub(crate) fn per_second(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    /// In microseconds.
    pub(crate) fn latency(&self, share: f64) -> u32 {
        statistics::quantile(&self.latencies, share)
    }

    /// The tally, if nothing failed.
    pub(crate) fn flawless(self) -> Outcome<Self> {
        match &self.first_failure {
            Some(first) => {
                Err(Failure(format!("{} of {} requests failed: {first}", self.failures, self.answers + self.failures)))
            }
            None => Ok(self),
        }
    }

    fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.body_bytes += other.body_bytes;
        self.failures += other.failures;
        other.statuses.into_iter().for_each(|(status, count)| *self.statuses.entry(status).or_default() += count);
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.seconds = self.seconds.max(other.seconds);
        self.taken.extend(other.taken);
        self.latencies.extend(other.latencies);
    }
}

/// Opens the connections, then starts the clock and sends.
///
/// # Errors
/// Where a connection cannot be opened to begin with. What fails later is counted.
pub(crate) fn run(load: &Load<'_>) -> Outcome<Tally> {
    let threads = load.threads.clamp(1, load.connections.max(1));
    let barrier = Barrier::new(threads);
    let barrier = &barrier;
    let tallies = thread::scope(|scope| {
        let begin = |number| scope.spawn(move || work(load, threads, number, barrier));
        let workers: Vec<_> = (0..threads).map(begin).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
            .collect::<Vec<_>>()
    });
    let mut sum = Tally::default();
    for tally in tallies {
        sum.add(tally.map_err(|error| Failure(format!("{}: {error}", load.server)))?);
    }
    sum.latencies.sort_unstable();
    Ok(sum)
}

fn work(load: &Load<'_>, threads: usize, number: usize, barrier: &Barrier) -> io::Result<Tally> {
    // Sleep as exactly as the kernel can; where it may not be said, a request is up to 50 µs late.
    let _ = fs::write("/proc/thread-self/timerslack_ns", "1000");
    let share = |total: usize| total / threads + usize::from(number < total % threads);
    let opened = Worker::open(load, share(load.connections));
    // Everybody arrives here, also who failed: the others would wait for ever.
    barrier.wait();
    opened?.run(Schedule::new(load, threads as u64, number as u64))
}

/// When which request is due.
struct Schedule<'a> {
    begin: Instant,
    deadline: Option<Instant>,
    /// Seconds between two requests of this thread.
    interval: Option<f64>,
    sent: u64,
    most: u64,
    first: u64,
    step: u64,
    over: Option<&'a AtomicBool>,
}

impl<'a> Schedule<'a> {
    fn new(load: &Load<'a>, threads: u64, number: u64) -> Self {
        let begin = Instant::now();
        let (deadline, most, over) = match load.end {
            End::After(time) => (Some(begin + time), u64::MAX, None),
            End::Requests(total) => (None, total / threads + u64::from(number < total % threads), None),
            End::When(over) => (None, u64::MAX, Some(over)),
        };
        let interval = load.rate.map(|rate| threads as f64 / rate);
        Self { begin, deadline, interval, sent: 0, most, first: number, step: threads, over }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
            || self.over.is_some_and(|over| over.load(Ordering::Relaxed))
    }

    /// When the next request is due; none where all were sent.
    fn due(&self, now: Instant) -> Option<Instant> {
        if self.sent == self.most || self.is_over(now) {
            return None;
        }
        Some(self.interval.map_or(now, |interval| self.begin + Duration::from_secs_f64(interval * self.sent as f64)))
    }

    /// The number of the request that is sent now.
    fn take(&mut self) -> u64 {
        let serial = self.first + self.sent * self.step;
        self.sent += 1;
        serial
    }
}

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    request: Vec<u8>,
    written: usize,
    due: Instant,
}

struct Worker<'a> {
    load: &'a Load<'a>,
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    /// How many connections there still are, and which of them wait for something to send.
    alive: usize,
    idle: Vec<usize>,
    buffer: Vec<u8>,
    tally: Tally,
}

impl<'a> Worker<'a> {
    fn open(load: &'a Load<'a>, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let idle = (0..count).rev().collect();
        let (buffer, tally) = (vec![0; READ_BYTES], Tally { taken: vec![0; count], ..Tally::default() });
        let mut worker = Self { load, epoll, connections: Vec::new(), alive: count, idle, buffer, tally };
        for index in 0..count {
            let connection = worker.connect(index)?;
            worker.connections.push(Some(connection));
        }
        Ok(worker)
    }

    fn connect(&self, index: usize) -> io::Result<Connection> {
        let stream = client::connect(self.load.server)?;
        stream.set_nonblocking(true)?;
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        let decoder = Decoder::default();
        Ok(Connection { stream, decoder, request: Vec::new(), written: 0, due: Instant::now() })
    }

    fn run(mut self, mut schedule: Schedule<'_>) -> io::Result<Tally> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut heard = Instant::now();
        while self.tally.failures < FAILURES_MAX {
            let now = Instant::now();
            let mut due = schedule.due(now);
            while let Some(at) = due.filter(|at| *at <= now)
                && let Some(index) = self.idle.pop()
            {
                self.begin(index, at, schedule.take());
                due = schedule.due(now);
            }
            let busy = self.alive - self.idle.len();
            if schedule.is_over(now) || self.alive == 0 || (due.is_none() && busy == 0) || heard.elapsed() > SILENCE_MAX
            {
                break;
            }
            let next = if self.idle.is_empty() { schedule.deadline } else { due.or(schedule.deadline) };
            let wait = next.map_or(SILENCE_MAX, |next| next.saturating_duration_since(now));
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timespec(wait))) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if !events.is_empty() {
                heard = Instant::now();
            }
            for event in &events {
                self.handle(event.data.u64() as usize, event.flags);
            }
        }
        self.tally.seconds = schedule.begin.elapsed().as_secs_f64();
        Ok(self.tally)
    }

    fn begin(&mut self, index: usize, due: Instant, serial: u64) {
        let Some(connection) = &mut self.connections[index] else { return };
        connection.decoder.reset();
        connection.request.clear();
        connection.written = 0;
        connection.due = due;
        (self.load.request)(serial, &mut connection.request);
        self.write(index);
    }

    fn handle(&mut self, index: usize, flags: epoll::EventFlags) {
        if flags.contains(epoll::EventFlags::OUT) {
            self.write(index);
        }
        if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            self.read(index);
        }
    }

    fn write(&mut self, index: usize) {
        let Some(connection) = &mut self.connections[index] else { return };
        let had_waited = connection.written > 0;
        while connection.written < connection.request.len() {
            match connection.stream.write(&connection.request[connection.written..]) {
                Ok(count) => connection.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // From now on also when there is room again.
                    let both = epoll::EventFlags::IN | epoll::EventFlags::OUT;
                    let data = epoll::EventData::new_u64(index as u64);
                    let _ = epoll::modify(&self.epoll, &connection.stream, data, both);
                    connection.written = connection.written.max(1);
                    return;
                }
                // The answer, or the end of the connection, says why.
                Err(_) => return,
            }
        }
        if had_waited {
            let data = epoll::EventData::new_u64(index as u64);
            let _ = epoll::modify(&self.epoll, &connection.stream, data, epoll::EventFlags::IN);
        }
    }

    fn read(&mut self, index: usize) {
        let Some(connection) = &mut self.connections[index] else { return };
        let answered = match connection.stream.read(&mut self.buffer) {
            Ok(0) if connection.decoder.ends_with_connection() && connection.written > 0 => Ok(true),
            Ok(0) => Err("the connection ended early".to_owned()),
            Ok(count) => {
                self.tally.taken[index] += count as u64;
                let fed = connection.decoder.feed(&self.buffer[..count], &mut |_| ());
                fed.map(|()| connection.decoder.is_done()).map_err(|error| error.0.to_owned())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(error.to_string()),
        };
        match answered {
            Ok(false) => {}
            Ok(true) => self.finish(index),
            Err(why) => {
                self.fail(why, None);
                self.renew(index);
            }
        }
    }

    fn finish(&mut self, index: usize) {
        let Some(connection) = &mut self.connections[index] else { return };
        let decoder = &connection.decoder;
        let (status, length, closes) = (decoder.status, decoder.body_bytes, decoder.closes || !decoder.is_done());
        let micros = u32::try_from(connection.due.elapsed().as_micros()).unwrap_or(u32::MAX);
        if status != self.load.status {
            self.fail(format!("status {status}"), Some(status));
        } else if self.load.body_bytes.is_some_and(|wanted| wanted != length) {
            self.fail(format!("a body of {length} bytes"), Some(status));
        } else {
            self.tally.answers += 1;
            self.tally.body_bytes += length;
            self.tally.latencies.push(micros);
        }
        if closes {
            self.renew(index);
        } else {
            self.idle.push(index);
        }
    }

    fn fail(&mut self, why: String, status: Option<u16>) {
        self.tally.failures += 1;
        if let Some(status) = status {
            *self.tally.statuses.entry(status).or_default() += 1;
        }
        self.tally.first_failure.get_or_insert(why);
    }

    /// A new connection in place of one that is over; none where the server takes none.
    fn renew(&mut self, index: usize) {
        self.connections[index] = None;
        match self.connect(index) {
            Ok(connection) => {
                self.connections[index] = Some(connection);
                self.idle.push(index);
            }
            Err(error) => {
                self.alive -= 1;
                self.fail(error.to_string(), None);
            }
        }
    }
}

fn timespec(wait: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(wait.subsec_nanos()) }
}
