//! Whether the process lives, whether requests are served, and the counts.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use shared::ErrorCode;
use tokio::time::timeout;

use crate::client::ClientError;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::openapi::operation::Operation;
use crate::gateway::state::Gateway;

/// `/healthz`: this process answers.
pub(crate) async fn alive() -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

pub(crate) fn describe_alive() -> Operation {
    Operation::new("readHealth", "Whether the process lives").says("200", "It does.")
}

/// `/readyz`: the file server answers too.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> Result<Response, ErrorResponse> {
    let pinged = timeout(gateway.config.ready_time, gateway.client.ping()).await;
    let pinged = pinged.unwrap_or_else(|_| Err(ClientError::new(ErrorCode::DeadlineExceeded, "no answer to a ping")));
    match pinged {
        Ok(_) => Ok(alive().await),
        // Whatever the reason: not now.
        Err(error) => Err(ErrorResponse::from(error).status(http::StatusCode::SERVICE_UNAVAILABLE)),
    }
}

pub(crate) fn describe_ready() -> Operation {
    Operation::new("readReadiness", "Whether requests are served").says("200", "They are.").problem("503")
}

/// `/metrics`.
pub(crate) async fn metrics(State(gateway): State<Gateway>) -> Result<Response, ErrorResponse> {
    if !gateway.config.metrics {
        return Err(ErrorCode::NotFound.into());
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = gateway.metrics.text(gateway.client.status());
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], text).into_response())
}

pub(crate) fn describe_metrics() -> Operation {
    Operation::new("readMetrics", "Counts, in the OpenMetrics text format").says("200", "The counts.").problems([])
}
