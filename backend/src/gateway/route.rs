//! [`Route`]: one resource with its address, its metric label, and for each method the handler and its description.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use shared::Rights;

use super::auth::Auth;
use super::http::headers::allow;
use super::http::problem::ErrorResponse;
use super::openapi::operation::Operation;
use super::state::Gateway;

/// Describes one operation for the OpenAPI document; called only when the document is made.
pub(super) type Describe = fn() -> Operation;

/// One resource. The table of routes is made of them, and everything else that must be known of a route is derived from
/// it.
pub(super) struct Route {
    address: Address,
    label: &'static str,
    handlers: MethodRouter<Gateway>,
    methods: Vec<AllowedMethod>,
    operations: Vec<(Method, Describe)>,
    option_headers: Option<OptionHeaders>,
    /// A header of every answer of the resource, which its handlers set and [`Route`] adds to 405.
    refusal_header: Option<(HeaderName, HeaderValue)>,
}

/// Adds headers to the answer to OPTIONS.
type OptionHeaders = fn(&Gateway, &mut HeaderMap);

#[derive(Clone)]
struct AllowedMethod {
    method: Method,
    /// Without these rights `Allow` does not list the method.
    needed: Rights,
}

enum Address {
    /// In axum's notation: `{id}` is one segment, `{*path}` all that are left.
    Exact(&'static str),
    /// With and without a slash at the end.
    OptionalSlash(&'static str),
    /// A prefix, and every path below it.
    Tree(&'static str),
}

impl Route {
    /// The resource at exactly this address, in axum's notation.
    pub(super) fn at(address: &'static str, label: &'static str) -> Self {
        Self::new(Address::Exact(address), label)
    }

    /// The resource at this address, with or without a slash at the end.
    pub(super) fn at_slash(address: &'static str, label: &'static str) -> Self {
        Self::new(Address::OptionalSlash(address), label)
    }

    /// A tree of resources: the prefix itself and every path below it. [`RequestPath`] gives the handler the path.
    ///
    /// [`RequestPath`]: super::http::request_path::RequestPath
    pub(super) fn tree(prefix: &'static str, label: &'static str) -> Self {
        Self::new(Address::Tree(prefix), label)
    }

    fn new(address: Address, label: &'static str) -> Self {
        let (methods, operations) = (Vec::new(), Vec::new());
        Self {
            address,
            label,
            handlers: MethodRouter::new(),
            methods,
            operations,
            option_headers: None,
            refusal_header: None,
        }
    }

    /// GET and HEAD by one handler.
    pub(super) fn get<T: 'static>(self, handler: impl Handler<T, Gateway>, describe: Describe) -> Self {
        let route = self.handle(MethodFilter::GET.or(MethodFilter::HEAD), Method::GET, handler, describe);
        route.allows(Method::HEAD)
    }

    /// GET alone, for a resource whose HEAD means something else.
    pub(super) fn get_only<T: 'static>(self, handler: impl Handler<T, Gateway>, describe: Describe) -> Self {
        self.handle(MethodFilter::GET, Method::GET, handler, describe)
    }

    pub(super) fn head<T: 'static>(self, handler: impl Handler<T, Gateway>, describe: Describe) -> Self {
        self.handle(MethodFilter::HEAD, Method::HEAD, handler, describe)
    }

    pub(super) fn post<T: 'static>(self, handler: impl Handler<T, Gateway>, describe: Describe) -> Self {
        self.handle(MethodFilter::POST, Method::POST, handler, describe)
    }

    pub(super) fn put<T: 'static>(self, handler: impl Handler<T, Gateway>, describe: Describe) -> Self {
        self.handle(MethodFilter::PUT, Method::PUT, handler, describe)
    }

    pub(super) fn patch<T: 'static>(self, handler: impl Handler<T, Gateway>, describe: Describe) -> Self {
        self.handle(MethodFilter::PATCH, Method::PATCH, handler, describe)
    }

    pub(super) fn delete<T: 'static>(self, handler: impl Handler<T, Gateway>, describe: Describe) -> Self {
        self.handle(MethodFilter::DELETE, Method::DELETE, handler, describe)
    }

    fn handle<T: 'static>(
        mut self,
        filter: MethodFilter,
        method: Method,
        handler: impl Handler<T, Gateway>,
        describe: Describe,
    ) -> Self {
        self.handlers = self.handlers.on(filter, handler);
        self.operations.push((method.clone(), describe));
        self.allows(method)
    }

    fn allows(mut self, method: Method) -> Self {
        self.methods.push(AllowedMethod { method, needed: Rights::NONE });
        self
    }

    /// States the rights that the method added last needs: `Allow` lists that method only for callers who have them
    /// below their root. The handler is called in any case, and the file server authorises the request.
    pub(super) fn needs(mut self, rights: Rights) -> Self {
        if let Some(last) = self.methods.last_mut() {
            last.needed = rights;
        }
        self
    }

    /// Adds POST with the header `name`, which is handled as the method that the header names, if the resource has it:
    /// for clients that can send only GET and POST.
    pub(super) fn method_override(mut self, name: HeaderName, describe: Describe) -> Self {
        let (handlers, methods) = (self.handlers.clone(), self.methods.clone());
        let header = self.refusal_header.clone();
        self.handlers = self.handlers.post(move |State(gateway): State<Gateway>, mut request: Request| {
            let handlers = handlers.clone();
            let named = request.headers().get(&name).map(|value| value.as_bytes().to_ascii_uppercase());
            let method = methods
                .iter()
                .map(|allowed| &allowed.method)
                .find(|method| **method != Method::GET && named.as_deref() == Some(method.as_str().as_bytes()));
            let method = method.cloned().ok_or_else(|| refuse(&methods, Rights::ALL, header.clone()));
            async move {
                *request.method_mut() = method?;
                match TowerToHyperService::new(handlers.with_state::<()>(gateway)).call(request).await {
                    Ok(response) => Ok::<Response, ErrorResponse>(response),
                    Err(never) => match never {},
                }
            }
        });
        self.operations.push((Method::POST, describe));
        self.allows(Method::POST)
    }

    /// Adds a header to the answers of 405, for a protocol that wants it in every answer. Precedes
    /// [`Route::method_override`].
    pub(super) fn refusal_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.refusal_header = Some((name, value));
        self
    }

    /// Adds headers to the answer to OPTIONS.
    pub(super) fn options(mut self, add: OptionHeaders) -> Self {
        self.option_headers = Some(add);
        self
    }

    /// Describes OPTIONS, where its answer says more than `Allow`.
    pub(super) fn describe_options(mut self, describe: Describe) -> Self {
        self.operations.push((Method::OPTIONS, describe));
        self
    }

    /// The operations with their descriptions, by address and method in OpenAPI's notation.
    pub(super) fn operations(&self) -> impl Iterator<Item = (String, String, Operation)> {
        let address = match self.address {
            Address::Exact(address) | Address::OptionalSlash(address) => address.replace("{*", "{"),
            Address::Tree(prefix) => format!("{prefix}/{{path}}"),
        };
        self.operations
            .iter()
            .map(move |(method, describe)| (address.clone(), method.as_str().to_ascii_lowercase(), describe()))
    }

    /// The metric label, with the part of the address before its first parameter.
    pub(super) fn label(&self) -> Label {
        let (address, exact) = match self.address {
            Address::Exact(address) => (address, !address.contains('{')),
            Address::OptionalSlash(address) | Address::Tree(address) => (address, false),
        };
        let prefix = address.split('{').next().unwrap_or(address).trim_end_matches('/');
        Label { prefix, exact, name: self.label }
    }

    /// Adds the route to `router`, with answers to OPTIONS and to the methods that it does not have.
    pub(super) fn add_to(self, router: Router<Gateway>) -> Router<Gateway> {
        let Self { address, handlers, methods, option_headers, refusal_header, .. } = self;
        let methods: Arc<[_]> = methods.into();
        let others = Arc::clone(&methods);
        let handlers = handlers
            .options(move |State(gateway): State<Gateway>, auth: Auth| async move {
                let mut response = allow(list(&methods, auth.rights()));
                if let Some(add) = option_headers {
                    add(&gateway, response.headers_mut());
                }
                response
            })
            .fallback(move |auth: Auth| async move { refuse(&others, auth.rights(), refusal_header) });
        match address {
            Address::Exact(address) => router.route(address, handlers),
            Address::OptionalSlash(address) => {
                router.route(address, handlers.clone()).route(&format!("{address}/"), handlers)
            }
            Address::Tree(prefix) => router
                .route(prefix, handlers.clone())
                .route(&format!("{prefix}/"), handlers.clone())
                .route(&format!("{prefix}/{{*path}}"), handlers),
        }
    }
}

/// 405 for a caller with these rights.
fn refuse(methods: &[AllowedMethod], rights: Rights, header: Option<(HeaderName, HeaderValue)>) -> ErrorResponse {
    let error = ErrorResponse::method_not_allowed(list(methods, rights));
    match header {
        Some((name, value)) => error.header(name, value),
        None => error,
    }
}

/// The value of `Allow` for a caller with these rights (RFC 9110 §10.2.1).
fn list(methods: &[AllowedMethod], rights: Rights) -> String {
    let allowed = methods.iter().filter(|allowed| rights.contains(allowed.needed));
    let mut text: String = allowed.flat_map(|allowed| [allowed.method.as_str(), ", "]).collect();
    text.push_str(Method::OPTIONS.as_str());
    text
}

/// The metric label of every address that starts with a prefix.
pub(super) struct Label {
    prefix: &'static str,
    /// The prefix is the whole address.
    exact: bool,
    pub(super) name: &'static str,
}

impl Label {
    pub(super) fn covers(&self, path: &str) -> bool {
        match path.strip_prefix(self.prefix) {
            Some("") => true,
            Some(rest) => !self.exact && rest.starts_with('/'),
            None => false,
        }
    }
}
