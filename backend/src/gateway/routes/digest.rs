//! `GET /api/v1/digest/<path>?algorithm=…`: digests of a file's content.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;
use shared::api::uploads::FileDigests;
use shared::{Algorithm, ErrorCode};

use crate::client::Caller;
use crate::gateway::auth::Auth;
use crate::gateway::http::json;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::{Query, bad_parameter};
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::state::Gateway;

/// The file server reads the file if a digest is unknown; it keeps the connection alive meanwhile, so there is no
/// deadline.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let path = RequestPath::of(&request)?.path;
    let algorithms = algorithms(request.uri().query().unwrap_or_default())?;
    json::wants_json(request.headers())?;
    let caller = Caller { deadline_ms: None, ..caller };
    let known = gateway.client.digest(&caller, &path, algorithms, false).await?;
    json::answer(&FileDigests { entry: known.entry, digests: known.digests })
}

pub(crate) fn describe() -> Operation {
    let names = Algorithm::ALL.map(Algorithm::tus_name);
    let algorithms = json!({"type": "array", "items": {"type": "string", "enum": names}, "default": ["blake3"]});
    let file_digests = json!({
        "type": "object",
        "required": ["entry", "digests"],
        "properties": {"entry": schema("Entry"), "digests": schema("Digests")},
    });
    Operation::new("readDigest", "Digests of a file's content")
        .schema("FileDigests", file_digests)
        .path()
        .query("algorithm", algorithms, "The algorithm; may be repeated.")
        .json("200", "FileDigests")
        .problems([])
}

/// The values of `algorithm`, BLAKE3 by default.
fn algorithms(query: &str) -> Result<Vec<Algorithm>, ErrorResponse> {
    let mut wanted = Vec::new();
    for name in Query::parse(query)?.all("algorithm") {
        let known = Algorithm::ALL.into_iter().find(|algorithm| algorithm.tus_name() == name);
        let algorithm =
            known.ok_or_else(|| bad_parameter("algorithm", "is none of `blake3`, `crc32`, `sha256`, `sha1`"))?;
        if wanted.contains(&algorithm) {
            return Err(ErrorResponse::because(ErrorCode::BadRequest, "An algorithm is named twice."));
        }
        wanted.push(algorithm);
    }
    if wanted.is_empty() {
        wanted.push(Algorithm::Blake3);
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_may_be_named_once() {
        assert_eq!(algorithms("").unwrap(), [Algorithm::Blake3]);
        assert_eq!(algorithms("algorithm=sha1&algorithm=crc32").unwrap(), [Algorithm::Sha1, Algorithm::Crc32]);
        for query in ["algorithm=md5", "algorithm=", "algorithm=sha1&algorithm=sha1"] {
            assert!(algorithms(query).is_err(), "{query}");
        }
    }
}
