//! The image of a request: a file of a form, text in base64, or an address to fetch it from; exactly one of them.
//! It keeps nothing and reads no image.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Desk;
use super::gate::too_large;
use super::reply::{Problem, flag, form_flags};
use crate::ops::{FetchError, fetch};

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
/// Longest address.
const URL: usize = 2048;

/// The form of `POST /ocr`: one source of an image, and whether the content is wanted in the answer.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes the form, which is read field by field")]
pub enum Form {
    /// A file of the form.
    File {
        /// PNG, JPEG, WebP, TIFF, BMP or GIF.
        #[schema(value_type = String, format = Binary)]
        file: Vec<u8>,
        /// true: the answer holds `markdown_text` and `json_data`.
        #[schema(schema_with = form_flags, required = false)]
        return_content: Option<bool>,
    },
    /// Text.
    Base64 {
        /// With or without `data:…;base64,` before it.
        #[schema(format = Byte, min_length = 2)]
        image_base64: String,
        /// As above.
        #[schema(schema_with = form_flags, required = false)]
        return_content: Option<bool>,
    },
    /// An address to fetch the image from, where the settings allow it (`api.image_url`).
    Url {
        /// Of a public address, not redirected.
        #[schema(format = "uri")]
        image_url: String,
        /// As above.
        #[schema(schema_with = form_flags, required = false)]
        return_content: Option<bool>,
    },
}

/// An image that came.
pub struct Image {
    /// `file`, `image_url` or `image_base64`.
    pub input_type: &'static str,
    /// As it was named; foreign.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether the content of the document is wanted.
    pub return_content: bool,
}

enum Source {
    File(String, Vec<u8>),
    Url(String),
    Base64(String),
}

/// Reads the form; at most `timeout` long, for a client that sends a byte a second.
pub async fn take(desk: &Desk, request: Request) -> Result<Image, Problem> {
    let late = || Problem::new(StatusCode::REQUEST_TIMEOUT, "upload_timeout", "the image did not come in in time (api.timeout)");
    let reading = async {
        // Few at once: each lies in memory.
        let _place = desk.uploads.acquire().await.map_err(|_| late())?;
        read(desk, request).await
    };
    tokio::time::timeout(desk.settings.timeout, reading).await.map_err(|_| late())?
}

async fn read(desk: &Desk, request: Request) -> Result<Image, Problem> {
    let most = desk.settings.upload_mb * 1024 * 1024;
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::unreadable("the body is a form: multipart/form-data with file, image_url or image_base64"))?;
    let (mut sources, mut return_content) = (Vec::new(), false);
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error, most))? {
        let source = match field.name() {
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                Source::File(name, bytes(field, most).await?)
            }
            Some("image_url") => Source::Url(short(field, URL).await?),
            Some("image_base64") => Source::Base64(text(field, most / 3 * 4 + 1024).await?),
            Some("return_content") => {
                let told = short(field, 16).await?;
                let wrong = || Problem::unreadable("return_content is true or false");
                return_content = !told.is_empty() && flag(&told).ok_or_else(wrong)?;
                continue;
            }
            _ => return Err(Problem::unreadable("the fields of the form are file, image_url, image_base64 and return_content")),
        };
        // Clients send every field they know, empty ones too.
        let is_empty = match &source {
            Source::File(name, bytes) => bytes.is_empty() && name.is_empty(),
            Source::Url(text) | Source::Base64(text) => text.trim().is_empty(),
        };
        if !is_empty {
            sources.push(source);
        }
    }
    let one: Result<[Source; 1], _> = sources.try_into();
    let Ok([source]) = one else {
        return Err(Problem::unreadable("exactly one of file, image_url and image_base64 is needed"));
    };
    let (input_type, name, bytes) = match source {
        Source::File(name, bytes) => ("file", name, bytes),
        Source::Base64(text) => ("image_base64", String::new(), decoded(&text, most)?),
        Source::Url(url) if desk.settings.image_url => {
            let name = url.split(['?', '#']).next().unwrap_or_default().to_owned();
            ("image_url", name, fetch(url.trim(), most).await?)
        }
        Source::Url(_) => {
            let told = "image_url is switched off here; send the file, or set image_url = true under [api]";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "image_url_off", told));
        }
    };
    if bytes.is_empty() {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "empty_image", "the image has no bytes"));
    }
    Ok(Image { input_type, name, bytes, return_content })
}

async fn bytes(mut field: Field<'_>, most: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error, most))? {
        if (bytes.len() + chunk.len()) as u64 > most {
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A field in which much is a mistake, not an image that is too large.
async fn short(mut field: Field<'_>, most: usize) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error, most as u64))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > most {
            return Err(Problem::unreadable(&format!("a field of the form is longer than {most} bytes")));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::unreadable("a field of the form is not text"))
}

async fn text(field: Field<'_>, most: u64) -> Result<String, Problem> {
    let bytes = bytes(field, most).await?;
    String::from_utf8(bytes).map_err(|_| Problem::unreadable("a field of the form is not text"))
}

fn broken(error: &MultipartError, most: u64) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { too_large(most) } else { Problem::unreadable(&error.body_text()) }
}

fn decoded(text: &str, most: u64) -> Result<Vec<u8>, Problem> {
    let data = match text.trim_start().strip_prefix("data:") {
        Some(rest) => rest.split_once(',').map_or("", |(_, data)| data),
        None => text,
    };
    let compact: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = BASE64
        .decode(compact)
        .map_err(|_| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_base64", "image_base64 is not base64"))?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        let code = match error {
            FetchError::Address => "bad_url",
            FetchError::Private { .. } => "private_url",
            FetchError::Unreachable { .. } | FetchError::Status { .. } => "url_failed",
            FetchError::TooLarge { most } => return too_large(most),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, &error.to_string())
    }
}
