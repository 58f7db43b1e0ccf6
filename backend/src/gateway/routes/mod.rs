//! The handlers, one file or folder for each resource.

pub(super) mod about;
pub(super) mod archive;
pub(super) mod changes;
pub(super) mod digest;
pub(super) mod events;
pub(super) mod files;
pub(super) mod folder_page;
pub(super) mod health;
pub(super) mod jobs;
pub(super) mod list;
pub(super) mod list_json;
pub(super) mod put_file;
pub(super) mod spa;
pub(super) mod stat;
pub(super) mod trash;
pub(super) mod tus;
pub(super) mod upload;
