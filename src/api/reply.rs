//! What is answered: JSON in which nothing acts on a terminal, errors with a stable code, and requests that cannot be read.
//! It knows no route.

use std::borrow::Cow;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};

use crate::ops::OpsError;
use crate::text::{Safe, json_line};

/// A body with its status.
pub struct Reply<T>(pub StatusCode, pub T);

/// 200 with this body.
pub fn ok<T>(body: T) -> Reply<T> {
    Reply(StatusCode::OK, body)
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match json_line(&self.1) {
            Ok(text) => (self.0, json_text(text)).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Text that is JSON already.
pub fn json_text(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text)
}

/// Why a request was not done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// A word for programs; it stays the same from version to version.
    #[schema(value_type = String, example = "no_such_user")]
    code: Cow<'static, str>,
    /// A sentence for people.
    #[schema(value_type = String)]
    detail: Safe,
    /// Seconds after which the same may be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Problem {
    /// With a code that stays.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: &str) -> Self {
        Self { status, code: code.into(), detail: Safe::line(detail).clipped(500), retry_after: None }
    }

    /// The same may be tried again after so many seconds.
    pub fn again_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    /// 404
    pub fn not_found(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 422
    pub fn unreadable(detail: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, again) = (self.status, self.retry_after);
        let mut response = Reply(status, self).into_response();
        if let Some(seconds) = again {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<OpsError> for Problem {
    fn from(error: OpsError) -> Self {
        let words = error.to_string();
        match error {
            OpsError::NoPost(_) => Self::not_found("no_such_post", &words),
            OpsError::NoText(_) => Self::new(StatusCode::CONFLICT, "no_text", &words),
            OpsError::NoModel { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no_such_model", &words),
            OpsError::ReadOnly => Self::new(StatusCode::FORBIDDEN, "read_only", &words),
            OpsError::TaggingOff => Self::new(StatusCode::SERVICE_UNAVAILABLE, "tagging_off", &words),
            OpsError::Store(cause) if cause.is_transient() => {
                tracing::warn!(error = %Safe::line(&words), "the database did not answer a request");
                let told = "the database does not answer at the moment; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_busy", told).again_after(2)
            }
            OpsError::Submit(_) | OpsError::Input(_) => {
                tracing::error!(error = %Safe::line(&words), "an image could not be taken");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "disk",
                    "the image could not be taken; the log of this server says why",
                )
            }
            OpsError::Store(_) => {
                // What a database says may name hosts and tables: for the log, not for whoever asks.
                tracing::error!(error = %Safe::line(&words), "the database refused a request");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "database",
                    "the database refused it; the log of this server says why",
                )
            }
        }
    }
}

/// For paths that nobody answers.
pub async fn no_such_route() -> Problem {
    Problem::not_found("no_such_route", "there is nothing here; /openapi.json lists what there is")
}

/// For everything, until it is known what is answered.
pub async fn starting() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "tagdeck is starting").again_after(1)
}

/// For known paths asked in another way.
pub async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path is asked with another method; see the header Allow",
    )
}

/// Parts of the path.
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(value) =
            Path::from_request_parts(parts, state).await.map_err(|rejection| Problem::unreadable(&rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// What stands behind the `?`.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(value) =
            Query::from_request_parts(parts, state).await.map_err(|rejection| Problem::unreadable(&rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// As the services before took it, whose clients are Python's: `True` and `1` as well.
pub fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// What [`flag`] takes, as a schema.
pub fn flags() -> Schema {
    words(&["True", "False", "1", "0", "yes", "no", "on", "off"])
}

/// The same of a form, whose field may be left empty.
pub fn form_flags() -> Schema {
    words(&["True", "False", "1", "0", "yes", "no", "on", "off", ""])
}

fn words(words: &[&str]) -> Schema {
    let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied()));
    Schema::AnyOf(AnyOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::Boolean)).item(words).build())
}
