//! `/api/v1`: folders, single entries and the server itself as JSON, in the types of `shared::api`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG as ETAG_HEADER, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use shared::api::files::{About, Folder};
use shared::limits::{CURSOR_BYTES_MAX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX};
use shared::{Direction, ETag, ErrorCode, Order, SortKey};

use super::conditional::Conditions;
use super::error::Refusal;
use super::extract::{Target, bad_parameter, once, parameters};
use super::files::set;
use super::json::JSON;
use super::negotiate::accepts;
use super::{Gateway, RequestId};

/// `GET /api/v1/list/<path>`.
pub(super) async fn list(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let path = Target::path_below(request.uri(), "/api/v1/list")?;
    let query = ListParameters::read(request.uri().query().unwrap_or_default())?;
    wants_json(request.headers())?;
    let caller = gateway.caller(&RequestId::of(&request));
    let cursor = query.cursor.as_deref();
    let listing = gateway.client.list(&caller, &path, query.order, cursor, query.limit).await?;
    // A page further on has no validator of its own.
    let etag = listing.etag.filter(|_| query.cursor.is_none());
    let folder = Folder {
        path,
        entries: listing.entries,
        next_cursor: listing.next_cursor,
        total: listing.total,
        etag: listing.etag,
    };
    answer(&Conditions::read(request.method(), request.headers()), etag, &folder)
}

/// `GET /api/v1/stat/<path>`.
pub(super) async fn stat(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let path = Target::path_below(request.uri(), "/api/v1/stat")?;
    wants_json(request.headers())?;
    let caller = gateway.caller(&RequestId::of(&request));
    let entry = gateway.client.stat(&caller, &path).await?;
    answer(&Conditions::read(request.method(), request.headers()), entry.etag, &entry)
}

/// `GET /api/v1/about`.
pub(super) async fn about(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    wants_json(request.headers())?;
    let about = About {
        version: env!("CARGO_PKG_VERSION").into(),
        name: gateway.config.name.clone(),
        writable: gateway.config.anonymous.writable(),
    };
    answer(&Conditions::default(), None, &about)
}

/// What the query of a listing comes to.
#[derive(PartialEq, Debug)]
struct ListParameters {
    order: Order,
    limit: u32,
    cursor: Option<String>,
}

impl ListParameters {
    fn read(query: &str) -> Result<Self, Refusal> {
        let parameters = parameters(query)?;
        let key = match once(&parameters, "sort")? {
            None | Some("name") => SortKey::Name,
            Some("size") => SortKey::Size,
            Some("modified") => SortKey::Modified,
            Some(_) => return Err(bad_parameter("sort", "is none of `name`, `size`, `modified`")),
        };
        let direction = match once(&parameters, "order")? {
            None | Some("asc") => Direction::Ascending,
            Some("desc") => Direction::Descending,
            Some(_) => return Err(bad_parameter("order", "is neither `asc` nor `desc`")),
        };
        let limit = match once(&parameters, "limit")? {
            None => LIST_LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LIST_LIMIT_MAX).contains(limit))
                .ok_or_else(|| bad_parameter("limit", &format!("is not a number from 1 to {LIST_LIMIT_MAX}")))?,
        };
        let cursor = once(&parameters, "cursor")?.filter(|cursor| !cursor.is_empty());
        if cursor.is_some_and(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
            return Err(ErrorCode::BadCursor.into());
        }
        Ok(Self { order: Order { key, direction }, limit, cursor: cursor.map(str::to_owned) })
    }
}

/// 406 for a client that takes no JSON.
pub(super) fn wants_json(headers: &HeaderMap) -> Result<(), Refusal> {
    if accepts(headers, JSON) {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::NotAcceptable, "This is given as application/json only."))
}

fn answer(conditions: &Conditions, etag: Option<ETag>, value: &impl Serialize) -> Result<Response, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    if let Some(etag) = etag {
        set(&mut headers, ETAG_HEADER, etag.quoted());
        if conditions.has(Some(etag)) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    let body = serde_json::to_vec(value).map_err(|_| Refusal::new(ErrorCode::Internal))?;
    Ok((StatusCode::OK, headers, Body::from(body)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(query: &str, word: &str) {
        let refusal = ListParameters::read(query).unwrap_err();
        let response = refusal.render("id");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let refusal = format!("{:?}", ListParameters::read(query).unwrap_err());
        assert!(refusal.contains(word), "{refusal}");
    }

    #[test]
    fn a_listing_is_sorted_as_asked() {
        let read = |query| ListParameters::read(query).unwrap();
        let default = ListParameters { order: Order::default(), limit: LIST_LIMIT_DEFAULT, cursor: None };
        assert_eq!(read(""), default);
        assert_eq!(read("cursor=&unknown=1"), default);
        let order = Order { key: SortKey::Size, direction: Direction::Descending };
        let cursor = Some(String::from("1.2&x"));
        assert_eq!(read("sort=size&order=desc&limit=50&cursor=1.2%26x"), ListParameters { order, limit: 50, cursor });
    }

    #[test]
    fn a_bad_parameter_is_named() {
        refuses("sort=colour", "`sort`");
        refuses("order=up", "`order`");
        refuses("limit=0", "`limit`");
        refuses("limit=10001", "`limit`");
        refuses("limit=-1", "`limit`");
        refuses("limit=99999999999999999999", "`limit`");
        refuses("limit=1&limit=2", "`limit`");
        refuses("limit=%FF", "UTF-8");
        refuses(&format!("cursor={}", "x".repeat(CURSOR_BYTES_MAX + 1)), "BadCursor");
    }
}
