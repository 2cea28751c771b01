//! Engines whose reader does what the image's file says: it reads, is slow, hangs, fails or cannot be opened.
//! What a real image says is not tested with it.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tagdeck::config::Config;
use tagdeck::domain::{NewPost, PostImage, Status};
use tagdeck::engine::event::EventLog;
use tagdeck::engine::reader::{Readers, Setup};
use tagdeck::engine::{Engine, Kinds, Options};
use tagdeck::ocr::document::{Block, BlockKind, EngineLabel, Line, PageSize};
use tagdeck::ocr::geometry::Quad;
use tagdeck::ocr::pipeline::{Reads, Source, Watch};
use tagdeck::ocr::{Document, OcrError, Stage};
use tagdeck::store::Store;
use tagdeck::text::Safe;

use super::engines;

/// What the scripted readers did, and what they are told.
#[derive(Default)]
pub struct Script {
    /// Contents read, in the order they were begun.
    pub read: Mutex<Vec<String>>,
    /// Readers opened.
    pub opened: AtomicUsize,
    /// While true, no reader can be opened.
    pub broken: AtomicBool,
    /// While true, what is to hang hangs.
    pub hang: AtomicBool,
    /// Images that a reader wants together; 0 is 1.
    pub at_once: AtomicUsize,
    /// How many were read together, each time.
    pub groups: Mutex<Vec<usize>>,
}

impl Script {
    pub fn new() -> Arc<Self> {
        let script = Self::default();
        script.hang.store(true, Ordering::Relaxed);
        Arc::new(script)
    }

    pub fn begun(&self) -> usize {
        self.read.lock().unwrap().len()
    }
}

struct Opener(Arc<Script>);

struct Reader(Arc<Script>);

impl Readers for Opener {
    fn open(&self) -> Result<Box<dyn Reads>, OcrError> {
        if self.0.broken.load(Ordering::Relaxed) {
            return Err(OcrError::Engine(Safe::fixed("no library for this test")));
        }
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Reader(Arc::clone(&self.0))))
    }
}

impl Reads for Reader {
    fn read_many(&mut self, images: &[Source<'_>]) -> Vec<Result<Document, OcrError>> {
        self.0.groups.lock().unwrap().push(images.len());
        images.iter().map(|image| self.read(image.name, image.bytes, image.watch)).collect()
    }

    fn at_once(&self) -> usize {
        self.0.at_once.load(Ordering::Relaxed).max(1)
    }

    fn read(&mut self, source: &str, bytes: &[u8], progress: &dyn Watch) -> Result<Document, OcrError> {
        let content = String::from_utf8_lossy(bytes).into_owned();
        self.0.read.lock().unwrap().push(content.clone());
        progress.stage(Stage::Recognise, 1, 1);
        let nap = || std::thread::sleep(Duration::from_millis(10));
        match content.split_once(':').map_or(content.as_str(), |(what, _)| what) {
            "slow" => std::thread::sleep(Duration::from_millis(300)),
            // Follows its watch, as a page of many steps does.
            "long" => loop {
                nap();
                if let Some(error) = progress.stopped() {
                    return Err(error);
                }
            },
            // Follows nothing, as a model that does not come back.
            "hang" => {
                while self.0.hang.load(Ordering::Relaxed) {
                    nap();
                }
            }
            "flaky" if self.0.opened.load(Ordering::Relaxed) == 1 => return Err(OcrError::Run(Safe::fixed("out of memory"))),
            "flaky" | "text" => {}
            "panic" => panic!("an index that is out of bounds"),
            _ => return Err(OcrError::Image(Safe::fixed("it begins like no format"))),
        }
        let text = content.split_once(':').map_or("", |(_, text)| text);
        Ok(document(source, text))
    }
}

fn document(source: &str, text: &str) -> Document {
    let line = Line { quad: Quad::default(), text: Safe::line(text), confidence: 1.0, words: Vec::new() };
    let block = Block {
        kind: BlockKind::Paragraph,
        page: None,
        level: None,
        quad: Quad::default(),
        confidence: 1.0,
        text: Safe::line(text),
        lines: vec![line],
        table: None,
    };
    Document {
        schema: 1,
        source: Safe::line(source),
        page: PageSize::default(),
        pages: Vec::new(),
        blocks: vec![block],
        engine: EngineLabel { provider: "cpu", reason: Safe::fixed("scripted"), ..EngineLabel::default() },
        timings_ms: std::collections::BTreeMap::default(),
        warnings: Vec::new(),
    }
}

/// Two threads; a page has 400 ms, and a thread 300 ms to follow.
pub fn setup(script: &Arc<Script>) -> Setup {
    Setup {
        readers: Arc::new(Opener(Arc::clone(script))),
        remote: None,
        workers: 2,
        page_timeout: Duration::from_millis(400),
        grace: Duration::from_millis(300),
        idle: Duration::from_mins(1),
    }
}

pub fn start(store: &Store, config: &Config, script: &Arc<Script>, kinds: Kinds) -> Engine {
    Engine::start_with(store.clone(), config, Options { kinds, ..Options::default() }, setup(script))
}

pub fn start_until_idle(store: &Store, config: &Config, script: &Arc<Script>, kinds: Kinds) -> Engine {
    let options = Options { until_idle: Some(Duration::from_mins(2)), concurrency: None, kinds };
    Engine::start_with(store.clone(), config, options, setup(script))
}

/// A post with images whose files say what the reader does; files are named `MESSAGE-NUMBER.png`.
pub fn photos(folder: &Path, message_id: i64, caption: &str, contents: &[&str]) -> NewPost {
    let images = contents.iter().enumerate().map(|(n, content)| {
        let path = folder.join(format!("{message_id}-{n}.png"));
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    });
    NewPost { images: images.collect(), ..engines::post(message_id, caption) }
}

/// Every image, by post and place.
pub async fn images(store: &Store) -> Vec<PostImage> {
    engines::posts(store).await.into_iter().flat_map(|post| post.images).collect()
}

/// True when no image is to be read any more.
pub async fn all_ended(store: &Store) -> bool {
    images(store).await.iter().all(|image| image.status.is_some_and(Status::is_final))
}

/// Everything the engine has told.
pub fn told(engine: &Engine) -> Vec<String> {
    lines(&engine.log())
}

/// Stops the engine; all it told. What it tells of an end comes after the database has it.
pub async fn story(engine: Engine) -> Vec<String> {
    let log = engine.log();
    engines::stop(engine).await;
    lines(&log)
}

fn lines(log: &EventLog) -> Vec<String> {
    log.since(0, 1000).events.iter().map(|event| format!("{} {}", event.kind, event.text)).collect()
}
