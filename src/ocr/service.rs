//! The client of the PaddleOCR-VL service: one image submitted once, its result taken from the answer or from the bucket.
//! It reads nothing on this machine, and what follows when there is no result is the caller's.
//!
//! ```text
//! look into the bucket ──there──> take it
//!   └─ submit ──200──> take it          502, 504, timeout, cut ──> look every few seconds until the deadline ──> take it
//!        └─ 503, 429: wait, submit again         4xx, 500: an error
//! ```

mod document;
mod health;
mod lookout;
mod reply;

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use tokio::time::Instant;
use url::Url;

use super::pipeline::Watch;
use super::remote::{
    Account, Before, Callee, Came, Closed, End, Image, Shelf, Ticket, below, client, host, seconds, unless_stopped, words,
};
use super::{Document, OcrError, Stage};
use crate::config::OcrService;
use crate::text::Safe;
pub use health::{Health, health};
pub use lookout::upload_name;
use lookout::{Keys, Lookout, Sought};
use reply::{Answer, Result as Content};

/// The provider of its calls where they are written down; no provider of the settings can have this name.
pub const PROVIDER: &str = "ocr.service";
/// The model of its calls.
pub const MODEL: &str = "paddleocr-vl";
/// Looks into the bucket are made beside a request that has been silent for so many polls: some gateways just let it hang.
const SILENT_POLLS: u32 = 6;
/// Longest first look into the bucket, before anything is submitted.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Tries to fetch a result that lies there.
const FETCHES: u32 = 3;
/// Waits before an image is submitted again to a service that is busy or starting; the last one repeats.
const BUSY: [u32; 4] = [1, 2, 4, 6];

/// See the module.
pub struct Service {
    client: reqwest::Client,
    submit: Url,
    shown: Safe,
    secrets: Vec<String>,
    deadline: Duration,
    poll: Duration,
    lookout: Lookout,
}

/// One image on its way.
struct Errand<'a> {
    image: Image<'a>,
    sought: Sought,
    until: Instant,
    shelf: Option<&'a dyn Shelf>,
    account: &'a dyn Account,
    watch: &'a dyn Watch,
}

impl Service {
    /// As the settings say; nothing is connected yet.
    pub fn new(settings: &OcrService) -> Result<Self, OcrError> {
        let address = settings.url.as_deref().unwrap_or_default();
        let submit = below(address, "ocr")?;
        let key = settings.key.as_ref().map(|key| key.expose().to_owned());
        let headers: Vec<(&str, &str)> = key.iter().map(|key| ("x-api-key", key.as_str())).collect();
        Ok(Self {
            client: client(&submit, &headers)?,
            shown: host(&submit),
            submit,
            secrets: key.into_iter().collect(),
            deadline: settings.deadline,
            poll: settings.poll,
            lookout: Lookout::new(settings.poll),
        })
    }

    /// Reads one image. Returns as soon as the watch wants an end; the service may then go on, and [`Account::before`] tells the next
    /// attempt of it.
    pub async fn read(
        &self,
        image: Image<'_>,
        shelf: Option<&dyn Shelf>,
        account: &dyn Account,
        watch: &dyn Watch,
    ) -> Result<Document, OcrError> {
        let sought = Sought::of(image.source, image.sha256);
        let errand = Errand { image, sought, until: Instant::now() + self.deadline, shelf, account, watch };
        unless_stopped(watch, self.run(errand)).await?
    }

    async fn run(&self, mut errand: Errand<'_>) -> Result<Document, OcrError> {
        let began = Instant::now();
        errand.watch.stage(Stage::Submit, 1, 1);
        let before = errand.account.before(&callee(), self.deadline).await.filter(|before| before.came == Came::Lost);
        if let Some(found) = self.found_already(&errand, before).await {
            return self.take(&errand, &found, began).await;
        }
        if let Some(Before { age, .. }) = before {
            errand.until = Instant::now() + self.deadline.saturating_sub(age);
            let told = format!("was submitted {} ago and not answered; it is not submitted again", seconds(age));
            return self.watched(&errand, &told, began).await;
        }
        for wait in BUSY.iter().chain(std::iter::repeat(&6)) {
            let answer = match self.submit_watching(&errand).await? {
                Said::Found(keys) => return self.take(&errand, &keys, began).await,
                Said::Answer(answer) => answer,
            };
            match answer {
                Answer::Result(content) => return self.document(&errand, *content, began).await,
                Answer::Lost(why) => return self.watched(&errand, &why, began).await,
                Answer::Busy(why, asked) => {
                    let wait = asked.unwrap_or(self.poll * *wait);
                    if Instant::now() + wait >= errand.until {
                        return Err(self.failed(&format!("{why}, until its {} were over", seconds(self.deadline))));
                    }
                    note(errand.watch, &format!("{why}; submitted again in {}", seconds(wait)));
                    tokio::time::sleep(wait).await;
                }
                Answer::Unreadable(why) => {
                    // The work is done all the same: its result may lie there.
                    if let Some(found) = self.look(&errand, &mut None).await? {
                        return self.take(&errand, &found, began).await;
                    }
                    return Err(self.failed(&why));
                }
                Answer::Failed(why) => return Err(self.failed(&why)),
                Answer::BadImage(why) => return Err(OcrError::Image(self.said(&why))),
                Answer::Wrong(why) => return Err(OcrError::Engine(self.said(&why))),
            }
        }
        Err(self.failed("no answer"))
    }

    /// A result of this very image that lies in the bucket: of an earlier attempt, or of somebody else's.
    async fn found_already(&self, errand: &Errand<'_>, before: Option<Before>) -> Option<Keys> {
        let shelf = errand.shelf?;
        // A bucket that cannot be looked into, or not soon, is told of when it is needed.
        let look = self.lookout.find(shelf, &errand.sought, before.is_some());
        let found = tokio::time::timeout(FIRST_LOOK, look).await.ok()?.ok()??;
        note(errand.watch, &format!("its result lies in {} already, nothing is submitted: {}", shelf.place(), found.shown()));
        Some(found)
    }

    /// Submits, and looks into the bucket when that takes long.
    async fn submit_watching(&self, errand: &Errand<'_>) -> Result<Said, OcrError> {
        let ticket = errand.account.sent(&callee()).await.map_err(OcrError::Engine)?;
        let kilobytes = crate::text::grouped(errand.image.bytes.len().div_ceil(1024) as i64);
        note(errand.watch, &format!("submitted to {} ({kilobytes} KB)", self.shown));
        let began = Instant::now();
        let request = self.post(errand);
        tokio::pin!(request);
        let silent = self.poll * SILENT_POLLS;
        let answered = tokio::select! {
            answer = &mut request => Some(answer),
            () = tokio::time::sleep(silent), if errand.shelf.is_some() => None,
        };
        if let Some((answer, status)) = answered {
            self.ended(errand, ticket, &answer, status, began).await;
            return Ok(Said::Answer(answer));
        }
        note(errand.watch, &format!("no answer for {}; looking into the bucket meanwhile", seconds(began.elapsed())));
        tokio::select! {
            (answer, status) = &mut request => {
                self.ended(errand, ticket, &answer, status, began).await;
                Ok(Said::Answer(answer))
            }
            found = self.until_found(errand) => {
                let answer = Answer::Lost(Safe::fixed("no answer in time"));
                self.ended(errand, ticket, &answer, None, began).await;
                Ok(found?.map_or(Said::Answer(answer), Said::Found))
            }
        }
    }

    async fn ended(&self, errand: &Errand<'_>, ticket: Ticket, answer: &Answer, status: Option<u16>, began: Instant) {
        let (came, reason) = match answer {
            Answer::Result(_) => (Came::Answer, None),
            Answer::Lost(why) => (Came::Lost, Some(why)),
            Answer::Busy(why, _) | Answer::Unreadable(why) | Answer::Failed(why) | Answer::BadImage(why) | Answer::Wrong(why) => {
                (Came::Refusal, Some(why))
            }
        };
        let end = End { came, status, elapsed: began.elapsed(), reason: reason.cloned(), ..End::default() };
        errand.account.ended(ticket, &end).await;
    }

    /// One POST, judged; with the status that came.
    async fn post(&self, errand: &Errand<'_>) -> (Answer, Option<u16>) {
        let began = Instant::now();
        let length = errand.image.bytes.len() as u64;
        let part = Part::stream_with_length(errand.image.bytes.clone(), length).file_name(errand.sought.file());
        let form = Form::new().part("file", part).text("return_content", "true");
        let left = errand.until.saturating_duration_since(began);
        let sent = self.client.post(self.submit.clone()).timeout(left).multipart(form).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return (reply::unsent(&error, began.elapsed()), None),
        };
        let status = response.status().as_u16();
        let again = reply::retry_after(response.headers());
        let answer = match reply::body(response).await {
            Ok(body) => reply::judge(status, again, &body, began.elapsed(), &self.secrets),
            Err(cut) => reply::cut(status, &cut, began.elapsed()),
        };
        (answer, Some(status))
    }

    /// Looks until the deadline, having said why.
    async fn watched(&self, errand: &Errand<'_>, why: &str, began: Instant) -> Result<Document, OcrError> {
        let Some(shelf) = errand.shelf else {
            return Err(self.failed(&format!(
                "{why}, and there is no bucket to look for its result in; set blob.bucket to the one the service writes to"
            )));
        };
        let left = errand.until.saturating_duration_since(Instant::now());
        note(
            errand.watch,
            &format!(
                "{why}; the service may be at work still: looking into {} for ocr-results/*_{}.md for {} more",
                shelf.place(),
                errand.sought.stem(),
                seconds(left)
            ),
        );
        match self.until_found(errand).await? {
            Some(keys) => self.take(errand, &keys, began).await,
            None => Err(self.failed(&format!("no result within {}", seconds(self.deadline)))),
        }
    }

    /// `None` at the deadline.
    async fn until_found(&self, errand: &Errand<'_>) -> Result<Option<Keys>, OcrError> {
        errand.watch.stage(Stage::Await, 1, 1);
        let mut told = None;
        loop {
            if let Some(keys) = self.look(errand, &mut told).await? {
                return Ok(Some(keys));
            }
            let now = Instant::now();
            if now >= errand.until {
                return Ok(None);
            }
            tokio::time::sleep_until((now + self.poll).min(errand.until)).await;
        }
    }

    /// One look; a bucket that is closed for a moment is told of once.
    async fn look(&self, errand: &Errand<'_>, told: &mut Option<Safe>) -> Result<Option<Keys>, OcrError> {
        let Some(shelf) = errand.shelf else { return Ok(None) };
        match self.lookout.find(shelf, &errand.sought, true).await {
            Ok(found) => Ok(found),
            Err(Closed { for_good: true, why }) => Err(self.failed(&format!("no look into the bucket is possible: {why}"))),
            Err(Closed { why, .. }) => {
                if told.as_ref() != Some(&why) {
                    note(errand.watch, &format!("the bucket could not be looked into: {why}; looking again"));
                    *told = Some(why);
                }
                Ok(None)
            }
        }
    }

    /// The document of a result in the bucket.
    async fn take(&self, errand: &Errand<'_>, keys: &Keys, began: Instant) -> Result<Document, OcrError> {
        let Some(shelf) = errand.shelf else { return Err(self.failed("no bucket")) };
        let closed = |closed: Closed| self.failed(&format!("its result cannot be fetched: {}", closed.why));
        let mut tries = 1;
        let markdown = loop {
            match shelf.get(&keys.markdown).await {
                Ok(markdown) => break markdown,
                Err(error) if error.for_good || tries == FETCHES => return Err(closed(error)),
                Err(_) => tokio::time::sleep(self.poll).await,
            }
            tries += 1;
        };
        // It is written after the Markdown: one more look, and it goes without.
        let mut json = shelf.get(&keys.json()).await.ok();
        if json.is_none() {
            tokio::time::sleep(self.poll).await;
            json = shelf.get(&keys.json()).await.ok();
        }
        let took = began.elapsed();
        note(errand.watch, &format!("taken from the bucket after {}: {}", seconds(took), keys.shown()));
        let content = Content {
            markdown: String::from_utf8_lossy(&markdown).into_owned(),
            json: json.and_then(|json| serde_json::from_slice(&json).ok()),
            keys: None,
        };
        let reason = Safe::line(&format!("PaddleOCR-VL at {}, its result taken from {}", self.shown, keys.shown()));
        Ok(document::document(errand.image.source, &content, reason, took))
    }

    /// The document of an answer, which may only name where it lies.
    async fn document(&self, errand: &Errand<'_>, content: Content, began: Instant) -> Result<Document, OcrError> {
        if let Some(keys) = &content.keys {
            return match errand.shelf {
                Some(_) => self.take(errand, keys, began).await,
                None => Err(self.failed("it put the result into its bucket and sent none; set blob.bucket to that one")),
            };
        }
        let reason = Safe::line(&format!("PaddleOCR-VL at {}", self.shown));
        note(errand.watch, &format!("answered in {}", seconds(began.elapsed())));
        Ok(document::document(errand.image.source, &content, reason, began.elapsed()))
    }

    fn said(&self, why: &str) -> Safe {
        Safe::line(&format!("the OCR service at {}: {why}", self.shown)).clipped(500)
    }

    fn failed(&self, why: &str) -> OcrError {
        OcrError::Remote(self.said(why))
    }
}

/// What came first.
enum Said {
    Answer(Answer),
    Found(Keys),
}

/// Whom its calls go to, as they are written down.
pub fn callee() -> Callee {
    Callee { provider: PROVIDER.to_owned(), model: MODEL.to_owned() }
}

fn note(watch: &dyn Watch, text: &str) {
    watch.note(&Safe::line(text));
}

/// A word for the log when a request fails below HTTP.
fn below_http(error: &reqwest::Error) -> Safe {
    words(error)
}
