//! The router, the labels of the metrics and the OpenAPI document, derived from the table of all routes.

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::openapi::document::document;
use super::openapi::operation::Operation;
use super::route::{Label, Route};
use super::routes::{spa, table};
use super::state::Gateway;

/// The label of requests that no route matches: the page and its files.
const FALLBACK_LABEL: &str = "page";

/// The routes of `routes`, and that of the document about them.
fn all() -> Vec<Route> {
    let document = Route::at("/api/v1/openapi.json", "openapi").get(openapi, describe_openapi);
    table().into_iter().chain([document]).collect()
}

/// The router of all routes; the page answers what no route matches.
pub(super) fn router(gateway: Gateway) -> Router {
    let router = all().into_iter().fold(Router::new(), |router, route| route.add_to(router));
    router.fallback(spa::read).with_state(gateway)
}

/// The label under which the metrics count a request for `path`.
pub(super) fn label(path: &str) -> &'static str {
    static LABELS: LazyLock<Vec<Label>> = LazyLock::new(|| all().iter().map(Route::label).collect());
    LABELS.iter().find(|label| label.covers(path)).map_or(FALLBACK_LABEL, |label| label.name)
}

/// The OpenAPI document of every route.
pub fn openapi_document() -> serde_json::Value {
    document(all().iter().flat_map(Route::operations))
}

/// `GET /api/v1/openapi.json`. The handler reads the table, so it has no file below `routes`.
async fn openapi() -> Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| openapi_document().to_string().into());
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], TEXT.clone()).into_response()
}

fn describe_openapi() -> Operation {
    Operation::new("readDescription", "This document").content(
        "200",
        "OpenAPI 3.1.",
        "application/json",
        serde_json::json!({}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_label_of_its_route() {
        for (path, expected) in [
            ("/", "page"),
            ("/files", "files"),
            ("/files/a/b", "files"),
            ("/filesystem", "page"),
            ("/api/v1/list/a", "list"),
            ("/api/v1/listing", "page"),
            ("/api/v1/uploads/0123/commit", "uploads"),
            ("/api/v1/jobs", "jobs"),
            ("/api/v1/digest/a", "digest"),
            ("/metrics", "health"),
            ("/metrics/", "page"),
        ] {
            assert_eq!(label(path), expected, "{path}");
        }
    }

    /// `PASSERELLE_UPDATE=1 cargo test -p backend the_copy_in_docs` rewrites the copy.
    #[test]
    fn the_copy_in_docs_is_the_openapi_document() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let text = serde_json::to_string_pretty(&openapi_document()).unwrap() + "\n";
        if std::env::var_os("PASSERELLE_UPDATE").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), text, "docs/openapi.json is out of date");
    }

    #[test]
    fn every_reference_in_the_openapi_document_has_its_target() {
        fn visit(document: &serde_json::Value, value: &serde_json::Value) {
            match value {
                serde_json::Value::Object(fields) => {
                    if let Some(serde_json::Value::String(target)) = fields.get("$ref") {
                        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                    }
                    fields.values().for_each(|value| visit(document, value));
                }
                serde_json::Value::Array(values) => values.iter().for_each(|value| visit(document, value)),
                _ => {}
            }
        }
        let document = openapi_document();
        visit(&document, &document);
    }
}
