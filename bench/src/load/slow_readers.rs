//! Clients that read slowly are served to the end; clients that read nothing are disconnected.
//!
//! A server sees a slow client only by its own socket buffer, which empties in steps of tens of kilobytes. These
//! clients read more than one step within the stall timeout. The timeout is set low, which shortens the scenario.

use std::{
    io::Read,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use rustix::net::{self, AddressFamily, SocketType, sockopt::set_socket_recv_buffer_size};

use super::{
    fixture::Fixture,
    probe,
    results::{Check, Results},
};
use crate::measure::{data::BIG, peers::Peer, server::Server, verdict::Bound};
use xtask::repo::{Failure, Outcome};

const READERS: usize = 16;
const STALL_SECONDS: &str = "3";
/// How long the clients read slowly: several times the stall timeout.
const SLOW_TIME: Duration = Duration::from_secs(10);
/// After which a client that could read counts as stalled.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
const READ_BYTES: usize = 4 << 10;
const READ_INTERVAL: Duration = Duration::from_millis(50);
/// Small, so that unread bytes stay on the server's side, yet large enough for a segment of the loopback interface.
const RECEIVE_BYTES: usize = 64 << 10;
/// More than the kernel buffers for a connection, and little enough to read the rest in a short time.
const REQUESTED_BYTES: u64 = 16 << 20;

pub(crate) fn readers(fixture: &Fixture) -> Outcome<Results> {
    let server = fixture.start(&["--http-stall-seconds", STALL_SECONDS])?;
    let mut slow = open(&server)?;
    let mut still = open(&server)?;
    let ((), listings) = probe::beside(&server, SLOW_TIME, || {
        let begun = Instant::now();
        while begun.elapsed() < SLOW_TIME {
            slow.iter_mut().try_for_each(Reader::read_little)?;
            thread::sleep(READ_INTERVAL);
        }
        Ok(())
    })?;
    let whole = slow.iter_mut().map(Reader::read_rest).filter(|taken| *taken > REQUESTED_BYTES).count();
    let disconnected = still.iter_mut().map(Reader::read_rest).filter(|taken| *taken < REQUESTED_BYTES).count();
    let all = |what: &str, count: usize| Check::anywhere(what, count as f64, "", Bound::AtLeast(READERS as f64));
    Ok(Results {
        notes: vec![format!(
            "{READERS} clients read {READ_BYTES} bytes every {} ms for {} s, and {READERS} read nothing; the server \
             disconnects a client that reads nothing for {STALL_SECONDS} s",
            READ_INTERVAL.as_millis(),
            SLOW_TIME.as_secs()
        )],
        checks: vec![
            all("slow clients that were served to the end", whole),
            all("stalled clients that were disconnected", disconnected),
            listings,
        ],
    })
}

struct Reader {
    stream: TcpStream,
    /// Bytes of the response so far, with its head.
    taken: u64,
    buffer: Vec<u8>,
}

fn open(server: &Server) -> Outcome<Vec<Reader>> {
    let failed = |error: std::io::Error| Failure(format!("{}: {error}", server.address));
    let one = |_| {
        let stream = connect(server).map_err(failed)?;
        // Without keep-alive the end of the connection is the end of the response.
        let target = Peer::Ours.file(BIG);
        let (host, last) = (server.address, REQUESTED_BYTES - 1);
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nRange: bytes=0-{last}\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut &stream, head.as_bytes()).map_err(failed)?;
        Ok(Reader { stream, taken: 0, buffer: vec![0; 256 << 10] })
    };
    (0..READERS).map(one).collect()
}

/// Sets the receive buffer before connecting, because the handshake announces its size.
fn connect(server: &Server) -> std::io::Result<TcpStream> {
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    set_socket_recv_buffer_size(&socket, RECEIVE_BYTES)?;
    net::connect(&socket, &server.address)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    Ok(stream)
}

impl Reader {
    fn read_little(&mut self) -> Outcome<()> {
        match self.stream.read(&mut self.buffer[..READ_BYTES]) {
            Ok(count) if count > 0 => {
                self.taken += count as u64;
                Ok(())
            }
            Ok(_) => Err(Failure(format!("a slow client was disconnected after {} bytes", self.taken))),
            Err(error) => Err(Failure(format!("a slow client after {} bytes: {error}", self.taken))),
        }
    }

    /// Reads to the end, and returns the total.
    fn read_rest(&mut self) -> u64 {
        // An error ends the response like a close: only the number of bytes counts.
        while let Ok(count @ 1..) = self.stream.read(&mut self.buffer) {
            self.taken += count as u64;
        }
        self.taken
    }
}
