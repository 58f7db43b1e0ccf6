//! `GET /api/v1/list/<path>`: one page of a folder, as the file server's blocks of columns or as JSON. Both are
//! streamed, so a million entries take no more memory than a thousand.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG as ETAG_HEADER, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use shared::columns::{Columns, MEDIA_TYPE};
use shared::limits::{LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX};
use shared::{Direction, ETag, ErrorCode, Order, SortKey, VPath};

use super::list_json::RowWriter;
use crate::client::{ClientError, ListingBlocks};
use crate::gateway::auth::{Auth, rights_header};
use crate::gateway::http::body_stream::{BodySource, stream_body};
use crate::gateway::http::conditional::Conditions;
use crate::gateway::http::headers::set;
use crate::gateway::http::json::JSON;
use crate::gateway::http::negotiate::preferred;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::{Query, bad_parameter};
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::state::Gateway;

pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let path = RequestPath::of(&request)?.path;
    let query = ListParameters::read(request.uri().query().unwrap_or_default())?;
    let format = Format::of(request.headers())?;
    let mut blocks =
        gateway.client.list_blocks(&caller, &path, query.order, query.cursor.as_deref(), query.limit).await?;
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    headers.extend([rights_header(&caller)]);
    if let Some(etag) = blocks.head().etag {
        let etag = format.etag(etag);
        set(&mut headers, ETAG_HEADER, etag.quoted());
        if Conditions::read(request.method(), request.headers()).is_current(Some(etag)) {
            // A page with a validator is short: reading it to its end is cheaper than cancelling the request.
            while blocks.next().await?.is_some() {}
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let short = query.limit <= LIST_LIMIT_DEFAULT;
    let body = match format {
        Format::Columns => whole_or_stream(ColumnsBody(blocks), short).await?,
        Format::Json => whole_or_stream(JsonBody::new(blocks, path), short).await?,
    };
    Ok((StatusCode::OK, headers, body).into_response())
}

pub(crate) fn describe() -> Operation {
    let columns = json!({"type": "string", "contentEncoding": "binary", "description": "Blocks of columns as described in docs/PROTOCOL.md."});
    let content = json!({JSON: {"schema": schema("Folder")}, MEDIA_TYPE: {"schema": columns}});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": LIST_LIMIT_MAX, "default": LIST_LIMIT_DEFAULT});
    Operation::new("listFolder", "One page of a folder, sorted, folders first")
        .path()
        .query(
            "sort",
            json!({"type": "string", "enum": ["name", "size", "modified"], "default": "name"}),
            "The sort key.",
        )
        .query("order", json!({"type": "string", "enum": ["asc", "desc"], "default": "asc"}), "The direction.")
        .query("limit", limit, "Maximum number of entries in the answer.")
        .query("cursor", json!({"type": "string"}), "`next_cursor` of the previous page.")
        .headers(["If-None-Match"])
        .response("200", json!({"description": "Found.", "content": content}))
        .folder_headers("200")
        .says("304", "The client's copy is current (pages of at most 10 000 entries).")
        .problems([])
}

/// Collects a short page, so that its length is known and the file server is done with it; streams a long one.
async fn whole_or_stream(mut page: impl BodySource, short: bool) -> Result<Body, ClientError> {
    if !short {
        return Ok(stream_body(page));
    }
    let first = page.next().await?.unwrap_or_default();
    let Some(second) = page.next().await? else { return Ok(Body::from(first)) };
    let mut whole = [first, second].concat();
    while let Some(piece) = page.next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(Body::from(whole))
}

/// The format of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Json,
    Columns,
}

impl Format {
    /// JSON, unless the client asks for columns by name.
    fn of(headers: &HeaderMap) -> Result<Self, ErrorResponse> {
        match preferred(headers, &[JSON, MEDIA_TYPE]) {
            Some(0) => Ok(Self::Json),
            Some(_) => Ok(Self::Columns),
            None => Err(ErrorResponse::because(
                ErrorCode::NotAcceptable,
                format!("A listing is available as {JSON} or {MEDIA_TYPE}."),
            )),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Columns => MEDIA_TYPE,
        }
    }

    /// Each format is a representation of its own with a validator of its own (RFC 9110 §8.8.3).
    fn etag(self, etag: ETag) -> ETag {
        match self {
            Self::Json => etag,
            Self::Columns => ETag(etag.0.map(|byte| !byte)),
        }
    }
}

/// The blocks as they come.
struct ColumnsBody(ListingBlocks);

impl BodySource for ColumnsBody {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        Ok(self.0.next().await?.map(Columns::into_bytes))
    }
}

/// The blocks as one JSON object, one piece for each block.
struct JsonBody {
    blocks: ListingBlocks,
    path: VPath,
    rows: RowWriter,
    started: bool,
}

impl JsonBody {
    fn new(blocks: ListingBlocks, path: VPath) -> Self {
        let rows = RowWriter::below(&path);
        Self { blocks, path, rows, started: false }
    }

    /// Writes what comes before the rows.
    fn start(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let head = self.blocks.head();
        json.extend_from_slice(b"{\"path\":");
        serde_json::to_writer(&mut *json, &self.path)?;
        json.extend_from_slice(b",\"total\":");
        serde_json::to_writer(&mut *json, &head.total)?;
        json.extend_from_slice(b",\"etag\":");
        serde_json::to_writer(&mut *json, &head.etag.map(|etag| etag.to_string()))?;
        json.extend_from_slice(b",\"entries\":[");
        Ok(())
    }

    fn piece(&mut self, columns: &Columns<Bytes>) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = Vec::with_capacity(self.rows.bytes(columns));
        if !self.started {
            self.started = true;
            self.start(&mut json)?;
        }
        self.rows.write(columns, &mut json)?;
        if columns.is_last() {
            json.extend_from_slice(b"],\"next_cursor\":");
            serde_json::to_writer(&mut json, &columns.next_cursor().map(Cow::Borrowed))?;
            json.push(b'}');
        }
        Ok(json)
    }
}

impl BodySource for JsonBody {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let Some(columns) = self.blocks.next().await? else { return Ok(None) };
        let piece = self.piece(&columns);
        // Serializing to memory does not fail.
        piece.map(|piece| Some(piece.into())).map_err(|error| ClientError::new(ErrorCode::Internal, error.to_string()))
    }
}

/// The parameters of a listing.
#[derive(PartialEq, Debug)]
struct ListParameters {
    order: Order,
    limit: u32,
    cursor: Option<String>,
}

impl ListParameters {
    fn read(query: &str) -> Result<Self, ErrorResponse> {
        let query = Query::parse(query)?;
        let key = match query.once("sort")? {
            None | Some("name") => SortKey::Name,
            Some("size") => SortKey::Size,
            Some("modified") => SortKey::Modified,
            Some(_) => return Err(bad_parameter("sort", "is none of `name`, `size`, `modified`")),
        };
        let direction = match query.once("order")? {
            None | Some("asc") => Direction::Ascending,
            Some("desc") => Direction::Descending,
            Some(_) => return Err(bad_parameter("order", "is neither `asc` nor `desc`")),
        };
        let limit = query.limit(LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX)?;
        let cursor = query.cursor()?;
        Ok(Self { order: Order { key, direction }, limit, cursor })
    }
}

#[cfg(test)]
mod tests {
    use shared::limits::CURSOR_BYTES_MAX;

    use super::*;
    use crate::gateway::http::problem::Reader;

    #[track_caller]
    fn refuses(query: &str, word: &str) {
        let error = ListParameters::read(query).unwrap_err();
        let response = error.render("id", &Reader::Program);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let error = format!("{:?}", ListParameters::read(query).unwrap_err());
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn parameters_have_defaults_and_values() {
        let read = |query| ListParameters::read(query).unwrap();
        let default = ListParameters { order: Order::default(), limit: LIST_LIMIT_DEFAULT, cursor: None };
        assert_eq!(read(""), default);
        assert_eq!(read("cursor=&unknown=1"), default);
        let order = Order { key: SortKey::Size, direction: Direction::Descending };
        let cursor = Some(String::from("1.2&x"));
        assert_eq!(read("sort=size&order=desc&limit=50&cursor=1.2%26x"), ListParameters { order, limit: 50, cursor });
    }

    #[test]
    fn a_malformed_parameter_is_named() {
        refuses("sort=colour", "`sort`");
        refuses("order=up", "`order`");
        refuses("limit=0", "`limit`");
        refuses("limit=1000001", "`limit`");
        refuses("limit=-1", "`limit`");
        refuses("limit=99999999999999999999", "`limit`");
        refuses("limit=1&limit=2", "`limit`");
        refuses("limit=%FF", "UTF-8");
        refuses(&format!("cursor={}", "x".repeat(CURSOR_BYTES_MAX + 1)), "BadCursor");
    }

    #[test]
    fn columns_are_sent_only_when_asked_for_by_name() {
        let format = |accept: &str| {
            let headers = HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_str(accept).unwrap())]);
            Format::of(&headers).ok()
        };
        assert_eq!(Format::of(&HeaderMap::new()).ok(), Some(Format::Json));
        assert_eq!(format("*/*"), Some(Format::Json));
        assert_eq!(format("application/*"), Some(Format::Json));
        assert_eq!(format("application/json"), Some(Format::Json));
        assert_eq!(format(MEDIA_TYPE), Some(Format::Columns));
        assert_eq!(format("application/vnd.passerelle.columns, application/json;q=0.5"), Some(Format::Columns));
        assert_eq!(format("application/vnd.passerelle.columns, */*;q=0.1"), Some(Format::Columns));
        assert_eq!(format("text/html"), None);
    }
}
