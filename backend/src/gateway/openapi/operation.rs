//! [`Operation`]: the description of one operation for the OpenAPI document, written beside its handler.

use serde_json::{Map, Value, json};
use shared::api::PROBLEM_TYPE;
use shared::limits::JOB_WAIT_MAX;

/// An operation object (OpenAPI 3.1 §4.8.10), and the schemas of the types that no other operation names.
pub(crate) struct Operation {
    object: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Operation {
    /// The operation `id`, summarised in a few words.
    pub(crate) fn new(id: &str, summary: &str) -> Self {
        let fields = [("operationId", json!(id)), ("summary", json!(summary)), ("responses", json!({}))];
        let object = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { object, schemas: Map::new() }
    }

    /// Declares the schema `name` of a type that this operation alone reads or answers with. Types that several
    /// operations share have their schemas in `schemas.rs`.
    pub(crate) fn schema(mut self, name: &str, schema: Value) -> Self {
        self.schemas.insert(name.into(), schema);
        self
    }

    pub(crate) fn description(mut self, text: impl Into<String>) -> Self {
        self.object.insert("description".into(), Value::String(text.into()));
        self
    }

    /// A parameter object (§4.8.12).
    pub(crate) fn parameter(mut self, parameter: Value) -> Self {
        if let Value::Array(parameters) = self.object.entry("parameters").or_insert_with(|| json!([])) {
            parameters.push(parameter);
        }
        self
    }

    /// `{path}` in the address: the path of an entry.
    pub(crate) fn path(self) -> Self {
        self.parameter(json!({"$ref": "#/components/parameters/path"}))
    }

    /// `{id}` in the address.
    pub(crate) fn id(self) -> Self {
        self.parameter(json!({"name": "id", "in": "path", "required": true, "schema": schema("Id")}))
    }

    /// An optional query parameter.
    pub(crate) fn query(self, name: &str, schema: Value, description: &str) -> Self {
        self.parameter(json!({"name": name, "in": "query", "description": description, "schema": schema}))
    }

    /// How long the answer may wait for a job, in milliseconds.
    pub(crate) fn wait(self) -> Self {
        let description = format!(
            "How long to wait for the end of the job, or for progress, in milliseconds; {} at most.",
            JOB_WAIT_MAX.as_millis()
        );
        self.query("wait", json!({"type": "integer", "minimum": 0}), &description)
    }

    /// Optional request header fields, as free text.
    pub(crate) fn headers<const N: usize>(self, names: [&str; N]) -> Self {
        let field = |name| json!({"name": name, "in": "header", "schema": {"type": "string"}});
        names.into_iter().fold(self, |operation, name| operation.parameter(field(name)))
    }

    /// The header field `Idempotency-Key`.
    pub(crate) fn idempotency_key(self) -> Self {
        self.idempotency_key_as("A repeated request with this key has the same answer and is performed once.")
    }

    /// The header field `Idempotency-Key`, with a description of its own.
    pub(crate) fn idempotency_key_as(self, description: &str) -> Self {
        let schema = schema("Key");
        self.parameter(json!({"name": "Idempotency-Key", "in": "header", "description": description, "schema": schema}))
    }

    /// A request body of one media type.
    pub(crate) fn body(mut self, required: bool, media_type: &str, content: Value) -> Self {
        self.object.insert("requestBody".into(), json!({"required": required, "content": {media_type: content}}));
        self
    }

    /// A JSON body of the schema `name`.
    pub(crate) fn json_body(self, name: &str) -> Self {
        self.body(true, "application/json", json!({"schema": schema(name)}))
    }

    /// A response object (§4.8.17) for a status, or for `default`.
    pub(crate) fn response(mut self, status: &str, response: Value) -> Self {
        self.object["responses"][status] = response;
        self
    }

    /// A response without content, or with content that needs no schema.
    pub(crate) fn says(self, status: &str, description: &str) -> Self {
        self.response(status, json!({"description": description}))
    }

    /// A response with content of one media type.
    pub(crate) fn content(self, status: &str, description: &str, media_type: &str, content: Value) -> Self {
        self.response(status, json!({"description": description, "content": {media_type: content}}))
    }

    /// A JSON response of the schema `name`. Its description is "Found." for every operation, since the schema and the
    /// operation's summary say what the answer is, and the format requires a description.
    pub(crate) fn json(self, status: &str, name: &str) -> Self {
        self.content(status, "Found.", "application/json", json!({"schema": schema(name)}))
    }

    /// Describes the headers of an answer about a folder for the response `status`.
    pub(crate) fn folder_headers(mut self, status: &str) -> Self {
        let description = "The caller's rights in the folder: names separated by spaces. They help a page to decide which controls to show; every request is authorised separately.";
        let examples = ["list read create replace delete"];
        self.object["responses"][status]["headers"] = json!({"Passerelle-Rights": {"description": description, "schema": {"type": "string", "examples": examples}}});
        self
    }

    /// Problem documents for these statuses and for every other failure.
    pub(crate) fn problems<const N: usize>(self, statuses: [&str; N]) -> Self {
        statuses.into_iter().fold(self, Self::problem).problem("default")
    }

    /// A problem document for one status.
    pub(crate) fn problem(self, status: &str) -> Self {
        self.response(status, json!({"$ref": "#/components/responses/Problem"}))
    }

    /// The operation object, and the schemas that [`Operation::schema`] declared.
    pub(super) fn into_parts(self) -> (Value, Map<String, Value>) {
        (Value::Object(self.object), self.schemas)
    }
}

/// A reference to the schema `name` of the document.
pub(crate) fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The response that [`Operation::problem`] refers to.
pub(super) fn problem_response() -> Value {
    json!({"description": "An error.", "content": {PROBLEM_TYPE: {"schema": schema("Problem")}}})
}

/// The parameter that [`Operation::path`] refers to.
pub(super) fn path_parameter() -> Value {
    json!({"name": "path", "in": "path", "required": true, "description": "Segments are percent-encoded, and the slashes between them are not.", "schema": schema("Path")})
}
