//! The OpenAPI 3.1 document of the HTTP surface. Each operation is described beside its handler; the table of routes
//! names them all.

pub(super) mod document;
pub(super) mod operation;
mod schemas;
#[cfg(test)]
mod tests;
