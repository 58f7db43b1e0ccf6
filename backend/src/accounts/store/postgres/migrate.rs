//! Brings the tables to the present version.

use tokio_postgres::{Config, Error};

use super::super::error::OpenError;
use super::super::interface::Instance;
use super::super::migrations::{self, POSTGRES};
use super::super::sql;
use super::connection::Connection;
use crate::random::random_bytes;

/// Several processes may start at once; one of them migrates. The number is the first eight letters of the program's name.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8097880544449291628)";

/// Brings the tables to the present version, all or nothing. Gives the id of the database and the number of its last
/// change.
///
/// # Errors
/// [`OpenError::Server`], [`OpenError::Old`], [`OpenError::Later`], which leaves the tables as they are, and
/// [`OpenError::NoRandomness`].
pub(super) async fn migrate(config: &Config) -> Result<(Instance, i64), OpenError> {
    let mut connection = Connection::open(config).await.map_err(server)?;
    let row = connection.client.query_one("SELECT current_setting('server_version_num')::bigint / 10000", &[]).await;
    let version: i64 = row.and_then(|row| row.try_get(0)).map_err(server)?;
    if version < OpenError::POSTGRES_MIN {
        return Err(OpenError::Old(version));
    }
    let new_instance = random_bytes::<16>()?.to_vec();
    let transaction = connection.client.transaction().await.map_err(server)?;
    transaction.batch_execute(LOCK).await.map_err(server)?;
    transaction.batch_execute(&POSTGRES.translate(migrations::META)).await.map_err(server)?;
    transaction.execute(migrations::FIRST_ROW, &[&new_instance]).await.map_err(server)?;
    let row = transaction.query_one(migrations::STATE, &[]).await.map_err(server)?;
    let (instance, done): (Vec<u8>, i64) = row.try_get(0).and_then(|id| Ok((id, row.try_get(1)?))).map_err(server)?;
    let instance = instance.try_into().map_err(|_| OpenError::Server("its id has another length".to_owned()))?;
    for statement in migrations::missing(done, &POSTGRES).ok_or(OpenError::Later)? {
        transaction.batch_execute(&statement).await.map_err(server)?;
    }
    transaction.execute(migrations::FINISH, &[&migrations::newest()]).await.map_err(server)?;
    let change = transaction.query_one(sql::LAST_CHANGE.text, &[]).await.and_then(|row| row.try_get(0));
    let change = change.map_err(server)?;
    transaction.commit().await.map_err(server)?;
    Ok((Instance(instance), change))
}

/// The words of the server, without the address, which may have a password.
fn server(error: Error) -> OpenError {
    OpenError::Server(error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned()))
}
