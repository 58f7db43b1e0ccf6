//! JSON answers with many items: megabytes of text, which take longer to make than a thread of the runtime may be away from
//! other requests. They are made beside these threads, by turns of the clients.

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use shared::ErrorCode;
use tokio::task::spawn_blocking;

use super::http::json;
use super::http::problem::ErrorResponse;
use super::state::Gateway;
use crate::admission::Who;

/// An answer with so many items is made at once: each has a path of at most 4 KiB.
const FEW_ITEMS: usize = 64;

impl Gateway {
    /// As [`json::with_status`], for a value with so many `items`.
    pub(crate) async fn long_answer<T>(
        &self,
        who: Who,
        status: StatusCode,
        value: T,
        items: usize,
    ) -> Result<Response, ErrorResponse>
    where
        T: Serialize + Send + 'static,
    {
        if items <= FEW_ITEMS {
            return json::with_status(status, &value);
        }
        let turn = self.places.made_answers.take_accepted(who, 1).await;
        let made = spawn_blocking(move || {
            let _turn = turn;
            json::with_status(status, &value)
        });
        made.await.unwrap_or_else(|_| Err(ErrorCode::Internal.into()))
    }
}
