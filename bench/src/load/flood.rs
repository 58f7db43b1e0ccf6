//! More connections than there may be: those are refused cleanly, and who was there already does not notice.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    connections,
    fixture::Fixture,
    results::{Check, Results},
};
use crate::measure::{
    client,
    data::{SMALL, small_name},
    engine::{End, Tally},
    peers::Peer,
    server::Server,
    verdict::Bound,
};
use xtask::repo::{Failure, Outcome};

const CONNECTIONS_MAX: &str = "200";
/// Who is there first, half of what may be.
const SETTLED: usize = 100;
const FLOOD: usize = 2_000;
const FLOOD_QUICK: usize = 500;
/// How long a server may take to serve new connections again when the flood is gone.
const RECOVERY_SECONDS_MAX: f64 = 10.0;
/// For a server that never does.
const PATIENCE: Duration = Duration::from_secs(120);

/// Processor time of the server after which its first clients are surely at work.
const SETTLED_SECONDS: f64 = 0.1;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What became of a connection of the flood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Served,
    /// 503, or closed without a word.
    Refused,
    /// Anything else: another status, or silence.
    Odd,
}

pub(crate) fn flood(fixture: &Fixture) -> Outcome<Results> {
    let server = fixture.start(&["--http-connections-max", CONNECTIONS_MAX])?;
    let count = if fixture.quick { FLOOD_QUICK } else { FLOOD };
    let gone = AtomicBool::new(false);
    let (settled, ends) = thread::scope(|scope| {
        let settled = scope.spawn(|| connections::small_files(fixture, &server, SETTLED, End::When(&gone)));
        let before = server.cpu();
        // They work, so they have settled.
        while server.cpu() - before < SETTLED_SECONDS && !settled.is_finished() {
            thread::sleep(LOOK_AGAIN);
        }
        let ends = pour(&server, count);
        gone.store(true, Ordering::Relaxed);
        let settled = settled.join().unwrap_or_else(|_| Err(Failure("asking for small files panicked".to_owned())));
        Outcome::<(Tally, Vec<Fate>)>::Ok((settled?, ends))
    })?;
    let number = |wanted: Fate| ends.iter().filter(|end| **end == wanted).count();
    let (served, refused, odd) = (number(Fate::Served), number(Fate::Refused), number(Fate::Odd));
    let mut notes = vec![format!(
        "of {count} that came {served} were served and {refused} refused; {SETTLED} others went on meanwhile"
    )];
    notes.extend(settled.first_failure.map(|first| format!("one of those failed: {first}")));
    let recovered = recovers(&server).ok_or_else(|| Failure("nobody is served any more after it".to_owned()))?;
    let (back, most) = ("seconds until new connections are served again", Bound::AtMost(RECOVERY_SECONDS_MAX));
    Ok(Results {
        notes,
        checks: vec![
            Check::none("requests of those who were there that failed", settled.failures as usize),
            Check::none("connections of the flood that were neither served nor refused cleanly", odd),
            Check::of_speed(back, recovered.as_secs_f64(), "s", most),
        ],
    })
}

/// All of them open at once, each with a request.
fn pour(server: &Server, count: usize) -> Vec<Fate> {
    let opened: Vec<Option<TcpStream>> = (0..count).map(|_| client::connect(server.address).ok()).collect();
    let mut ends = Vec::with_capacity(count);
    let mut held = Vec::new();
    for stream in opened {
        // Who is not even taken by the kernel was refused.
        let Some(mut stream) = stream else {
            ends.push(Fate::Refused);
            continue;
        };
        ends.push(ask(&mut stream, server));
        held.push(stream);
    }
    ends
}

fn ask(stream: &mut TcpStream, server: &Server) -> Fate {
    let target = Peer::Ours.file(&format!("{SMALL}/{}", small_name(0)));
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    // It may be closed already, with an answer that waits to be read.
    let _ = stream.write_all(head.as_bytes());
    let mut answer = [0; 64];
    match stream.read(&mut answer) {
        Ok(0) => Fate::Refused,
        Ok(count) if answer[..count].starts_with(b"HTTP/1.1 200") => Fate::Served,
        Ok(count) if answer[..count].starts_with(b"HTTP/1.1 503") => Fate::Refused,
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Fate::Refused,
        _ => Fate::Odd,
    }
}

/// How long until a new connection is served, if it ever is.
fn recovers(server: &Server) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if client::connect(server.address).is_ok_and(|mut stream| ask(&mut stream, server) == Fate::Served) {
            return Some(begun.elapsed());
        }
        thread::sleep(LOOK_AGAIN);
    }
    None
}
