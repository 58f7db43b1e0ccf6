//! `GET /api/v1/about`: what the server is, and whether the caller may change files.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;
use shared::Rights;
use shared::api::files::About;

use crate::gateway::auth::Auth;
use crate::gateway::http::conditional::Conditions;
use crate::gateway::http::json;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::openapi::operation::Operation;
use crate::gateway::state::Gateway;

pub(crate) async fn about(
    State(gateway): State<Gateway>,
    auth: Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let about = About {
        version: env!("CARGO_PKG_VERSION").into(),
        name: gateway.config.name.clone(),
        writable: auth.rights().contains(Rights::REPLACE),
    };
    json::revalidated(&Conditions::default(), None, &about)
}

pub(crate) fn describe() -> Operation {
    let about = json!({
        "type": "object",
        "required": ["version", "name", "writable"],
        "properties": {"version": {"type": "string"}, "name": {"type": "string"}, "writable": {"type": "boolean"}},
    });
    Operation::new("readAbout", "The server, and whether the caller may change files")
        .schema("About", about)
        .json("200", "About")
        .problems([])
}
