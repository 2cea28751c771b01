//! Routes of stored documents: which there are, and one rendering of one of them.
//! They lie in the blob store; nothing else of it is shown.
#![allow(unused_qualifications, reason = "what `utoipa` makes of the descriptions")]

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::reply::{Asked, Named, Problem, Reply, ok};
use crate::domain::{Millis, Output, OutputState};
use crate::ops::outputs::{Outputs, OutputsError};
use crate::text::Safe;

/// Documents of a page: when nothing is said, and at most.
const PAGE: (u32, u32) = (100, 1000);

/// In what form a document is wanted.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rendering {
    /// For people.
    Markdown,
    /// With the place of every word.
    Json,
}

impl Rendering {
    const ALL: [Self; 2] = [Self::Markdown, Self::Json];

    const fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Json => "json",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }

    const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Json => "application/json",
        })
    }
}

/// Which documents.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// `next` of the page before.
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_isize)]
    after: Option<i64>,
    /// Documents of a page, two files each [default: 100].
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// One rendering of a document.
#[derive(Serialize, ToSchema)]
pub struct File {
    r#type: Rendering,
    name: String,
    /// In the blob store.
    key: String,
    /// Where to get it.
    url: String,
    /// Name of the image it was read from.
    source: String,
    /// `stored`, `waiting` or `failed` on the way there, or `removed` by somebody.
    state: OutputState,
    /// Epoch milliseconds.
    #[schema(value_type = Option<i64>)]
    stored_at: Option<Millis>,
}

/// A page of files.
#[derive(Serialize, ToSchema)]
pub struct Files {
    /// Where they lie.
    #[schema(value_type = String)]
    place: Safe,
    /// In the order in which they were read.
    #[allow(clippy::struct_field_names, reason = "the key of the old service")]
    files: Vec<File>,
    /// Where the list goes on, as `after` of the next request; `null`: it ends here.
    next: Option<i64>,
}

/// Stored documents.
#[utoipa::path(
    get, path = "/files", operation_id = "list_files", tag = "files", params(Listing), responses((status = 200, body = Files))
)]
pub async fn list(State(desk): State<Shared>, Asked(asked): Asked<Listing>) -> Result<Reply<Files>, Problem> {
    let limit = match asked.limit.unwrap_or(PAGE.0) {
        limit if (1..=PAGE.1).contains(&limit) => limit,
        _ => return Err(Problem::unreadable(&format!("`limit` is a whole number from 1 to {}", PAGE.1))),
    };
    if asked.after.is_some_and(|after| after < 0) {
        return Err(Problem::unreadable("`after` is the `next` of the page before"));
    }
    let outputs = Outputs::of(&desk.ops)?;
    let known = outputs.known(asked.after.unwrap_or(0), limit).await?;
    let next = if known.len() == limit as usize { known.last().map(|output| output.id) } else { None };
    let files = known.iter().flat_map(|output| Rendering::ALL.map(|rendering| file(output, rendering))).collect();
    Ok(ok(Files { place: outputs.place(), files, next }))
}

fn file(output: &Output, rendering: Rendering) -> File {
    let key = format!("{}.{}", output.key, rendering.ending());
    let name = key.rsplit('/').next().unwrap_or_default().to_owned();
    let hash = match rendering {
        Rendering::Markdown => &output.md_sha256,
        Rendering::Json => &output.json_sha256,
    };
    let removed = output.state == OutputState::Stored && hash.is_none();
    let mut url = url::Url::parse("http://here/files").ok();
    if let Some(mut parts) = url.as_mut().and_then(|url| url.path_segments_mut().ok()) {
        parts.push(rendering.word()).push(&name);
    }
    File {
        r#type: rendering,
        url: url.map(|url| url.path().to_owned()).unwrap_or_default(),
        name,
        key,
        source: output.source.clone(),
        state: if removed { OutputState::Removed } else { output.state },
        stored_at: output.stored_at,
    }
}

/// One file.
#[utoipa::path(
    get, path = "/files/{type}/{name}", operation_id = "file", tag = "files",
    params(
        ("type" = Rendering, Path, description = "markdown or json"),
        ("name" = String, Path, description = "As listed; it ends in .md or .json")
    ),
    responses(
        (status = 200, description = "The document", content((String = "text/markdown"), (Object = "application/json"))),
        (status = 404, description = "There is no such file", body = Problem),
    )
)]
pub async fn one(State(desk): State<Shared>, Named((rendering, name)): Named<(Rendering, String)>) -> Result<Response, Problem> {
    let missing = || Problem::not_found("no_such_file", "there is no such file; /files lists them");
    if name.rsplit('.').next() != Some(rendering.ending()) {
        return Err(missing());
    }
    let outputs = Outputs::of(&desk.ops)?;
    let output = outputs.named(&name).await?.ok_or_else(missing)?;
    let content = outputs.get(&format!("{}.{}", output.key, rendering.ending())).await?;
    Ok(([(header::CONTENT_TYPE, rendering.content_type())], content).into_response())
}

impl From<OutputsError> for Problem {
    fn from(error: OutputsError) -> Self {
        if error.is_missing() {
            return Self::not_found("no_such_file", "the document is not in the blob store, or not yet");
        }
        match error {
            OutputsError::Store(error) => crate::ops::OpsError::from(error).into(),
            other => {
                tracing::warn!(error = %Safe::line(&other.to_string()), "a stored document could not be had");
                let told = "the blob store does not give it at the moment; the log of this server says why";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "storage", told).again_after(5)
            }
        }
    }
}
