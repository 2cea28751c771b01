//! Batches with readers that are slow, stuck or broken on purpose.

use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::ocr::document::{EngineLabel, PageSize};
use crate::ocr::pipeline::Ender;

/// Does what the file's content says.
struct Odd;

impl Reads for Odd {
    fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        watch.stage(Stage::Recognise, 1, 1);
        match bytes {
            b"slow" => std::thread::sleep(Duration::from_millis(150)),
            b"bad" => return Err(OcrError::Image(Safe::fixed("bad on purpose"))),
            b"panic" => panic!("on purpose"),
            b"deaf" => std::thread::sleep(Duration::from_secs(30)),
            b"long" => loop {
                if let Some(stop) = watch.stopped() {
                    return Err(stop);
                }
                std::thread::sleep(Duration::from_millis(5));
            },
            _ => {}
        }
        Ok(Document {
            schema: 1,
            source: Safe::line(source),
            page: PageSize::default(),
            pages: Vec::new(),
            blocks: Vec::new(),
            engine: EngineLabel::default(),
            timings_ms: BTreeMap::new(),
            warnings: Vec::new(),
        })
    }
}

fn files(folder: &std::path::Path, contents: &[&str]) -> Vec<Input> {
    let file = |(at, content): (usize, &&str)| {
        let path = folder.join(format!("{at:03}"));
        std::fs::write(&path, content).unwrap();
        Input::File(path)
    };
    contents.iter().enumerate().map(file).collect()
}

/// Classes in the order told; "ok" for a document.
fn classes(contents: &[&str], jobs: usize, cancel: &Cancel) -> (bool, Vec<(usize, &'static str)>) {
    let folder = tempfile::tempdir().unwrap();
    let inputs = files(folder.path(), contents);
    let options = Options { jobs, page_timeout: Duration::from_millis(300), grace: Duration::from_millis(300) };
    let mut told = Vec::new();
    let whole = read_all(inputs, Arc::new(|| Ok(Box::new(Odd) as Box<dyn Reads>)), &options, cancel, &mut |what| {
        if let Told::Read(at, _, came) = what {
            told.push((at, came.map_or_else(|fault| fault.class(), |_| "ok")));
        }
    });
    (whole.unwrap(), told)
}

#[test]
fn results_come_in_the_order_of_the_inputs() {
    let contents: Vec<&str> = (0..60).map(|at| if at % 20 == 0 { "slow" } else { "" }).collect();
    let (whole, told) = classes(&contents, 4, &Cancel::default());
    assert!(whole);
    assert_eq!(told, (0..60).map(|at| (at, "ok")).collect::<Vec<_>>());
}

#[test]
fn one_bad_image_or_panic_costs_nothing_but_itself() {
    let (_, told) = classes(&["", "bad", "panic", ""], 2, &Cancel::default());
    assert_eq!(told, [(0, "ok"), (1, "bad_image"), (2, "ocr_failed"), (3, "ok")]);
}

#[test]
fn a_page_past_its_deadline_is_ended_and_a_deaf_thread_given_up() {
    let started = Instant::now();
    let (whole, told) = classes(&["long", "deaf", "", ""], 1, &Cancel::default());
    assert!(whole);
    assert_eq!(told, [(0, "ocr_deadline"), (1, "ocr_deadline"), (2, "ok"), (3, "ok")]);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_cancelled_batch_ends_soon_and_keeps_what_was_read() {
    let cancel = Cancel::default();
    let later = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        later.cancel();
    });
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let options = Options { jobs: 2, page_timeout: Duration::from_mins(1), grace: Duration::from_mins(1) };
    let inputs = files(folder.path(), &["deaf", "", "", "long"]);
    let mut read = Vec::new();
    let whole = read_all(inputs, Arc::new(|| Ok(Box::new(Odd) as Box<dyn Reads>)), &options, &cancel, &mut |what| {
        if let Told::Read(at, _, Ok(_)) = what {
            read.push(at);
        }
    });
    assert!(!whole.unwrap());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(read, [1, 2], "what was read is handed out although an image before it was not");
}

#[test]
fn a_slow_image_does_not_let_results_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut contents = vec!["long"];
    contents.extend([""; 200]);
    let inputs = files(folder.path(), &contents);
    let options = Options { jobs: 2, page_timeout: Duration::from_millis(400), grace: Duration::from_secs(1) };
    let most = AtomicUsize::new(0);
    let mut told = 0;
    read_all(inputs, Arc::new(|| Ok(Box::new(Odd) as Box<dyn Reads>)), &options, &Cancel::default(), &mut |what| match what {
        Told::Read(..) => told += 1,
        Told::Standing(standing) => drop(most.fetch_max(standing.done - told, Ordering::SeqCst)),
        Told::Note(..) => {}
    })
    .unwrap();
    assert!(most.load(Ordering::SeqCst) <= 2 * WAITING, "{most:?}");
    assert_eq!(told, 201);
}

#[test]
fn a_file_that_is_not_there_any_more_is_named_unreadable() {
    let options = Options { jobs: 1, page_timeout: Duration::from_secs(1), grace: Duration::from_secs(1) };
    let gone = vec![Input::File(PathBuf::from("/nonexistent/a.png"))];
    let mut fault = None;
    read_all(gone, Arc::new(|| Ok(Box::new(Odd) as Box<dyn Reads>)), &options, &Cancel::default(), &mut |what| {
        if let Told::Read(_, _, came) = what {
            fault = came.err();
        }
    })
    .unwrap();
    assert_eq!(fault.unwrap().class(), "unreadable_file");
}

#[test]
fn a_folder_gives_its_images_sorted_and_by_content_or_name() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    put("b/scan", b"\x89PNG\r\n\x1a\nrest");
    put("b/notes.txt", b"notes");
    put("a.PNG", b"");
    put("c.jpg", b"no image");
    put(".hidden.jpg", b"");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("b/loop")).unwrap();
    let found = find(&[folder.path().to_owned()]).unwrap();
    let names: Vec<_> = found.inputs.iter().map(Input::source).collect();
    let expected: Vec<_> =
        ["a.PNG", "b/scan", "c.jpg"].map(|name| folder.path().join(name).to_string_lossy().into_owned()).to_vec();
    assert_eq!(names, expected);
    assert!(matches!(find(&[folder.path().join("missing.png")]), Err(InputError::Missing(_))));
    assert_eq!(find(&[PathBuf::from("-"), PathBuf::from("-")]), Err(InputError::StdinTwice));
}

#[test]
fn names_of_results_are_safe_and_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut out = Folder::make(&folder.path().join("x/y"), "md").unwrap();
    let mut name = |path: &str| {
        let file = out.file_for(&Input::File(PathBuf::from(path)));
        file.file_name().unwrap().to_string_lossy().into_owned()
    };
    assert_eq!(name("a/страница.png"), "страница.md");
    assert_eq!(name("b/страница.jpg"), "страница-2.md");
    assert_eq!(name("b/Страница.jpg"), "Страница-3.md");
    assert_eq!(name("-rf.png"), "rf.md");
    assert_eq!(name("..png"), "image.md");
    assert_eq!(name("line\nbreak\u{1b}[31m.png"), "line break␛[31m.md");
    assert_eq!(name(&format!("{}.png", "ж".repeat(200))).chars().count(), 103);
}

/// Reads up to four together, as on a GPU; a panic or a deadline among them ends them all.
struct Together(Odd);

impl Reads for Together {
    fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        self.0.read(source, bytes, watch)
    }

    fn at_once(&self) -> usize {
        4
    }
}

#[test]
fn what_is_read_together_costs_its_neighbours_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let contents = ["", "", "bad", "panic", "", "", "deaf", "", "long", ""];
    let inputs = files(folder.path(), &contents);
    let options = Options { jobs: 1, page_timeout: Duration::from_millis(300), grace: Duration::from_millis(300) };
    let open = || Ok(Box::new(Together(Odd)) as Box<dyn Reads>);
    let mut told = Vec::new();
    let whole = read_all(inputs, Arc::new(open), &options, &Cancel::default(), &mut |what| {
        if let Told::Read(_, _, came) = what {
            told.push(came.map_or_else(|fault| fault.class(), |_| "ok"));
        }
    });
    assert!(whole.unwrap());
    assert_eq!(told, ["ok", "ok", "bad_image", "ocr_failed", "ok", "ok", "ocr_deadline", "ok", "ocr_deadline", "ok"]);
}

/// Follows no watch; its step ends only from outside.
struct Model(Arc<AtomicBool>);

impl Reads for Model {
    fn read(&mut self, _: &str, _: &[u8], _: &dyn Watch) -> Result<Document, OcrError> {
        while !self.0.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(OcrError::Deadline { seconds: 0, stage: Stage::Detect })
    }

    fn ender(&self) -> Option<Ender> {
        let flag = Arc::clone(&self.0);
        flag.store(false, Ordering::SeqCst);
        Some(Box::new(move || flag.store(true, Ordering::SeqCst)))
    }
}

#[test]
fn a_model_that_takes_its_time_is_ended_at_the_deadline_and_not_after_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { jobs: 1, page_timeout: Duration::from_millis(200), grace: Duration::from_mins(1) };
    let (started, open) = (Instant::now(), || Ok(Box::new(Model(Arc::default())) as Box<dyn Reads>));
    let inputs = files(folder.path(), &["", ""]);
    read_all(inputs, Arc::new(open), &options, &Cancel::default(), &mut |what| {
        if let Told::Read(_, _, came) = what {
            assert_eq!(came.map_or_else(|fault| fault.class(), |_| "ok"), "ocr_deadline");
        }
    })
    .unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
