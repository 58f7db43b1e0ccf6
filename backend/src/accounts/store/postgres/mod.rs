//! The database in PostgreSQL: three connections, each with one task, which connect again by themselves. One reads,
//! pipelined; one writes batches; one waits for notifications of other processes.

mod connection;
mod failed;
mod listener;
mod migrate;
mod reader;
mod value;
mod writer;

use std::str::FromStr;
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_util::task::AbortOnDropHandle;

use super::batch::{Applied, Batch};
use super::error::OpenError;
use super::interface::{Instance, Latest, Pending, Query, Snapshot, Store};
use super::row::Row;
use reader::Reader;
use writer::Writer;

/// Time to connect. A database that does not answer makes requests fail, not wait.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Settings of each connection: a statement that takes too long, or a process that stops in the middle of a batch,
/// frees the row that all batches wait for.
const OPTIONS: &str = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s \
                       -c default_transaction_isolation=read\\ committed -c synchronous_commit=on";

/// The database in PostgreSQL.
pub struct Postgres {
    reader: Reader,
    writer: Writer,
    latest: watch::Receiver<Latest>,
    instance: Instance,
    _listener: AbortOnDropHandle<()>,
}

impl Postgres {
    /// Connects to the server at `address`, a URL or a list of `name=value`, and brings the tables to the present version.
    ///
    /// # Errors
    /// [`OpenError::Address`], [`OpenError::Plain`], [`OpenError::Server`], [`OpenError::Old`], [`OpenError::Later`] and
    /// [`OpenError::NoRandomness`].
    pub async fn open(address: &str) -> Result<Self, OpenError> {
        let config = settings(address)?;
        let (instance, change) = migrate::migrate(&config).await?;
        let (sender, latest) = watch::channel(Latest { change, is_connected: true });
        let listener = AbortOnDropHandle::new(tokio::spawn(listener::listen(config.clone(), sender.clone())));
        let writer = Writer::start(config.clone(), sender);
        Ok(Self { reader: Reader::new(config), writer, latest, instance, _listener: listener })
    }
}

impl Store for Postgres {
    fn read(&self, query: Query) -> Pending<'_, Vec<Row>> {
        Box::pin(self.reader.read(query))
    }

    fn snapshot(&self, queries: Vec<Query>) -> Pending<'_, Snapshot> {
        self.writer.snapshot(queries)
    }

    fn write(&self, batch: Batch) -> Pending<'_, Applied> {
        match batch.check() {
            Ok(()) => self.writer.write(batch),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn changes(&self) -> watch::Receiver<Latest> {
        self.latest.clone()
    }

    fn instance(&self) -> Instance {
        self.instance
    }
}

/// The settings of an address.
///
/// # Errors
/// [`OpenError::Address`]; [`OpenError::Plain`] if a connection would leave this machine, which needs TLS.
fn settings(address: &str) -> Result<Config, OpenError> {
    let mut config = Config::from_str(address).map_err(|error| OpenError::Address(error.to_string()))?;
    if !config.get_hosts().iter().all(is_local) || !config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback) {
        return Err(OpenError::Plain);
    }
    config.application_name("passerelle").connect_timeout(CONNECT_TIME).options(OPTIONS);
    Ok(config)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || std::net::IpAddr::from_str(name).is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_leave_the_machine_are_refused() {
        for address in ["postgres://u@localhost/d", "postgres://u@127.0.0.1:5433/d", "postgres://u@[::1]/d"] {
            assert!(settings(address).is_ok(), "{address}");
        }
        let far = ["postgres://u@db.example.org/d", "host=localhost,10.0.0.1", "host=localhost hostaddr=10.0.0.1"];
        for address in far {
            assert!(matches!(settings(address), Err(OpenError::Plain)), "{address}");
        }
        assert!(matches!(settings("postgres://u@localhost:none"), Err(OpenError::Address(_))));
    }

    #[cfg(unix)]
    #[test]
    fn unix_sockets_are_local() {
        assert!(settings("host=/run/postgresql dbname=accounts").is_ok());
        assert!(settings("postgres://u@%2Frun%2Fpostgresql/d").is_ok());
    }
}
