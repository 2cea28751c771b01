//! Routes that read images: at once as far as there is time, else by a task that is asked after later. No result is lost with a
//! connection: an image is a job like any other as soon as it is taken.
//! Reading is the engine's, here or in another process.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::intake::{self, Form, Image};
use super::reply::{Named, Problem, Reply, ok};
use super::{Desk, Shared};
use crate::domain::{ImageDetail, ImageId, Millis, OutputState, Status};
use crate::text::Safe;

/// How often a waiting request looks: often at first, since most images take a second.
const LOOKS: (Duration, Duration) = (Duration::from_millis(40), Duration::from_millis(500));
/// A document is read; longest wait for its upload before it is answered all the same.
const UPLOAD: Duration = Duration::from_secs(5);

/// A document, or that it is not there yet; the keys of the service before.
#[derive(Serialize, ToSchema)]
pub struct Answer {
    /// `success`; `processing`: ask `result_url` later.
    #[schema(value_type = String)]
    status: &'static str,
    /// To ask after it.
    task_id: i64,
    /// `file`, `image_url` or `image_base64`; `stored` when an earlier task is asked after.
    #[schema(value_type = String)]
    input_type: &'static str,
    /// Always empty: documents lie in the database and in `s3_files`.
    local_files: Vec<String>,
    /// When this was answered, UTC, `YYYYmmdd_HHMMSS`.
    timestamp: String,
    /// Since the image was taken.
    elapsed_sec: f64,
    /// Where the document was stored.
    s3_files: Stored,
    /// With `return_content`: the document as Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown_text: Option<String>,
    /// With `return_content`: the document with the place of every word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    json_data: Option<Box<RawValue>>,
    /// While it is not there yet: where to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_url: Option<String>,
}

/// Where a document was stored.
#[derive(Default, Serialize, ToSchema)]
pub struct Stored {
    /// `uploaded`, `skipped` (switched off, or not yet: see `error`) or `failed`.
    #[schema(value_type = String)]
    status: &'static str,
    /// The bucket, or the folder.
    bucket: Option<String>,
    s3_key_markdown: Option<String>,
    s3_key_json: Option<String>,
    error: Option<String>,
    /// `waiting`, `upload_failed`, `removed` or null.
    error_type: Option<String>,
}

impl Stored {
    fn of(image: &ImageDetail) -> Self {
        let (status, error, error_type) = match image.output {
            Some(OutputState::Stored) => ("uploaded", None, None),
            Some(OutputState::Failed) => (
                "failed",
                Some("the upload was given up; `P` in the dashboard or a restart tries it again"),
                Some("upload_failed"),
            ),
            Some(OutputState::Waiting) => ("skipped", Some("the document waits for its upload"), Some("waiting")),
            Some(OutputState::Removed) => ("skipped", Some("somebody removed it from the blob store"), Some("removed")),
            None if image.status.is_some_and(|status| !status.is_final()) => {
                ("skipped", Some("the image is not read yet"), Some("waiting"))
            }
            None => ("skipped", None, None),
        };
        let key = |ending: &str| image.key.as_ref().map(|key| format!("{key}.{ending}"));
        Self {
            status,
            bucket: image.place.clone(),
            s3_key_markdown: key("md"),
            s3_key_json: key("json"),
            error: error.map(str::to_owned),
            error_type: error_type.map(str::to_owned),
        }
    }
}

/// Reads an image and answers with its document; takes it longer than `api.wait`, with 202 and the task.
#[utoipa::path(
    post, path = "/ocr", operation_id = "read_image", tag = "ocr", request_body(content = inline(Form), content_type = "multipart/form-data"),
    responses(
        (status = 200, body = Answer),
        (status = 202, description = "It is not read yet; it will be", body = Answer),
        (status = 408, description = "The image did not come in in time", body = Problem),
        (status = 422, description = "The form cannot be read, or there is no reading this image: `code` says which", body = Problem),
    )
)]
pub async fn read(State(desk): State<Shared>, request: Request) -> Result<Response, Problem> {
    let began = Instant::now();
    let image = intake::take(&desk, request).await?;
    let (input_type, with_content) = (image.input_type, image.return_content);
    let task = submit(&desk, image).await?;
    let detail = wait(&desk, task, began + desk.settings.wait).await?;
    answer(&desk, &detail, input_type, began.elapsed(), with_content).await
}

/// A task that was taken.
#[derive(Serialize, ToSchema)]
pub struct Taken {
    /// Always `queued`.
    #[schema(value_type = String)]
    status: &'static str,
    task_id: i64,
    #[schema(value_type = String)]
    input_type: &'static str,
    status_url: String,
    result_url: String,
}

/// Takes an image and answers at once with a task to ask after.
#[utoipa::path(
    post, path = "/ocr/async", operation_id = "read_image_later", tag = "ocr", request_body(content = inline(Form), content_type = "multipart/form-data"),
    responses(
        (status = 202, body = Taken),
        (status = 408, description = "The image did not come in in time", body = Problem),
        (status = 422, description = "The form cannot be read: `code` says why", body = Problem),
    )
)]
pub async fn read_later(State(desk): State<Shared>, request: Request) -> Result<Response, Problem> {
    let image = intake::take(&desk, request).await?;
    let input_type = image.input_type;
    let task = submit(&desk, image).await?;
    let (status_url, result_url) = urls(task);
    let taken = Taken { status: "queued", task_id: task.0, input_type, status_url, result_url };
    Ok(accepted(taken, task))
}

/// How a task stands.
#[derive(Serialize, ToSchema)]
pub struct Standing {
    task_id: i64,
    /// `pending`, `retrying`, `success`, `failed` or `skipped` (cancelled).
    status: Option<Status>,
    /// Class of what went wrong last.
    error_class: Option<String>,
    /// In words.
    error: Option<String>,
    /// Times it was begun.
    attempts: i64,
    /// Epoch milliseconds.
    #[schema(value_type = i64)]
    created_at: Millis,
    #[schema(value_type = Option<i64>)]
    updated_at: Option<Millis>,
    s3_files: Stored,
    result_url: String,
}

/// How a task stands.
#[utoipa::path(
    get, path = "/ocr/status/{task_id}", operation_id = "task_status", tag = "ocr",
    params(("task_id" = i64, Path, minimum = 1, maximum = 9_223_372_036_854_775_807_isize)),
    responses((status = 200, body = Standing), (status = 404, description = "There is no such task", body = Problem))
)]
pub async fn status(State(desk): State<Shared>, Named(task): Named<i64>) -> Result<Reply<Standing>, Problem> {
    let image = found(&desk, ImageId(task)).await?;
    let error = image.error.as_deref().map(|error| Safe::line(error).to_string());
    Ok(ok(Standing {
        task_id: task,
        status: image.status,
        error_class: image.error_class.clone(),
        error,
        attempts: image.attempts,
        created_at: image.created_at,
        updated_at: image.updated_at,
        s3_files: Stored::of(&image),
        result_url: urls(image.id).1,
    }))
}

/// What came of a task, with its content.
#[utoipa::path(
    get, path = "/ocr/result/{task_id}", operation_id = "task_result", tag = "ocr",
    params(("task_id" = i64, Path, minimum = 1, maximum = 9_223_372_036_854_775_807_isize)),
    responses(
        (status = 200, body = Answer),
        (status = 202, description = "It is not read yet", body = Answer),
        (status = 404, description = "There is no such task", body = Problem),
        (status = 422, description = "There is no reading this image: `code` says why", body = Problem),
    )
)]
pub async fn result(State(desk): State<Shared>, Named(task): Named<i64>) -> Result<Response, Problem> {
    let image = found(&desk, ImageId(task)).await?;
    let took = image.read_at.or(image.updated_at).unwrap_or(image.created_at) - image.created_at;
    let took = Duration::from_millis(u64::try_from(took).unwrap_or(0));
    answer(&desk, &image, "stored", took, true).await
}

async fn found(desk: &Desk, id: ImageId) -> Result<ImageDetail, Problem> {
    let image = desk.ops.image(id).await?;
    image.ok_or_else(|| Problem::not_found("no_such_task", &format!("there is no task {id}")))
}

/// Keeps the image and makes a job of it.
async fn submit(desk: &Desk, image: Image) -> Result<ImageId, Problem> {
    let path = desk.inbox.keep(&desk.ops, &image.name, image.bytes).await?;
    let taken = desk.ops.submit(&[path]).await?;
    match taken.files.into_iter().next().map(|file| file.came) {
        Some(Ok((id, _))) => Ok(id),
        Some(Err(fault)) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_image", &fault.to_string())),
        None => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the image was kept and not found again")),
    }
}

/// Waits until the image has been read and its document stored, or for as long as there is time, or for a stop.
async fn wait(desk: &Desk, id: ImageId, until: Instant) -> Result<ImageDetail, Problem> {
    let (mut pause, longest) = LOOKS;
    let mut stopping = desk.stopping.clone();
    let mut patience = until;
    loop {
        let image = found(desk, id).await?;
        let read = image.status.is_none_or(Status::is_final);
        if read && image.output != Some(OutputState::Waiting) {
            return Ok(image);
        }
        if read && patience == until {
            patience = until.min(Instant::now() + UPLOAD);
        }
        if Instant::now() >= patience || *stopping.borrow() {
            return Ok(image);
        }
        tokio::select! {
            () = tokio::time::sleep(pause.min(patience - Instant::now())) => {}
            _ = stopping.changed() => {}
        }
        pause = (pause * 3 / 2).min(longest);
    }
}

async fn answer(
    desk: &Desk,
    image: &ImageDetail,
    input_type: &'static str,
    took: Duration,
    with_content: bool,
) -> Result<Response, Problem> {
    let mut outcome = Answer {
        status: "processing",
        task_id: image.id.0,
        input_type,
        local_files: Vec::new(),
        timestamp: jiff::Timestamp::now().strftime("%Y%m%d_%H%M%S").to_string(),
        elapsed_sec: (took.as_secs_f64() * 1000.0).round() / 1000.0,
        s3_files: Stored::of(image),
        markdown_text: None,
        json_data: None,
        status_url: None,
        result_url: None,
    };
    match image.status {
        Some(Status::Success) => {
            outcome.status = "success";
            if with_content {
                let document = desk.ops.document(image.id).await?;
                let document = document.ok_or_else(|| Problem::not_found("no_such_task", "the document is gone"))?;
                outcome.markdown_text = Some(document.markdown);
                outcome.json_data = RawValue::from_string(document.json).ok();
            }
            Ok(ok(outcome).into_response())
        }
        Some(Status::Failed | Status::Skipped) | None => {
            let class = image.error_class.clone().unwrap_or_else(|| "not_read".to_owned());
            let told = image.error.clone().unwrap_or_else(|| "nobody was asked to read it".to_owned());
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, class, &told))
        }
        Some(Status::Pending | Status::Retrying) => {
            let (status_url, result_url) = urls(image.id);
            (outcome.status_url, outcome.result_url) = (Some(status_url), Some(result_url));
            Ok(accepted(outcome, image.id))
        }
    }
}

fn accepted<T: Serialize>(body: T, task: ImageId) -> Response {
    let mut response = Reply(StatusCode::ACCEPTED, body).into_response();
    if let Ok(place) = HeaderValue::from_str(&urls(task).1) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn urls(task: ImageId) -> (String, String) {
    (format!("/ocr/status/{task}"), format!("/ocr/result/{task}"))
}
