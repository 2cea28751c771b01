//! `GET /health` of the service.
//! It submits nothing.

use std::time::Duration;

use serde_json::Value;

use crate::config::OcrService;
use crate::ocr::remote::{below, client, host, quoted, words};
use crate::text::Safe;

/// What it says of itself.
#[derive(Clone, Debug)]
pub struct Health {
    /// Host and port.
    pub shown: Safe,
    /// Its `Date`.
    pub date: Option<String>,
    /// `healthy`, `starting`, or other words of its own, and what else it told.
    pub said: Safe,
}

/// Asks it; the error is why it did not answer.
pub async fn health(settings: &OcrService, patience: Duration) -> Result<Health, String> {
    let address = settings.url.as_deref().unwrap_or_default();
    let url = below(address, "health").map_err(|error| error.to_string())?;
    let key = settings.key.as_ref().map(|key| key.expose().to_owned());
    let headers: Vec<(&str, &str)> = key.iter().map(|key| ("x-api-key", key.as_str())).collect();
    let shown = host(&url);
    let client = client(&url, &headers).map_err(|error| error.to_string())?;
    let failed = |error: &reqwest::Error| {
        let why =
            if error.is_timeout() { format!("no answer within {} s", patience.as_secs()) } else { words(error).to_string() };
        format!("{shown} does not answer: {why}")
    };
    let response = client.get(url).timeout(patience).send().await.map_err(|error| failed(&error))?;
    let status = response.status().as_u16();
    let date = response.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
    let body = super::reply::body(response).await.unwrap_or_default();
    if status != 200 {
        return Err(format!("{shown} answers HTTP {status} at /health"));
    }
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("unknown");
    let said = format!("{}, PaddleOCR {}, S3 {}", text("status"), text("paddleocr"), text("s3_storage"));
    Ok(Health { shown, date, said: quoted(&said, &key.into_iter().collect::<Vec<_>>()) })
}
