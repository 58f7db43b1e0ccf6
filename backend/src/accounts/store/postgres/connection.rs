//! A connection, with its prepared statements.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::stream::poll_fn;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Statement};

/// Most notifications that wait for the listener, to which one says as much as many.
const NOTIFICATIONS_MAX: usize = 16;

/// A connection. Its statements are prepared once.
pub(super) struct Connection {
    pub(super) client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Of the client.
    pub(super) async fn open(config: &Config) -> Result<Self, tokio_postgres::Error> {
        Self::listening(config).await.map(|(connection, _)| connection)
    }

    /// As [`Connection::open`], with the notifications that arrive. The receiver ends with the connection.
    ///
    /// # Errors
    /// Of the client.
    pub(super) async fn listening(config: &Config) -> Result<(Self, mpsc::Receiver<()>), tokio_postgres::Error> {
        let (client, mut connection) = config.connect(NoTls).await?;
        let (sender, receiver) = mpsc::channel(NOTIFICATIONS_MAX);
        tokio::spawn(forward(poll_fn(move |context| connection.poll_message(context)), sender));
        Ok((Self { client, statements: Mutex::default() }, receiver))
    }

    /// The prepared statement of a text.
    ///
    /// # Errors
    /// Of the client.
    pub(super) async fn prepared(&self, text: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(text).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(text, statement.clone());
        Ok(statement)
    }
}

/// Runs the connection until it ends, and passes notifications on. One that does not fit is dropped: others wait.
async fn forward(
    messages: impl Stream<Item = Result<AsyncMessage, tokio_postgres::Error>>,
    notifications: mpsc::Sender<()>,
) {
    let mut messages = std::pin::pin!(messages);
    while let Some(Ok(message)) = messages.next().await {
        if matches!(message, AsyncMessage::Notification(_)) {
            let _ = notifications.try_send(());
        }
    }
}
