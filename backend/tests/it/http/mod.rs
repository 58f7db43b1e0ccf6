//! Reading over HTTP: files, folders as pages and as JSON, health, metrics and CORS.

mod api;
mod cors;
mod files;
mod folder_page;
mod health;
