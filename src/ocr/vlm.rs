//! A vision model behind the OpenAI chat protocol as an OCR engine: a page's picture out, its Markdown back, as blocks.
//! It asks once a page and nothing twice; an answer that begins to repeat itself is ended at once.

mod picture;
mod request;
mod stream;
pub(super) mod turns;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::document::{Block, EngineLabel, PageSize};
use super::image::Limits;
use super::pipeline::Watch;
use super::remote::{Account, Before, Callee, Came, End, Image, below, client, host, quoted, seconds, unless_stopped, words};
use super::{Document, OcrError, Stage, marked};
use crate::config::{OcrVlm, Provider};
use crate::text::{Safe, counted, grouped};
use picture::Picture;
use stream::{Answer, Finish};

/// How long ago a call without an answer is worth a word.
const REMEMBERED: Duration = Duration::from_hours(1);

/// See the module.
pub struct Vlm {
    client: reqwest::Client,
    chat: Url,
    shown: Safe,
    secrets: Vec<String>,
    settings: OcrVlm,
    limits: Limits,
    openrouter: bool,
}

/// The pages read so far.
#[derive(Default)]
struct Draft {
    sizes: Vec<PageSize>,
    blocks: Vec<Block>,
    warnings: Vec<Safe>,
}

impl Vlm {
    /// As the settings say; nothing is connected yet. `provider` is the one that they name.
    pub fn new(settings: &OcrVlm, provider: &Provider, limits: Limits) -> Result<Self, OcrError> {
        let chat = below(&provider.base_url, "chat/completions")?;
        let bearer = provider.key.as_ref().map(|key| format!("Bearer {}", key.expose()));
        let mut headers: Vec<(&str, &str)> =
            provider.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let host_name = chat.host_str().unwrap_or_default();
        Ok(Self {
            client: client(&chat, &headers)?,
            shown: Safe::line(&format!("{} of {} ({})", settings.model, provider.name, host(&chat))),
            openrouter: host_name == "openrouter.ai" || host_name.ends_with(".openrouter.ai"),
            secrets: provider.key.iter().chain(provider.headers.values()).map(|secret| secret.expose().to_owned()).collect(),
            settings: settings.clone(),
            limits,
            chat,
        })
    }

    /// Reads one image, a call a page. Returns as soon as the watch wants an end, which ends the call in flight.
    pub async fn read(&self, image: Image<'_>, account: &dyn Account, watch: &dyn Watch) -> Result<Document, OcrError> {
        unless_stopped(watch, self.run(image, account, watch)).await?
    }

    async fn run(&self, image: Image<'_>, account: &dyn Account, watch: &dyn Watch) -> Result<Document, OcrError> {
        let began = Instant::now();
        if let Some(Before { age, came: Came::Lost }) = account.before(&self.callee(), REMEMBERED).await {
            let told =
                format!("was sent {} ago and its answer lost (a crash, a stop, the network): it is sent again", seconds(age));
            note(watch, &format!("{told}, which may be charged a second time"));
        }
        let mut draft = Draft::default();
        let mut number = 1;
        loop {
            let (bytes, limits, side) = (image.bytes.clone(), self.limits, self.settings.max_side);
            let painted = tokio::task::spawn_blocking(move || picture::page(&bytes, number, &limits, side)).await;
            let Some(picture) = painted.map_err(|_| OcrError::Cancelled)?? else { break };
            let answer = self.ask(&picture, account, watch).await?;
            self.add(&mut draft, &picture, &answer)?;
            if number >= picture.pages {
                break;
            }
            number += 1;
        }
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Document {
            schema: 1,
            source: Safe::line(image.source),
            page: draft.sizes.first().copied().unwrap_or_default(),
            pages: if draft.sizes.len() > 1 { draft.sizes } else { Vec::new() },
            blocks: draft.blocks,
            engine: EngineLabel { provider: "vlm", reason: self.shown.clone(), models: BTreeMap::new() },
            timings_ms: [("total", milliseconds)].into(),
            warnings: draft.warnings,
        })
    }

    fn add(&self, draft: &mut Draft, picture: &Picture, answer: &Answer) -> Result<(), OcrError> {
        let several = picture.pages > 1;
        let at = if several { format!("page {}: ", picture.number) } else { String::new() };
        if draft.warnings.is_empty() {
            let told = "read by a vision model, which may leave out or make up text; it gives no places and no confidences, all of them are 0";
            draft.warnings.push(Safe::fixed(told));
        }
        draft.warnings.extend(picture.warnings.iter().cloned());
        match answer.finish {
            Finish::Whole => {}
            // Half a page is kept only where nobody else would read it whole.
            Finish::Repeats | Finish::Length if self.settings.fallback => {
                return Err(self.failed(&format!("{at}{}", self.why(answer.finish))));
            }
            Finish::Repeats | Finish::Length => {
                let told = format!("{at}{}; what came before is kept, the rest of the page is missing", self.why(answer.finish));
                draft.warnings.push(Safe::line(&told));
            }
        }
        let read = marked::blocks(unfenced(&answer.text));
        let page = several.then_some(picture.number);
        draft.blocks.extend(read.blocks.into_iter().map(|block| Block { page, ..block }));
        draft.sizes.push(picture.size);
        Ok(())
    }

    fn why(&self, finish: Finish) -> String {
        match finish {
            Finish::Whole => String::new(),
            Finish::Repeats => "the model began to repeat itself and was ended".to_owned(),
            Finish::Length => format!("the answer was cut at ocr.vlm.max_tokens = {}", self.settings.max_tokens),
        }
    }

    /// One call, written down before and after.
    async fn ask(&self, picture: &Picture, account: &dyn Account, watch: &dyn Watch) -> Result<Answer, OcrError> {
        watch.stage(Stage::Submit, picture.number, picture.pages);
        let ticket = account.sent(&self.callee()).await.map_err(OcrError::Engine)?;
        let kilobytes = grouped(picture.jpeg.len().div_ceil(1024) as i64);
        note(
            watch,
            &format!(
                "page {} of {} is sent to {} ({kilobytes} KB), which may cost money",
                picture.number, picture.pages, self.shown
            ),
        );
        let began = Instant::now();
        watch.stage(Stage::Await, picture.number, picture.pages);
        let (answer, status) = self.post(picture).await;
        let mut end = End { status, elapsed: began.elapsed(), ..End::default() };
        match &answer {
            Ok(answer) => {
                end.came = Came::Answer;
                (end.prompt_tokens, end.completion_tokens, end.cost_micros) = answer.usage;
            }
            Err(Failed { lost, error }) => {
                end.came = if *lost { Came::Lost } else { Came::Refusal };
                end.reason = Some(Safe::line(&error.to_string()));
            }
        }
        account.ended(ticket, &end).await;
        let answer = answer.map_err(|failed| failed.error)?;
        note(watch, &told(&answer, end.elapsed));
        Ok(answer)
    }

    async fn post(&self, picture: &Picture) -> (Result<Answer, Failed>, Option<u16>) {
        let body = request::json(&self.settings, picture, self.openrouter);
        let sent = self.client.post(self.chat.clone()).timeout(self.settings.timeout).json(&body).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return (
                    Err(Failed::new(false, OcrError::Engine(self.said(&format!("not reachable: {}", words(&error)))))),
                    None,
                );
            }
            Err(error) => return (Err(self.lost(&error)), None),
        };
        let status = response.status().as_u16();
        (self.answer(response, status).await, Some(status))
    }

    async fn answer(&self, response: reqwest::Response, status: u16) -> Result<Answer, Failed> {
        if !(200..=299).contains(&status) {
            let body = stream::short(response).await;
            let told = format!("HTTP {status}: {}", quoted(&stream::error_words(&body), &self.secrets));
            let told = self.said(&told);
            return Err(Failed::new(
                false,
                match status {
                    401..=404 => OcrError::Engine(told),
                    400 | 413 | 422 => OcrError::Image(told),
                    _ => OcrError::Remote(told),
                },
            ));
        }
        match stream::read(response).await {
            Ok(answer) if answer.text.trim().is_empty() => Err(Failed::new(false, self.failed("an empty answer"))),
            Ok(answer) => Ok(answer),
            Err(stream::Broken::Transport(error)) => Err(self.lost(&error)),
            Err(stream::Broken::Said(words)) => Err(Failed::new(false, self.failed(&quoted(&words, &self.secrets)))),
        }
    }

    fn lost(&self, error: &reqwest::Error) -> Failed {
        let why = if error.is_timeout() {
            format!("no whole answer within {}", seconds(self.settings.timeout))
        } else {
            format!("the answer was cut off ({})", words(error))
        };
        Failed::new(true, self.failed(&why))
    }

    /// Whom its calls go to.
    fn callee(&self) -> Callee {
        Callee { provider: self.settings.provider.clone(), model: self.settings.model.clone() }
    }

    fn said(&self, why: &str) -> Safe {
        Safe::line(&format!("{}: {why}", self.shown)).clipped(500)
    }

    fn failed(&self, why: &str) -> OcrError {
        OcrError::Remote(self.said(why))
    }
}

struct Failed {
    /// The model may have worked for it.
    lost: bool,
    error: OcrError,
}

impl Failed {
    const fn new(lost: bool, error: OcrError) -> Self {
        Self { lost, error }
    }
}

fn told(answer: &Answer, took: Duration) -> String {
    let (_, tokens, cost) = answer.usage;
    let tokens = tokens.map(|tokens| format!(", {}", counted(tokens, "token", "tokens"))).unwrap_or_default();
    let cost = cost.map(|micros| format!(", ${:.4}", micros as f64 / 1e6)).unwrap_or_default();
    format!("answered in {}{tokens}{cost}", seconds(took))
}

/// Some put all of it into a code fence, whatever they were told; and a dash stands for an empty page.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    if text == "-" {
        return "";
    }
    let inside = text.strip_prefix("```").and_then(|rest| {
        let (language, body) = rest.split_once('\n')?;
        let body = body.trim_end().strip_suffix("```").unwrap_or(body);
        (matches!(language.trim(), "" | "markdown" | "md" | "html") && !body.contains("```")).then_some(body)
    });
    inside.unwrap_or(text)
}

fn note(watch: &dyn Watch, text: &str) {
    watch.note(&Safe::line(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_around_all_of_it_goes_and_a_dash_is_an_empty_page() {
        assert_eq!(unfenced("```markdown\n# A\n```\n"), "# A\n");
        assert_eq!(unfenced("```rust\nfn\n```"), "```rust\nfn\n```");
        assert_eq!(unfenced(" - "), "");
        assert_eq!(unfenced("- a\n- b"), "- a\n- b");
    }
}
