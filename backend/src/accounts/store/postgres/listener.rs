//! The connection for notifications of other processes, and its task.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;

use super::super::interface::Latest;
use super::super::sql;
use super::connection::Connection;
use super::writer::publish;

/// How often the connection is tried without a notification.
const HEARTBEAT_TIME: Duration = Duration::from_secs(1);
/// Time for an answer. With [`HEARTBEAT_TIME`], a database that falls silent is noticed within two seconds.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// The pause before the second attempt to connect; it doubles with each failure.
const FIRST_PAUSE_TIME: Duration = Duration::from_millis(100);
/// The longest pause between attempts to connect.
const LAST_PAUSE_TIME: Duration = Duration::from_secs(5);

/// Publishes the number of each change, and whether the database answers. Runs until it is dropped.
pub(super) async fn listen(config: Config, latest: watch::Sender<Latest>) {
    let mut pause = FIRST_PAUSE_TIME;
    loop {
        if listen_once(&config, &latest).await {
            pause = FIRST_PAUSE_TIME;
        }
        latest.send_if_modified(|latest| std::mem::replace(&mut latest.is_connected, false));
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE_TIME);
    }
}

/// Listens until the connection ends. True if it was connected.
async fn listen_once(config: &Config, latest: &watch::Sender<Latest>) -> bool {
    let Ok((connection, mut notifications)) = Connection::listening(config).await else { return false };
    let listening = connection.client.batch_execute("LISTEN passerelle");
    if !matches!(timeout(ANSWER_TIME, listening).await, Ok(Ok(()))) {
        return false;
    }
    loop {
        let Ok(Ok(row)) = timeout(ANSWER_TIME, connection.client.query_one(sql::LAST_CHANGE.text, &[])).await else {
            return true;
        };
        let Ok(change) = row.try_get(0) else { return true };
        publish(latest, change);
        latest.send_if_modified(|latest| !std::mem::replace(&mut latest.is_connected, true));
        // At the end of the connection the next question fails.
        let _ = timeout(HEARTBEAT_TIME, notifications.recv()).await;
    }
}
