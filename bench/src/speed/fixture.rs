//! What every row works with: data, servers and the scale; and the rounds in which contenders alternate.

use xtask::repo::{Failure, Outcome};

use super::{
    scale::Scale,
    table::{Reading, Side},
};
use crate::measure::{
    data::Data,
    peers::{Peer, Peers, ServerOptions},
    server::Server,
};

pub(crate) struct Fixture {
    pub(crate) data: Data,
    pub(crate) peers: Peers,
    pub(crate) scale: Scale,
}

type Once<'a> = Box<dyn FnMut(Option<&Server>) -> Outcome<Reading> + 'a>;

/// One side of a row: its name, its server, and the function that measures it once.
pub(crate) struct Contender<'a> {
    name: String,
    peer: Option<Peer>,
    /// `None` for a plain command, and for a contender that starts a server of its own for each reading.
    server: Option<Server>,
    once: Once<'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn of_server(
        name: impl Into<String>,
        peer: Peer,
        server: Server,
        mut once: impl FnMut(&Server) -> Outcome<Reading> + 'a,
    ) -> Self {
        let name = name.into();
        let label = name.clone();
        let once = Box::new(move |server: Option<&Server>| match server {
            Some(server) => once(server).map_err(|failure| Failure(format!("{label}: {failure}"))),
            None => Err(Failure(format!("{label} does not run"))),
        });
        Self { name, peer: Some(peer), server: Some(server), once }
    }

    /// Without a server, or with a new one for each reading.
    pub(crate) fn alone(name: impl Into<String>, mut once: impl FnMut() -> Outcome<Reading> + 'a) -> Self {
        Self { name: name.into(), peer: None, server: None, once: Box::new(move |_| once()) }
    }
}

impl Fixture {
    /// Starts the peer with the test data as its folder.
    pub(crate) fn start(&self, peer: Peer, options: ServerOptions<'_>) -> Outcome<Server> {
        self.peers.start(peer, &self.data.served, &self.data.scratch, options)
    }

    /// Starts each wanted peer that is installed, and measures all of them in alternation.
    pub(crate) fn each(
        &self,
        wanted: &[Peer],
        options: ServerOptions<'_>,
        once: impl Fn(Peer, &Server) -> Outcome<Reading>,
    ) -> Outcome<Vec<Side>> {
        let once = &once;
        let contender = |peer| {
            let server = self.start(peer, options)?;
            Ok(Contender::of_server(peer.name(), peer, server, move |server| once(peer, server)))
        };
        let contenders = self.peers.of(wanted).into_iter().map(contender).collect::<Outcome<Vec<_>>>()?;
        self.alternate(contenders)
    }

    /// Measures each contender once a round, so that a disturbance of the machine meets all of them.
    pub(crate) fn alternate(&self, mut contenders: Vec<Contender<'_>>) -> Outcome<Vec<Side>> {
        let mut readings = vec![Vec::new(); contenders.len()];
        for _ in 0..self.scale.rounds {
            for (contender, readings) in contenders.iter_mut().zip(&mut readings) {
                let cpu = |contender: &Contender<'_>| contender.server.as_ref().map_or(0.0, Server::cpu);
                let before = cpu(contender);
                let reading = (contender.once)(contender.server.as_ref())?;
                readings.push(Reading { cpu: cpu(contender) - before, ..reading });
            }
        }
        let side = |(contender, readings): (Contender<'_>, Vec<Reading>)| Side {
            name: contender.name,
            peer: contender.peer,
            readings,
            peak: contender.server.map(|server| server.peak_memory()),
        };
        Ok(contenders.into_iter().zip(readings).map(side).collect())
    }
}
