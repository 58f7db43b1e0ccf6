//! The other client: it lists a folder, downloads and uploads a mebibyte, and renames the upload.

use std::net::{Ipv4Addr, SocketAddr};

use super::data::MEBIBYTE;
use crate::measure::{client, server::Server, statistics::quantile};
use xtask::repo::{Failure, Outcome};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// What it does in each round.
pub(super) const WORK: [&str; 4] = ["a listing", "a download of 1 MiB", "an upload of 1 MiB", "a rename"];

pub(super) struct User {
    server: SocketAddr,
    /// Names each upload.
    serial: usize,
}

/// How long the requests took.
#[derive(Default)]
pub(super) struct Tally {
    /// Microseconds of each request, for each kind of work.
    times: [Vec<u32>; WORK.len()],
    pub(super) failures: usize,
    pub(super) failure: Option<String>,
}

impl User {
    pub(super) fn new(server: &Server) -> Self {
        Self { server: server.address, serial: 0 }
    }

    pub(super) fn work(&mut self, rounds: usize) -> Tally {
        let mut tally = Tally::default();
        let content = vec![7; MEBIBYTE];
        for _ in 0..rounds {
            self.serial += 1;
            let serial = self.serial;
            let change = format!(r#"{{"action":"move","items":[{{"from":"up{serial}","to":"moved{serial}"}}]}}"#);
            let requests: [(&str, &[u8]); WORK.len()] = [
                ("GET /api/v1/list/listed HTTP/1.1", b""),
                ("GET /files/mebibyte HTTP/1.1", b""),
                (&format!("PUT /files/up{serial} HTTP/1.1"), &content),
                ("POST /api/v1/changes HTTP/1.1\r\nContent-Type: application/json", change.as_bytes()),
            ];
            for (index, (request, body)) in requests.into_iter().enumerate() {
                tally.count(index, request, client::send_from(ADDRESS, self.server, request, body));
            }
        }
        tally.times.iter_mut().for_each(|times| times.sort_unstable());
        tally
    }
}

impl Tally {
    fn count(&mut self, index: usize, request: &str, answer: Outcome<client::Timed>) {
        match answer {
            Ok(timed) if timed.status < 300 => self.times[index].push((timed.whole * 1e6) as u32),
            Ok(timed) => self.fail(format!("{request}: {}", timed.status)),
            Err(Failure(why)) => self.fail(why),
        }
    }

    fn fail(&mut self, why: String) {
        self.failures += 1;
        self.failure.get_or_insert(why);
    }

    /// Within this time 99 % of the requests of one kind ended.
    pub(super) fn milliseconds(&self, index: usize) -> f64 {
        f64::from(quantile(&self.times[index], 0.99)) / 1e3
    }
}
