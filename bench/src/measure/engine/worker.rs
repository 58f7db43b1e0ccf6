//! One thread of a run: its connections, and epoll to wait for them.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
};

use super::{super::client, schedule::Schedule, tally::Tally, workload::Workload};
use crate::http::Decoder;

const READ_BYTES: usize = 256 << 10;
const EVENTS_MAX: usize = 1024;
/// After so many failures the measurement ends.
const FAILURES_MAX: u64 = 10_000;
/// How long the worker waits without a byte from the server.
const SILENCE_MAX: Duration = Duration::from_secs(120);

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    request: Vec<u8>,
    written: usize,
    due: Instant,
    /// Between a request and the end of its response; otherwise the connection is in `idle`.
    busy: bool,
}

pub(crate) struct Worker<'a> {
    workload: &'a Workload<'a>,
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    /// The number of open connections.
    alive: usize,
    /// Connections without a request.
    idle: Vec<usize>,
    buffer: Vec<u8>,
    tally: Tally,
}

impl<'a> Worker<'a> {
    pub(crate) fn open(workload: &'a Workload<'a>, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let idle = (0..count).rev().collect();
        let (buffer, tally) = (vec![0; READ_BYTES], Tally { received: vec![0; count], ..Tally::default() });
        let mut worker = Self { workload, epoll, connections: Vec::new(), alive: count, idle, buffer, tally };
        for index in 0..count {
            let connection = worker.connect(index)?;
            worker.connections.push(Some(connection));
        }
        Ok(worker)
    }

    fn connect(&self, index: usize) -> io::Result<Connection> {
        let stream = client::connect(self.workload.server)?;
        stream.set_nonblocking(true)?;
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        let decoder = Decoder::default();
        Ok(Connection { stream, decoder, request: Vec::new(), written: 0, due: Instant::now(), busy: false })
    }

    pub(crate) fn run(mut self, mut schedule: Schedule<'_>) -> io::Result<Tally> {
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
        connection.busy = true;
        (self.workload.request)(serial, &mut connection.request);
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
                    // From now on epoll also reports space in the send buffer.
                    let both = epoll::EventFlags::IN | epoll::EventFlags::OUT;
                    let data = epoll::EventData::new_u64(index as u64);
                    let _ = epoll::modify(&self.epoll, &connection.stream, data, both);
                    connection.written = connection.written.max(1);
                    return;
                }
                // The response or the end of the connection tells the reason.
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
        let complete = match connection.stream.read(&mut self.buffer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            // A server may close an idle connection.
            Ok(0) | Err(_) if !connection.busy => return self.renew(index),
            Ok(0) if connection.decoder.ends_with_connection() && connection.written > 0 => Ok(true),
            Ok(0) => Err("the connection ended early".to_owned()),
            Ok(count) => {
                self.tally.received[index] += count as u64;
                let fed = connection.decoder.feed(&self.buffer[..count], &mut |_| ());
                fed.map(|()| connection.decoder.is_done()).map_err(|error| error.0.to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        match complete {
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
        connection.busy = false;
        let decoder = &connection.decoder;
        let (status, length, closes) = (decoder.status, decoder.body_bytes, decoder.closes || !decoder.is_done());
        let micros = u32::try_from(connection.due.elapsed().as_micros()).unwrap_or(u32::MAX);
        if status != self.workload.status {
            self.fail(format!("status {status}"), Some(status));
        } else if self.workload.body_bytes.is_some_and(|wanted| wanted != length) {
            self.fail(format!("a body of {length} bytes"), Some(status));
        } else {
            self.tally.responses += 1;
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

    /// Replaces a closed connection by a new one, unless the server accepts none.
    fn renew(&mut self, index: usize) {
        self.connections[index] = None;
        self.idle.retain(|waiting| *waiting != index);
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

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::measure::engine::{End, run};

    /// Sends a request on one of two connections. `act` decides what the server does with its listener and both
    /// connections; what `act` returns stays open until the end of the run.
    fn one_request<T: Send>(act: impl FnOnce(TcpListener, TcpStream, TcpStream) -> T + Send) -> Tally {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            let kept = scope.spawn(move || {
                let (mut asked, _) = listener.accept().unwrap();
                let (other, _) = listener.accept().unwrap();
                asked.read_exact(&mut [0]).unwrap();
                act(listener, asked, other)
            });
            let request = |_, out: &mut Vec<u8>| out.push(b'?');
            let end = End::Requests(1);
            let workload = Workload {
                server,
                connections: 2,
                threads: 1,
                end,
                rate: None,
                request: &request,
                status: 204,
                body_bytes: None,
            };
            let tally = run(&workload).unwrap();
            drop(kept.join());
            tally
        })
    }

    #[test]
    fn a_server_may_close_an_idle_connection() {
        let tally = one_request(|listener, mut asked, other| {
            drop(other);
            let again = listener.accept().unwrap();
            asked.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            (listener, asked, again)
        });
        assert_eq!((tally.responses, tally.failures, tally.first_failure), (1, 0, None));
    }

    #[test]
    fn a_run_ends_when_the_server_is_gone() {
        let tally = one_request(|listener, asked, other| drop((listener, other, asked)));
        assert_eq!(tally.responses, 0);
        assert!(tally.failures > 0);
    }
}
