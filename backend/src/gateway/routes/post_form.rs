//! `POST /files/<folder>`: the files of a form (RFC 7578), as `curl -F file=@report.pdf` and HTML forms send them. Each
//! file appears once all of it is durable; a form that ends early leaves no part of one.

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use shared::change::UnknownConflict;
use shared::{Conflict, Entry, ErrorCode, TrashId, VPath};

use super::{put_file, upload};
use crate::client::{Caller, PutRange, Stage, Upload};
use crate::gateway::auth::Auth;
use crate::gateway::http::form_data::{FormData, FormError, FormEvent};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::{Query, bad_parameter};
use crate::gateway::http::request_body::{self, BodyError, BodyPieces, RequestBody};
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::owner::owner;
use crate::gateway::state::Gateway;
use crate::gateway::whole_answer::MemoryOfEntries;

const FORM: &str = "multipart/form-data";
/// The most files of one form.
const FORM_FILES_MAX: usize = 1000;
/// How many names of stored files an error tells.
const STORED_NAMES_MAX: usize = 20;
/// The size of the pieces in which parts without a file are discarded.
const DISCARDED_PIECE_BYTES: usize = 64 << 10;

/// The answer: the files, in their order in the form.
#[derive(Serialize)]
struct StoredFiles {
    files: Vec<StoredFile>,
}

#[derive(Serialize)]
struct StoredFile {
    /// `created`, `replaced`, or `skipped` if an existing file was kept.
    outcome: &'static str,
    /// The file that is there now.
    entry: Option<Entry>,
    /// An entry beside the new file whose name people take for its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    similar: Option<VPath>,
    /// The item of the trash that keeps the replaced file. `None` if nothing was replaced or could be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    trash: Option<TrashId>,
}

/// A form, and the body that it arrives in.
struct FormReader {
    form: FormData,
    body: RequestBody,
}

/// The content of the part that a [`FormReader`] has come to.
struct FormPart<'a> {
    reader: &'a mut FormReader,
    ended: bool,
}

/// Stores the files of a form in a folder.
pub(crate) async fn post(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    mut request: Request,
) -> Result<Response, ErrorResponse> {
    let body = RequestBody::of(&gateway.bodies, &mut request);
    let who = owner(request.extensions());
    let folder = RequestPath::of(&request)?.path;
    let conflict = conflict(request.uri().query().unwrap_or_default())?;
    if !request_body::is_of_type(request.headers(), FORM) {
        let sentence = format!("A file is uploaded here as {FORM}, for example by curl -F, or by PUT.");
        return Err(ErrorResponse::because(ErrorCode::UnsupportedMediaType, sentence));
    }
    request_body::wants_identity(request.headers())?;
    let form = FormData::new(request.headers()).map_err(BodyError::Form)?;
    if !gateway.client.stat(&caller, &folder).await?.is_folder() {
        return Err(ErrorCode::NotFolder.into());
    }
    let mut reader = FormReader { form, body };
    let mut memory = MemoryOfEntries::new(&gateway.places, who);
    let mut stored = Vec::new();
    while let Some(name) = reader.next_file().await.map_err(|error| after(&stored, error.into()))? {
        let file = async {
            if stored.len() == FORM_FILES_MAX {
                return Err(too_many());
            }
            let target = folder.join(&name)?;
            memory.add(&target)?;
            store(&gateway, &caller, target, conflict, &mut reader).await
        }
        .await;
        stored.push(file.map_err(|error| not_stored(&stored, &name, error))?);
        gateway.metrics.uploaded("form");
    }
    if stored.is_empty() {
        return Err(ErrorResponse::because(ErrorCode::BadRequest, "The form has no file."));
    }
    let changed = stored.iter().any(|file| file.outcome != "skipped");
    let status = if changed { StatusCode::CREATED } else { StatusCode::OK };
    let count = stored.len();
    let mut response = gateway.long_answer(who, status, StoredFiles { files: stored }, count).await?;
    if let Some(memory) = memory.into_memory() {
        response.extensions_mut().insert(memory);
    }
    Ok(response)
}

pub(crate) fn describe() -> Operation {
    let files = json!({
        "type": "object",
        "required": ["files"],
        "properties": {"files": {"type": "array", "items": {
            "type": "object",
            "required": ["outcome", "entry"],
            "properties": {
                "outcome": {"type": "string", "enum": ["created", "replaced", "skipped"]},
                "entry": {"anyOf": [schema("Entry"), {"type": "null"}]},
                "similar": schema("Path"),
                "trash": schema("Id"),
            },
        }}},
    });
    let form = json!({"type": "object", "additionalProperties": {"type": "string", "contentMediaType": "application/octet-stream"}});
    Operation::new("postForm", "Stores the files of a form in a folder")
        .description(format!("Each part with a file name is a file; other parts are ignored. At most {FORM_FILES_MAX} files. The first failure ends the request; the files before it are stored, and the problem's detail names them."))
        .schema("StoredFiles", files)
        .path()
        .query("conflict", schema("Conflict"), "What happens if a file of that name exists.")
        .body(true, FORM, json!({"schema": form}))
        .json("200", "StoredFiles")
        .json("201", "StoredFiles")
        .problems(["400", "404", "409", "413", "415", "507"])
}

/// What happens if a name exists. Without the parameter nothing is replaced: a form names its files, and not the person
/// who fills it in.
fn conflict(query: &str) -> Result<Conflict, ErrorResponse> {
    let query = Query::parse(query)?;
    let rule = query.once("conflict")?.map(str::parse).transpose();
    let unknown = |unknown: UnknownConflict| bad_parameter("conflict", &unknown.to_string());
    Ok(rule.map_err(unknown)?.unwrap_or_default())
}

/// Stores the part that the reader has come to.
async fn store(
    gateway: &Gateway,
    caller: &Caller,
    target: VPath,
    conflict: Conflict,
    reader: &mut FormReader,
) -> Result<StoredFile, ErrorResponse> {
    let stage = Stage { caller: caller.clone(), target: Some(target), conflict, ..Stage::default() };
    let mut part = FormPart { reader, ended: false };
    let upload: Upload = put_file::send(gateway, &mut part, stage, PutRange::default()).await?;
    // An upload that is skipped may end before its content.
    part.discard().await?;
    let outcome = upload::outcome(&upload);
    Ok(StoredFile { outcome, entry: upload.entry, similar: upload.similar, trash: upload.trash })
}

impl FormReader {
    /// Goes on to the next part with a file, and returns the file's name; `None` at the end of the form.
    async fn next_file(&mut self) -> Result<Option<Vec<u8>>, BodyError> {
        loop {
            match self.next_event(DISCARDED_PIECE_BYTES).await? {
                FormEvent::Part(Some(name)) if !name.is_empty() => return Ok(Some(last_segment(&name).to_vec())),
                FormEvent::End => return Ok(None),
                // A field, or the empty part of an HTML form without a chosen file.
                FormEvent::Part(_) | FormEvent::Data(_) | FormEvent::PartEnd => {}
            }
        }
    }

    async fn next_event(&mut self, bytes_max: usize) -> Result<FormEvent, BodyError> {
        loop {
            if let Some(event) = self.form.next()? {
                return Ok(event);
            }
            let piece = self.body.piece(bytes_max).await?.ok_or(FormError::EndsEarly)?;
            self.form.push(&piece);
        }
    }
}

impl FormPart<'_> {
    async fn discard(&mut self) -> Result<(), BodyError> {
        while self.piece(DISCARDED_PIECE_BYTES).await?.is_some() {}
        Ok(())
    }
}

impl BodyPieces for FormPart<'_> {
    async fn piece(&mut self, bytes_max: usize) -> Result<Option<Bytes>, BodyError> {
        while !self.ended {
            match self.reader.next_event(bytes_max).await? {
                FormEvent::Data(bytes) => return Ok(Some(bytes)),
                FormEvent::PartEnd | FormEvent::End => self.ended = true,
                // `FormData` ends a part before it begins the next one.
                FormEvent::Part(_) => return Err(FormError::BadBoundary.into()),
            }
        }
        Ok(None)
    }
}

/// The name without the folders in front of it, which some clients send (RFC 7578 §4.2).
fn last_segment(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}

fn too_many() -> ErrorResponse {
    let sentence = format!("A form has at most {FORM_FILES_MAX} files.");
    ErrorResponse::because(ErrorCode::TooLarge, sentence)
}

/// Adds to an error which file it is about, and what became of the others.
fn not_stored(stored: &[StoredFile], name: &[u8], error: ErrorResponse) -> ErrorResponse {
    let name = String::from_utf8_lossy(name);
    let error = error.also(
        &format!("\"{name}\" and the files after it were not stored."),
        &format!("« {name} » et les fichiers suivants n’ont pas été enregistrés."),
    );
    after(stored, error)
}

/// Adds to an error which files are stored.
fn after(stored: &[StoredFile], error: ErrorResponse) -> ErrorResponse {
    if stored.is_empty() {
        return error;
    }
    let names = stored.iter().filter_map(|file| file.entry.as_ref()).take(STORED_NAMES_MAX);
    let mut names = names.map(|entry| entry.display_name()).collect::<Vec<_>>().join(", ");
    if stored.len() > STORED_NAMES_MAX {
        names.push_str(", …");
    }
    let count = stored.len();
    error.also(
        &format!("Files before it that are stored: {count} ({names})."),
        &format!("Fichiers précédents enregistrés : {count} ({names})."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_a_name_are_discarded() {
        for (name, expected) in [("a", "a"), ("/etc/passwd", "passwd"), ("../a", "a"), ("a/", ""), ("C:\\a", "C:\\a")] {
            assert_eq!(last_segment(name.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn nothing_is_replaced_without_the_parameter() {
        assert_eq!(conflict("").unwrap(), Conflict::Fail);
        assert_eq!(conflict("conflict=replace").unwrap(), Conflict::Replace);
        assert!(conflict("conflict=").is_err() && conflict("conflict=fail&conflict=skip").is_err());
    }
}
