//! The engine behind HTTP that the settings choose: with the bucket it may look into, and one reading at a time for one content.
//! How it is talked to is `ocr`'s; what reads an image that it did not is the caller's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::blob::{BlobError, BlobStore, List};
use crate::config::{self, Config, OcrEngine};
use crate::ocr::image::Limits;
use crate::ocr::pipeline::Watch;
use crate::ocr::remote::{Account, Closed, Image, Shelf, unless_stopped};
use crate::ocr::service::Service;
use crate::ocr::vlm::Vlm;
use crate::ocr::{Document, OcrError};
use crate::text::Safe;

/// Images at once where the settings say nothing: the service has one GPU, and models count requests.
const AT_ONCE: usize = 2;
/// Contents whose documents are remembered: of two equal images only one is sent.
const REMEMBERED: usize = 32;
/// Pages of a listing that are read; a day with more than 200 000 results is not what this is for.
const MOST_PAGES: usize = 200;

/// See the module.
pub struct Remote {
    engine: Result<Engine, OcrError>,
    fallback: bool,
    deadline: Duration,
    bucket: Option<OnceCell<Bucket>>,
    blob: config::Blob,
    turns: Semaphore,
    at_once: usize,
    recent: Mutex<VecDeque<(String, Arc<OnceCell<Document>>)>>,
}

enum Engine {
    Service(Box<Service>),
    Vlm(Box<Vlm>),
}

impl Remote {
    /// The engine that the settings name; `None` for the local one.
    pub fn of(config: &Config) -> Option<Arc<Self>> {
        let ocr = &config.ocr;
        let limits = Limits { max_pixels: ocr.max_pixels, ..Limits::default() };
        let (engine, fallback, deadline) = match ocr.engine {
            OcrEngine::Local => return None,
            OcrEngine::Service => {
                let service = Service::new(&ocr.service).map(|service| Engine::Service(Box::new(service)));
                (service, ocr.service.fallback, ocr.service.deadline)
            }
            OcrEngine::Vlm => {
                let provider = config.providers.iter().find(|provider| provider.name == ocr.vlm.provider);
                let unknown = || OcrError::Engine(Safe::fixed("ocr.vlm.provider is none of the providers"));
                let vlm = provider.ok_or_else(unknown).and_then(|provider| Vlm::new(&ocr.vlm, provider, limits));
                (vlm.map(|vlm| Engine::Vlm(Box::new(vlm))), ocr.vlm.fallback, ocr.vlm.timeout)
            }
        };
        let at_once = if ocr.workers == 0 { AT_ONCE } else { ocr.workers as usize };
        Some(Arc::new(Self {
            engine,
            fallback,
            deadline,
            bucket: (ocr.engine == OcrEngine::Service).then(OnceCell::new),
            blob: config.blob.clone(),
            turns: Semaphore::new(at_once),
            at_once,
            recent: Mutex::default(),
        }))
    }

    /// How many images it reads at once.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// Longest time of one call, or of one image of the service.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// A place among the images that are read at once.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// Whether the local engine is to read what this one did not; an end that somebody asked for is none of its failures.
    pub fn falls_back(&self, error: &OcrError) -> bool {
        self.fallback && !matches!(error, OcrError::Cancelled | OcrError::Deadline { .. })
    }

    /// Reads one image; what is read already, or being read, is not read again.
    pub async fn read(&self, image: Image<'_>, account: &dyn Account, watch: &dyn Watch) -> Result<Document, OcrError> {
        let engine = self.engine.as_ref().map_err(Clone::clone)?;
        let cell = self.cell(image.sha256);
        let known = cell.initialized();
        let work = cell.get_or_try_init(|| async {
            match engine {
                Engine::Service(service) => {
                    let bucket = self.bucket().await;
                    let shelf = match &bucket {
                        Some(Ok(bucket)) => Some(*bucket as &dyn Shelf),
                        Some(Err(why)) => {
                            watch.note(&Safe::line(&format!("its bucket cannot be looked into: {why}")));
                            None
                        }
                        None => None,
                    };
                    service.read(image, shelf, account, watch).await
                }
                Engine::Vlm(vlm) => vlm.read(image, account, watch).await,
            }
        });
        let document = unless_stopped(watch, work).await??.clone();
        if known {
            watch.note(&Safe::fixed("the same image was read a moment ago; nothing is sent"));
        }
        Ok(Document { source: Safe::line(image.source), ..document })
    }

    fn cell(&self, sha256: &str) -> Arc<OnceCell<Document>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = recent.iter().find(|(known, _)| known == sha256) {
            return Arc::clone(cell);
        }
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        let cell = Arc::default();
        recent.push_back((sha256.to_owned(), Arc::clone(&cell)));
        cell
    }

    /// Opened with the first image that needs it.
    async fn bucket(&self) -> Option<Result<&Bucket, BlobError>> {
        let cell = self.bucket.as_ref()?;
        Some(cell.get_or_try_init(|| async { Ok(Bucket(BlobStore::open(&self.blob).await?)) }).await)
    }
}

/// The blob store as the place where the service's results turn up.
struct Bucket(BlobStore);

impl Shelf for Bucket {
    fn place(&self) -> Safe {
        self.0.place()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, Closed>> {
        Box::pin(async move {
            let mut ask = List { prefix: prefix.to_owned(), ..List::default() };
            let mut keys = Vec::new();
            for _ in 0..MOST_PAGES {
                let page = self.0.list(&ask).await.map_err(|error| closed(&error))?;
                keys.extend(page.objects.into_iter().map(|object| object.key));
                match page.next {
                    Some(next) => ask.after = Some(next),
                    None => break,
                }
            }
            Ok(keys)
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, Closed>> {
        Box::pin(async move { self.0.get(key, None).await.map_err(|error| closed(&error)) })
    }
}

fn closed(error: &BlobError) -> Closed {
    Closed { for_good: error.is_permanent(), why: Safe::line(&error.to_string()) }
}
