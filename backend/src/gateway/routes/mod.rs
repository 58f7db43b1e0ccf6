//! The table of all routes, and the handlers: a file or folder for each resource. A route costs its file, a `mod` line
//! and a line in [`table`]; the router, `Allow`, the metric label and the OpenAPI document are derived from that line.

mod about;
mod archive;
mod changes;
mod digest;
mod events;
mod files;
mod folder_page;
mod health;
mod jobs;
mod list;
mod list_json;
mod post_form;
mod put_file;
pub(super) mod spa;
mod stat;
mod trash;
mod tus;
mod upload;

use shared::Rights;

use super::route::Route;

/// Every route: address, metric label, and for each method the handler and its description.
pub(super) fn table() -> Vec<Route> {
    vec![
        Route::tree("/files", "files")
            .get(files::read, files::describe)
            .put(put_file::write, put_file::describe)
            .needs(Rights::CREATE)
            .post(post_form::post, post_form::describe)
            .needs(Rights::CREATE)
            .delete(trash::trash_file, trash::describe_trash_file)
            .needs(Rights::DELETE),
        Route::tree("/api/v1/list", "list").get(list::list, list::describe),
        Route::tree("/api/v1/stat", "stat").get(stat::stat, stat::describe),
        Route::at_slash("/api/v1/uploads", "uploads")
            .refusal_header(tus::RESUMABLE, tus::VERSIONS)
            .get(tus::list, tus::describe_list)
            .post(tus::create, tus::describe_create)
            .options(tus::capabilities)
            .describe_options(tus::describe_capabilities),
        Route::at("/api/v1/uploads/{id}", "uploads")
            .refusal_header(tus::RESUMABLE, tus::VERSIONS)
            .get_only(tus::read, tus::describe_read)
            .head(tus::head, tus::describe_head)
            .patch(tus::patch, tus::describe_patch)
            .delete(tus::delete, tus::describe_delete)
            .method_override(tus::METHOD_OVERRIDE, tus::describe_override)
            .options(tus::capabilities),
        Route::at("/api/v1/uploads/{id}/commit", "uploads")
            .refusal_header(tus::RESUMABLE, tus::VERSIONS)
            .post(tus::commit, tus::describe_commit),
        Route::at("/api/v1/changes", "changes").post(changes::change, changes::describe),
        Route::at("/api/v1/jobs", "jobs").get(jobs::list, jobs::describe_list),
        Route::at("/api/v1/jobs/{id}", "jobs")
            .get(jobs::read, jobs::describe_read)
            .delete(jobs::cancel, jobs::describe_cancel),
        Route::at("/api/v1/trash", "trash").get(trash::list, trash::describe_list),
        Route::at("/api/v1/digest/{*path}", "digest").get(digest::read, digest::describe),
        Route::at("/api/v1/events", "events").get(events::read, events::describe),
        Route::at("/api/v1/about", "about").get(about::about, about::describe),
        Route::at("/api/v1/archive", "archive")
            .get(archive::read, archive::describe_get)
            .post(archive::read, archive::describe_post),
        Route::at("/healthz", "health").get(health::alive, health::describe_alive),
        Route::at("/readyz", "health").get(health::ready, health::describe_ready),
        Route::at("/metrics", "health").get(health::metrics, health::describe_metrics),
    ]
}
