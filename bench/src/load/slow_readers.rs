//! Clients that take little but something, which are served to the end; and clients that take nothing, which are cut.
//!
//! What a server sees of a slow client is its own socket's buffer emptying, in steps of some ten kilobytes. So these take
//! that much well within the time after which a server that sees nothing cuts; that time is set small, and with it all of
//! this is a hundred times faster than life.

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
/// How long they dawdle: several times what it takes to be cut.
const DAWDLE: Duration = Duration::from_secs(10);
/// For somebody who got nothing although they could take it.
const PATIENCE: Duration = Duration::from_secs(20);
const SIP_BYTES: usize = 4 << 10;
const SIP_EVERY: Duration = Duration::from_millis(50);
/// So that what waits is the server's and not in the client's own buffer, and yet a whole segment of loopback fits.
const RECEIVE_BYTES: usize = 64 << 10;
/// More than the kernel takes off the server's hands for a connection, and not so much that the rest takes long.
const ASKED_BYTES: u64 = 16 << 20;

pub(crate) fn readers(fixture: &Fixture) -> Outcome<Results> {
    let server = fixture.start(&["--http-stall-seconds", STALL_SECONDS])?;
    let mut slow = open(&server)?;
    let mut still = open(&server)?;
    let ((), listings) = probe::beside(&server, DAWDLE, || {
        let begun = Instant::now();
        while begun.elapsed() < DAWDLE {
            slow.iter_mut().try_for_each(Reader::sip)?;
            thread::sleep(SIP_EVERY);
        }
        Ok(())
    })?;
    let whole = slow.iter_mut().map(Reader::rest).filter(|taken| *taken > ASKED_BYTES).count();
    let cut = still.iter_mut().map(Reader::rest).filter(|taken| *taken < ASKED_BYTES).count();
    let all = |what: &str, count: usize| Check::anywhere(what, count as f64, "", Bound::AtLeast(READERS as f64));
    Ok(Results {
        notes: vec![format!(
            "{READERS} clients took {SIP_BYTES} bytes every {} ms for {} s, and {READERS} took nothing; the server \
             cuts who takes nothing for {STALL_SECONDS} s",
            SIP_EVERY.as_millis(),
            DAWDLE.as_secs()
        )],
        checks: vec![
            all("clients that took little and were served to the end", whole),
            all("clients that took nothing and were cut", cut),
            listings,
        ],
    })
}

struct Reader {
    stream: TcpStream,
    /// Of the whole answer, its head among it.
    taken: u64,
    buffer: Vec<u8>,
}

fn open(server: &Server) -> Outcome<Vec<Reader>> {
    let failed = |error: std::io::Error| Failure(format!("{}: {error}", server.address));
    let one = |_| {
        let stream = connect(server).map_err(failed)?;
        // Without keep-alive the end of the connection is the end of the answer.
        let target = Peer::Ours.file(BIG);
        let (host, last) = (server.address, ASKED_BYTES - 1);
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nRange: bytes=0-{last}\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut &stream, head.as_bytes()).map_err(failed)?;
        Ok(Reader { stream, taken: 0, buffer: vec![0; 256 << 10] })
    };
    (0..READERS).map(one).collect()
}

/// The size of the buffer goes into the first segment, so it is said before there is a connection.
fn connect(server: &Server) -> std::io::Result<TcpStream> {
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    set_socket_recv_buffer_size(&socket, RECEIVE_BYTES)?;
    net::connect(&socket, &server.address)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

impl Reader {
    fn sip(&mut self) -> Outcome<()> {
        match self.stream.read(&mut self.buffer[..SIP_BYTES]) {
            Ok(count) if count > 0 => {
                self.taken += count as u64;
                Ok(())
            }
            Ok(_) => Err(Failure(format!("a slow client was cut after {} bytes", self.taken))),
            Err(error) => Err(Failure(format!("a slow client after {} bytes: {error}", self.taken))),
        }
    }

    /// Takes all that still comes, and says how much it was in all.
    fn rest(&mut self) -> u64 {
        // An error is an end as good as any: what counts is how much came.
        while let Ok(count @ 1..) = self.stream.read(&mut self.buffer) {
            self.taken += count as u64;
        }
        self.taken
    }
}
