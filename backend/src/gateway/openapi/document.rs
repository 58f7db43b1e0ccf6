//! The OpenAPI 3.1 document: operations and schemas put together.

use serde_json::{Value, json};

use super::operation::{Operation, path_parameter, problem_response};
use super::schemas::schemas;

/// The document of these operations, each with its address and its method in lower case.
pub(crate) fn document(operations: impl Iterator<Item = (String, String, Operation)>) -> Value {
    let (mut paths, mut schemas) = (json!({}), schemas());
    for (path, method, operation) in operations {
        let (object, declared) = operation.into_parts();
        paths[path][method] = object;
        schemas.extend(declared);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Passerelle",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Files over HTTP. Every error is a problem document (RFC 9457) with a stable `code`. Every resource with GET also has HEAD. Changes that a page of another site requests are refused.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"Problem": problem_response()},
            "parameters": {"path": path_parameter()},
        },
    })
}
