//! Liveness (`/healthz`), readiness (`/readyz`) and metrics (`/metrics`).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use shared::{ErrorCode, Rights};
use tokio::time::timeout;

use crate::client::ClientError;
use crate::gateway::auth::Auth;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::openapi::operation::Operation;
use crate::gateway::state::Gateway;

/// `/healthz`: the process is alive.
pub(crate) async fn alive() -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

pub(crate) fn describe_alive() -> Operation {
    Operation::new("readHealth", "Liveness of the process").says("200", "The process is alive.")
}

/// `/readyz`: the file server answers, and can do what the caller may: read files, and change them.
pub(crate) async fn ready(State(gateway): State<Gateway>, auth: Auth) -> Result<Response, ErrorResponse> {
    let for_changes = auth.rights().contains(Rights::CREATE);
    let checked = timeout(gateway.config.ready_time, gateway.client.health(&auth.0, for_changes)).await;
    let checked = checked.unwrap_or_else(|_| {
        Err(ClientError::new(ErrorCode::DeadlineExceeded, "the file server did not answer whether it is healthy"))
    });
    match checked {
        // An older file server answers, and knows no more of itself.
        Err(error) if error.code != ErrorCode::Unsupported => {
            // Every failure means "not ready". An operator reads the reason, which names no path.
            let detail = format!("Not ready: {}.", error.message);
            Err(ErrorResponse::from(error).with_detail(detail).status(http::StatusCode::SERVICE_UNAVAILABLE))
        }
        _ => Ok(alive().await),
    }
}

pub(crate) fn describe_ready() -> Operation {
    Operation::new("readReadiness", "Readiness to serve requests")
        .description("503 while the file server does not answer, or cannot read the served folder, or cannot change it though callers may.")
        .says("200", "Requests are served.")
        .problem("503")
}

/// `/metrics`.
pub(crate) async fn metrics(State(gateway): State<Gateway>) -> Result<Response, ErrorResponse> {
    if !gateway.config.metrics {
        return Err(ErrorCode::NotFound.into());
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = gateway.metrics.text(&gateway.figures(), gateway.client.status());
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], text).into_response())
}

pub(crate) fn describe_metrics() -> Operation {
    Operation::new("readMetrics", "Metrics in the OpenMetrics text format").says("200", "The metrics.").problems([])
}
