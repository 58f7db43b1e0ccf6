//! Lists a folder at a fixed rate while other clients keep the server busy, to show that no request starves.

use std::{thread, time::Duration};

use super::results::Check;
use crate::measure::{
    data::FOLDER,
    engine::{self, End, Tally, Workload},
    peers::Peer,
    server::Server,
    verdict::Bound,
};
use xtask::repo::{Failure, Outcome};

const LISTINGS_PER_SECOND: f64 = 20.0;
const CONNECTIONS: usize = 4;
/// A delay that a user takes for immediate is shorter.
const MILLISECONDS_MAX: f64 = 1_000.0;

/// Runs the work, which takes `time`, and lists the folder meanwhile.
pub(crate) fn beside<T: Send>(
    server: &Server,
    time: Duration,
    work: impl FnOnce() -> Outcome<T> + Send,
) -> Outcome<(T, Check)> {
    thread::scope(|scope| {
        let listing = scope.spawn(|| list(server, time));
        let done = work()?;
        let tally = listing.join().unwrap_or_else(|_| Err(Failure("the probe panicked".to_owned())))?;
        Ok((done, check(&tally)?))
    })
}

fn list(server: &Server, time: Duration) -> Outcome<Tally> {
    let target = Peer::Ours.listing(FOLDER);
    let request = |_, out: &mut Vec<u8>| {
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    engine::run(&Workload {
        server: server.address,
        connections: CONNECTIONS,
        threads: 1,
        end: End::After(time),
        rate: Some(LISTINGS_PER_SECOND),
        request: &request,
        status: 200,
        body_bytes: None,
    })?
    .flawless()
}

fn check(tally: &Tally) -> Outcome<Check> {
    if tally.responses == 0 {
        return Err(Failure("no listing of the probe was answered".to_owned()));
    }
    let waited = f64::from(tally.latency(0.99)) / 1e3;
    Ok(Check::of_speed("99 % of the listings meanwhile", waited, "ms", Bound::AtMost(MILLISECONDS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::{Tally, check};

    #[test]
    fn a_probe_without_a_response_fails() {
        assert!(check(&Tally::default()).is_err());
        let quick = Tally { responses: 1, latencies: vec![900_000], ..Tally::default() };
        assert!(check(&quick).is_ok_and(|check| !check.is_broken(false)));
    }
}
