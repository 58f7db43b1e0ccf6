//! Somebody who looks at a folder again and again while others keep the server busy: nobody is to starve.

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

const LOOKS_PER_SECOND: f64 = 20.0;
const CONNECTIONS: usize = 4;
/// What a person waits for a page without wondering.
const MILLISECONDS_MAX: f64 = 1_000.0;

/// Does the work, which takes that long, while somebody looks.
pub(crate) fn beside<T: Send>(
    server: &Server,
    time: Duration,
    work: impl FnOnce() -> Outcome<T> + Send,
) -> Outcome<(T, Check)> {
    thread::scope(|scope| {
        let looking = scope.spawn(|| look(server, time));
        let done = work()?;
        let tally = looking.join().unwrap_or_else(|_| Err(Failure("looking at a folder panicked".to_owned())))?;
        Ok((done, check(&tally)?))
    })
}

fn look(server: &Server, time: Duration) -> Outcome<Tally> {
    let target = Peer::Ours.listing(FOLDER);
    let request = |_, out: &mut Vec<u8>| {
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    engine::run(&Workload {
        server: server.address,
        connections: CONNECTIONS,
        threads: 1,
        end: End::After(time),
        rate: Some(LOOKS_PER_SECOND),
        request: &request,
        status: 200,
        body_bytes: None,
    })?
    .flawless()
}

fn check(tally: &Tally) -> Outcome<Check> {
    if tally.answers == 0 {
        return Err(Failure("whoever looked at a folder was never answered".to_owned()));
    }
    let waited = f64::from(tally.latency(0.99)) / 1e3;
    Ok(Check::of_speed("99 % of the listings meanwhile", waited, "ms", Bound::AtMost(MILLISECONDS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::{Tally, check};

    #[test]
    fn nobody_answered_is_not_quick() {
        assert!(check(&Tally::default()).is_err());
        let quick = Tally { answers: 1, latencies: vec![900_000], ..Tally::default() };
        assert!(check(&quick).is_ok_and(|check| !check.is_broken(false)));
    }
}
