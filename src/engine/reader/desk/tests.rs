//! Images that are read together and go wrong in every way, each for itself.
//! A desk among jobs is tested in `tests/engine_reads_images.rs`.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::engine::reader::progress::Progress;
use crate::engine::reader::thread::Readers;
use crate::ocr::document::{EngineLabel, PageSize};
use crate::ocr::pipeline::{Reads, Source, Watch};
use crate::ocr::{Document, Stage};

const PAGE: Duration = Duration::from_millis(200);

/// What the readers did: contents read together, each time.
#[derive(Clone, Default)]
struct Script {
    groups: Arc<std::sync::Mutex<Vec<Vec<String>>>>,
    hangs: Arc<AtomicBool>,
}

impl Readers for Script {
    fn open(&self) -> Result<Box<dyn Reads>, OcrError> {
        Ok(Box::new(self.clone()))
    }
}

impl Reads for Script {
    fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        watch.stage(Stage::Recognise, 1, 1);
        let nap = || std::thread::sleep(Duration::from_millis(5));
        match bytes {
            b"panic" => panic!("on purpose"),
            b"bad" => return Err(OcrError::Image(Safe::fixed("bad on purpose"))),
            b"long" => loop {
                if let Some(error) = watch.stopped() {
                    return Err(error);
                }
                nap();
            },
            b"hang" => {
                while self.hangs.load(Ordering::Relaxed) {
                    nap();
                }
            }
            _ => {}
        }
        Ok(Document {
            schema: 1,
            source: Safe::line(source),
            page: PageSize::default(),
            pages: Vec::new(),
            blocks: Vec::new(),
            engine: EngineLabel::default(),
            timings_ms: std::collections::BTreeMap::new(),
            warnings: Vec::new(),
        })
    }

    fn read_many(&mut self, images: &[Source<'_>]) -> Vec<Result<Document, OcrError>> {
        let contents = images.iter().map(|image| String::from_utf8_lossy(image.bytes).into_owned());
        self.groups.lock().unwrap().push(contents.collect());
        images.iter().map(|image| self.read(image.name, image.bytes, image.watch)).collect()
    }

    fn at_once(&self) -> usize {
        4
    }
}

struct Customer {
    progress: Arc<Progress>,
    /// Held, or the desk takes it for gone.
    taken: oneshot::Receiver<()>,
    answer: oneshot::Receiver<Answer>,
}

/// A desk with a line before it.
struct Office {
    script: Script,
    threads: Arc<Threads>,
    stop: watch::Sender<Stop>,
    customers: Vec<Customer>,
}

impl Office {
    /// The first image shows how many its reader wants; the others wait behind it from the beginning.
    fn open(page_timeout: Duration, contents: &[&str]) -> Self {
        let script = Script::default();
        script.hangs.store(true, Ordering::Relaxed);
        let readers: Arc<dyn Readers> = Arc::new(script.clone());
        let setup = Setup {
            readers: Arc::clone(&readers),
            workers: 1,
            page_timeout,
            grace: PAGE,
            idle: Duration::from_mins(1),
            remote: None,
        };
        let threads = Arc::new(Threads::new(readers));
        let (line, waiting) = mpsc::unbounded_channel();
        let customers = std::iter::once(&"first").chain(contents).map(|content| {
            let progress = Arc::new(Progress::new());
            let ((taken, told), (reply, answer)) = (oneshot::channel(), oneshot::channel());
            let bytes = Arc::new(content.as_bytes().to_vec());
            let image = Image { source: (*content).to_owned(), bytes, progress: Arc::clone(&progress) };
            line.send(Waiting { image, taken, reply }).ok().unwrap();
            Customer { progress, taken: told, answer }
        });
        let customers = customers.collect();
        let (stop, stopping) = watch::channel(Stop::No);
        let desk = Desk { line: Arc::new(Mutex::new(waiting)), threads: Arc::clone(&threads), setup, stop: stopping };
        tokio::spawn(desk.run());
        Self { script, threads, stop, customers }
    }

    /// The class of each answer, "ok" for a document, without the first image's.
    async fn answers(&mut self) -> Vec<&'static str> {
        let mut classes = Vec::new();
        for customer in &mut self.customers {
            classes.push(class(customer).await);
        }
        classes.split_off(1)
    }

    /// What was read together, each time.
    fn groups(&self) -> Vec<Vec<String>> {
        self.script.groups.lock().unwrap().clone()
    }
}

async fn class(customer: &mut Customer) -> &'static str {
    let answer = tokio::time::timeout(Duration::from_secs(20), &mut customer.answer).await.expect("no answer came");
    match answer.expect("the desk has gone") {
        Ok(_) => "ok",
        Err(Fault::Ocr(error)) => error.class(),
        Err(Fault::Panic(_)) => "panic",
        Err(Fault::Stuck) => "stuck",
    }
}

#[tokio::test]
async fn as_many_are_read_together_as_the_reader_wants() {
    let mut office = Office::open(PAGE * 100, &["a", "b", "bad", "c", "d"]);
    assert_eq!(office.answers().await, ["ok", "ok", "bad_image", "ok", "ok"]);
    assert_eq!(office.groups(), [vec!["first"], vec!["a", "b", "bad", "c"], vec!["d"]]);
}

#[tokio::test]
async fn a_panic_costs_the_others_of_its_group_only_time() {
    let mut office = Office::open(PAGE * 100, &["a", "panic", "b", "c"]);
    assert_eq!(office.answers().await, ["ok", "panic", "ok", "ok"]);
    assert_eq!(office.groups()[2..], [["a"], ["panic"], ["b"], ["c"]], "each alone, once");
}

#[tokio::test]
async fn a_page_past_its_deadline_costs_the_others_of_its_group_only_time() {
    let mut office = Office::open(PAGE, &["a", "long", "b", "long"]);
    assert_eq!(office.answers().await, ["ok", "ocr_deadline", "ok", "ocr_deadline"]);
    assert_eq!(office.threads.stuck(), 0);
}

#[tokio::test]
async fn a_thread_that_hangs_among_several_is_given_up_and_each_is_read_alone() {
    let mut office = Office::open(PAGE, &["a", "hang", "b", "c"]);
    assert_eq!(office.answers().await, ["ok", "stuck", "ok", "ok"]);
    assert_eq!(office.threads.stuck(), 2, "among the others, and alone");
    office.script.hangs.store(false, Ordering::Relaxed);
    while office.threads.stuck() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_that_is_cancelled_is_answered_while_its_neighbours_go_on() {
    let mut office = Office::open(PAGE * 100, &["long", "long", "long"]);
    for customer in &mut office.customers[1..] {
        (&mut customer.taken).await.unwrap();
    }
    office.customers[2].progress.stop(Why::Operator);
    assert_eq!(class(&mut office.customers[2]).await, "cancelled");
    assert!(office.customers[1].answer.try_recv().is_err() && office.customers[3].answer.try_recv().is_err());
    let since = Instant::now();
    office.stop.send_replace(Stop::Soon);
    assert_eq!((class(&mut office.customers[1]).await, class(&mut office.customers[3]).await), ("cancelled", "cancelled"));
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(office.customers[1].progress.why(), Some(Why::Stop));
}

#[tokio::test]
async fn who_has_gone_from_the_line_is_passed_over() {
    let mut office = Office::open(PAGE * 100, &["a", "b", "c"]);
    // The desk runs on this thread and has not begun.
    office.customers.remove(2);
    assert_eq!(office.answers().await, ["ok", "ok"]);
    assert_eq!(office.groups(), [vec!["first"], vec!["a", "c"]]);
}
