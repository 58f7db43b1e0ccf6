//! Reading over HTTP: files, folders as pages and as JSON, health, metrics and CORS.

mod api;
mod content_types;
mod cors;
mod dates;
mod error_pages;
mod files;
mod folder_page;
mod forms;
mod health;
mod proxies;
mod redirects;
