//! The check of the OCR service, where images go to it.
//! It submits nothing: `/health` says whether it could.

use super::clock::Clock;
use super::{Check, PATIENCE, State};
use crate::config::{Config, OcrEngine};
use crate::ocr::service::{self, Health};

pub(super) async fn checks(config: &Config, offline: bool, clock: &Clock) -> Vec<Check> {
    const NAME: &str = "OCR service";
    if config.ocr.engine != OcrEngine::Service || !config.ocr.enabled || offline {
        return Vec::new();
    }
    let spare = if config.ocr.service.fallback { State::Warn } else { State::Fail };
    let Health { shown, date, said } = match service::health(&config.ocr.service, PATIENCE).await {
        Ok(health) => health,
        Err(why) => {
            let remedy = "start it, or correct ocr.service.url; until then images are read as ocr.service.fallback says";
            return vec![Check::new(NAME, spare, &why, Some(remedy))];
        }
    };
    clock.date("the OCR service", date.as_deref());
    let bucket = if config.blob.bucket.is_some() { "" } else { "; no blob.bucket to look for results in after a 502" };
    let saw = format!("{shown}: {said}{bucket}");
    vec![if said.starts_with("healthy") && bucket.is_empty() {
        Check::ok(NAME, &saw)
    } else if said.starts_with("healthy") {
        Check::new(NAME, State::Warn, &saw, Some("set blob.bucket to the bucket that the service writes to"))
    } else {
        Check::new(NAME, State::Warn, &saw, Some("wait until it has started, or see its own log"))
    }]
}
