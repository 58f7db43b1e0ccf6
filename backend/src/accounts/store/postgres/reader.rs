//! The connection for reads. Requests share it, and are pipelined.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::Config;

use super::super::error::StoreError;
use super::super::interface::Query;
use super::super::row::Row;
use super::connection::Connection;
use super::failed::failed;
use super::value;

/// Time for a read; a connection that takes longer is given up.
const READ_TIME: Duration = Duration::from_secs(10);

/// Reads, on a connection that is made anew when it has ended.
pub(super) struct Reader {
    config: Config,
    connection: Mutex<Option<Arc<Connection>>>,
}

impl Reader {
    /// A reader that is not connected yet.
    pub(super) fn new(config: Config) -> Self {
        Self { config, connection: Mutex::default() }
    }

    /// The rows of a query. A read that finds its connection ended is repeated once, on a new one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn read(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        let connection = self.connection().await?;
        match read(&connection, &query).await {
            Err(StoreError::Unavailable) => {
                self.give_up(&connection).await;
                read(&*self.connection().await?, &query).await
            }
            answer => answer,
        }
    }

    async fn connection(&self) -> Result<Arc<Connection>, StoreError> {
        let mut connection = self.connection.lock().await;
        if let Some(open) = connection.as_ref().filter(|connection| !connection.client.is_closed()) {
            return Ok(Arc::clone(open));
        }
        let opened = Connection::open(&self.config).await.map_err(|error| failed(&error, "connect"))?;
        Ok(Arc::clone(connection.insert(Arc::new(opened))))
    }

    /// Forgets a connection that failed, unless another request has replaced it.
    async fn give_up(&self, failed: &Arc<Connection>) {
        let mut connection = self.connection.lock().await;
        connection.take_if(|present| Arc::ptr_eq(present, failed));
    }
}

async fn read(connection: &Connection, query: &Query) -> Result<Vec<Row>, StoreError> {
    let rows = async {
        let statement = connection.prepared(query.sql.text).await?;
        connection.client.query(&statement, &value::parameters(&query.values)).await
    };
    match timeout(READ_TIME, rows).await {
        Ok(rows) => value::rows(&rows.map_err(|error| failed(&error, query.sql.name))?),
        Err(_) => Err(StoreError::Unavailable),
    }
}
