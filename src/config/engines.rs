//! The engines that read images, and the settings of those behind HTTP.
//! How values are read and judged is in `file`.

use std::time::Duration;

use super::Secret;

/// What reads images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OcrEngine {
    /// The models of this program.
    #[default]
    Local,
    /// The PaddleOCR-VL HTTP service.
    Service,
    /// A vision model behind the OpenAI chat protocol.
    Vlm,
}

impl OcrEngine {
    /// What `ocr.engine` may say.
    pub const ALL: [Self; 3] = [Self::Local, Self::Service, Self::Vlm];

    /// As written in the settings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Service => "service",
            Self::Vlm => "vlm",
        }
    }

    /// What it lacks to be used, as the rest of a sentence.
    pub fn lacks(self, service: &OcrService, vlm: &OcrVlm) -> Option<&'static str> {
        match self {
            Self::Service if service.url.is_none() => {
                Some("needs ocr.service.url (or OCR_SERVICE_URL), the address of the service")
            }
            Self::Vlm if vlm.model.is_empty() => Some("needs ocr.vlm.model, a vision model of ocr.vlm.provider"),
            Self::Local | Self::Service | Self::Vlm => None,
        }
    }
}

/// The PaddleOCR-VL service.
#[derive(Clone, Debug, PartialEq)]
pub struct OcrService {
    /// Address below which `/ocr` and `/health` are, such as `http://127.0.0.1:8000`.
    pub url: Option<String>,
    /// Sent as `x-api-key`.
    pub key: Option<Secret>,
    /// Longest time from the submission to a result, wherever it turns up.
    pub deadline: Duration,
    /// Between two looks into the bucket.
    pub poll: Duration,
    /// The local engine reads what the service did not.
    pub fallback: bool,
}

impl Default for OcrService {
    fn default() -> Self {
        Self { url: None, key: None, deadline: Duration::from_mins(10), poll: Duration::from_secs(5), fallback: true }
    }
}

/// A vision model that reads images.
#[derive(Clone, Debug, PartialEq)]
pub struct OcrVlm {
    /// Name of one of the providers.
    pub provider: String,
    /// The provider's id of the model.
    pub model: String,
    /// `max_tokens` of the answer on one page.
    pub max_tokens: u32,
    /// Time for one page.
    pub timeout: Duration,
    /// Longest side of the picture that is sent, pixels.
    pub max_side: u32,
    /// The local engine reads what the model did not.
    pub fallback: bool,
}

impl Default for OcrVlm {
    fn default() -> Self {
        Self {
            provider: String::new(),
            model: String::new(),
            max_tokens: 8192,
            timeout: Duration::from_mins(3),
            max_side: 2048,
            fallback: true,
        }
    }
}
