//! `GET /api/v1/stat/<path>`: one entry.

use axum::extract::{Request, State};
use axum::response::Response;

use crate::gateway::auth::Auth;
use crate::gateway::http::conditional::Conditions;
use crate::gateway::http::json;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::openapi::operation::Operation;
use crate::gateway::state::Gateway;

pub(crate) async fn stat(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let path = RequestPath::of(&request)?.path;
    json::wants_json(request.headers())?;
    let entry = gateway.client.stat(&caller, &path).await?;
    json::revalidated(&Conditions::read(request.method(), request.headers()), entry.etag, &entry)
}

pub(crate) fn describe() -> Operation {
    Operation::new("statEntry", "The metadata of one entry")
        .path()
        .headers(["If-None-Match"])
        .json("200", "Entry")
        .says("304", "The client's copy is current.")
        .problems([])
}
