//! `tagdeck ocr`: reads images and prints, or writes, what they say; with a bar while it lasts.
//! Reading them, many at once, is `ops`'s and `ocr`'s work.

mod bar;
mod store;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, WrapErr};
use serde_json::json;

use self::bar::Bar;
use self::store::Storing;
use super::args::{Common, DocumentFormat, Ocr};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::config::Config;
use crate::engine::reader::Remote;
use crate::ocr::image::Limits;
use crate::ocr::pipeline::{Reader, Reads};
use crate::ocr::runtime::Runtime;
use crate::ocr::{Document, OcrError, markdown};
use crate::ops::ocr::{self, Away, Cancel, Fault, Folder, Found, Input, Open, Options, Told};
use crate::store::{Access, NewDocument};
use crate::text::{Safe, counted, grouped, json_line};

/// Time for a page that was asked to end to follow: as long as the slowest single run of a model.
const GRACE: Duration = Duration::from_secs(10);

/// See the module.
pub fn run(common: &Common, args: &Ocr) -> Result<Exit> {
    let mut config = session::settings(common)?;
    config.ocr.engine = args.engine.map_or(config.ocr.engine, Into::into);
    if let Some(lack) = config.ocr.engine.lacks(&config.ocr.service, &config.ocr.vlm) {
        output::complain(&format!("tagdeck: --engine {} {lack}", config.ocr.engine.word()));
        return Ok(Exit::Usage);
    }
    session::start_log(&config.log_level, &LogTo::Stderr)?;
    let Found { inputs, troubles } = match ocr::find(&args.inputs) {
        Ok(found) => found,
        Err(error) => {
            output::complain(&format!("tagdeck: {error}"));
            return Ok(Exit::Usage);
        }
    };
    let mut sheets = Sheets::new(args, inputs.len())?;
    for trouble in &troubles {
        output::complain(&format!("tagdeck: {trouble}"));
    }
    sheets.failed += troubles.len();
    if inputs.is_empty() {
        return Ok(Exit::Failed);
    }
    let remote = Remote::of(&config);
    let jobs = jobs(args, &config, inputs.len(), remote.as_deref());
    // Behind a server's time there may come the local engine's.
    let longest = remote.as_ref().map_or(Duration::ZERO, |remote| remote.deadline() + GRACE);
    let options = Options { jobs, page_timeout: config.ocr.page_timeout + longest, grace: GRACE };
    let local = local(&config, remote.is_none())?;
    let page_timeout = config.ocr.page_timeout;
    session::block_on(async move {
        let cancel = Cancel::default();
        stop_on_signals(cancel.clone())?;
        // Objects and stdin lie here until they are read.
        let folder = tempfile::tempdir().wrap_err("cannot make a temporary folder")?;
        let mut inputs = ocr::fetch(inputs, &config.blob, folder.path()).await;
        if args.store {
            inputs = store::laid_down(inputs, folder.path()).wrap_err("stdin cannot be read")?;
            let store = session::open(&config, Access::ReadWrite).await?;
            sheets.storing = Some(Storing::open(store, &config, &inputs).await?);
        }
        let handle = tokio::runtime::Handle::current();
        let open = move || -> Result<Box<dyn Reads>, OcrError> {
            let Some(remote) = &remote else { return local() };
            Ok(Box::new(Away::new(Arc::clone(remote), handle.clone(), Arc::clone(&local), page_timeout)))
        };
        let reading = tokio::task::spawn_blocking(move || sheets.read(&inputs, open, &options, &cancel));
        reading.await.wrap_err("reading the images ended abnormally; please report this")?
    })?
}

/// What opens readers of this machine; `now`: its library is loaded at once, so that what is wrong with it is told before any image.
fn local(config: &Config, now: bool) -> Result<Arc<Open>> {
    let limits = Limits { max_pixels: config.ocr.max_pixels, ..Limits::default() };
    let options = session::ocr_options(config);
    if !now {
        return Ok(Arc::new(move || Ok(Box::new(Reader::open(&Runtime::open(&options)?, limits)?))));
    }
    let runtime = Runtime::open(&options)?;
    if runtime.fell_back() {
        output::complain(&format!("tagdeck: reading on the CPU: {}", runtime.label().reason));
    }
    Ok(Arc::new(move || Ok(Box::new(Reader::open(&runtime, limits)?))))
}

/// The first signal ends within 5 s, the second at once.
fn stop_on_signals(cancel: Cancel) -> Result<()> {
    session::on_signals(true, move || {
        if cancel.is_cancelled() {
            std::process::exit(130);
        }
        cancel.cancel();
    })
}

/// As many as asked for on the line, in the settings, or one a core (of a server, what it takes); never more than there are images.
fn jobs(args: &Ocr, config: &Config, inputs: usize, remote: Option<&Remote>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let asked = args.jobs.unwrap_or(config.ocr.workers) as usize;
    let by_itself = || remote.map_or_else(cores, Remote::at_once);
    if asked == 0 { by_itself() } else { asked }.clamp(1, inputs.max(1))
}

/// Where results go, and how many there were.
struct Sheets {
    format: DocumentFormat,
    folder: Option<Folder>,
    /// Files of `--out`, by input.
    files: Vec<PathBuf>,
    several: bool,
    read: usize,
    failed: usize,
    /// Whose content had been read before.
    known: usize,
    /// The next input to be handed out, among those read before.
    turn: usize,
    /// Documents kept and not stored.
    unstored: usize,
    /// With `--store`.
    storing: Option<Storing>,
    /// Stdout's reader has gone away.
    unread: bool,
    bar: Bar,
}

impl Sheets {
    fn new(args: &Ocr, inputs: usize) -> Result<Self> {
        let folder = match &args.out {
            Some(path) => Some(Folder::make(path, args.format.ending()).wrap_err_with(|| {
                let shown = Safe::line(&path.to_string_lossy()).clipped(200);
                let why = if path.is_file() { "is a file" } else { "cannot be made" };
                format!("the folder {shown} {why}; name another with --out")
            })?),
            None => None,
        };
        let several = inputs > 1;
        let bar = Bar::new(inputs);
        let (files, storing) = (Vec::new(), None);
        let (read, failed, known, turn, unstored) = (0, 0, 0, 0, 0);
        let (format, unread) = (args.format, false);
        Ok(Self { format, folder, files, several, read, failed, known, turn, unstored, storing, unread, bar })
    }

    fn read(
        mut self,
        inputs: &[Input],
        open: impl Fn() -> Result<Box<dyn Reads>, OcrError> + Send + Sync + 'static,
        options: &Options,
        cancel: &Cancel,
    ) -> Result<Exit> {
        let (started, total) = (Instant::now(), inputs.len());
        if let Some(folder) = &mut self.folder {
            self.files = inputs.iter().map(|input| folder.file_for(input)).collect();
        }
        let mut broken = None;
        let is_known = |at: usize| self.storing.as_ref().is_some_and(|storing| storing.is_known(at));
        let (known, places): (Vec<usize>, Vec<usize>) = (0..total).partition(|at| is_known(*at));
        let unread =
            if known.is_empty() { inputs.to_vec() } else { places.iter().filter_map(|at| inputs.get(*at).cloned()).collect() };
        let whole = ocr::read_all(unread, Arc::new(open), options, cancel, &mut |told| match told {
            Told::Standing(standing) => self.bar.draw(standing),
            Told::Note(input, note) => self.bar.complain(&format!("tagdeck: {}: {note}", input.shown())),
            Told::Read(nth, input, came) => {
                let at = places.get(nth).copied().unwrap_or(nth);
                let taken = self.hand_out_known(inputs, at).and_then(|()| self.take(at, input, came));
                if let Err(error) = taken {
                    broken = Some(error);
                    cancel.cancel();
                }
                if self.unread {
                    cancel.cancel();
                }
            }
        });
        if broken.is_none() && !self.unread && !cancel.is_cancelled() {
            broken = self.hand_out_known(inputs, total).err();
        }
        self.bar.clear();
        let whole = whole.wrap_err("no thread can be started; end other programs or lower --jobs")?;
        if let Some(error) = broken {
            return Err(error);
        }
        if self.unread {
            // As `tagdeck posts | head`: who has read enough is no error.
            return Ok(Exit::Done);
        }
        self.summary(total, whole, started.elapsed());
        Ok(match (self.read + self.known, self.failed + self.unstored) {
            (_, 0) if whole => Exit::Done,
            (0, _) => Exit::Failed,
            _ => Exit::Partly,
        })
    }

    /// One result. Fails only when stdout does.
    fn take(&mut self, at: usize, input: &Input, came: Result<Document, Fault>) -> Result<()> {
        match came {
            Err(Fault::Ocr(OcrError::Cancelled)) => Ok(()),
            Err(fault) => {
                self.fail(input, &fault.to_string());
                if self.format == DocumentFormat::Json && self.folder.is_none() {
                    let error = json!({ "class": fault.class(), "message": fault.to_string() });
                    let line = json!({ "schema": 1, "source": Safe::line(&input.source()), "error": error });
                    self.print(&output::as_json(&line)?)?;
                }
                Ok(())
            }
            Ok(document) => {
                for warning in &document.warnings {
                    self.bar.complain(&format!("tagdeck: {}: warning: {warning}", input.shown()));
                }
                let mut sheet = self.sheet(&document)?;
                let rendered = self.storing.as_ref().and_then(|storing| storing.rendered(at, &document));
                if let Some(rendered) = rendered {
                    sheet = self.store(input, &rendered, sheet)?;
                }
                if self.hand_out(at, input, sheet)? {
                    self.read += 1;
                }
                Ok(())
            }
        }
    }

    /// Hands out, in their order, the inputs before `until` that were read before.
    fn hand_out_known(&mut self, inputs: &[Input], until: usize) -> Result<()> {
        while self.turn < until {
            let at = self.turn;
            self.turn += 1;
            let Some((storing, input)) = self.storing.as_ref().zip(inputs.get(at)).filter(|(storing, _)| storing.is_known(at))
            else {
                continue;
            };
            let Some(document) = storing.known(at)? else {
                self.fail(input, "another input of the same content could not be read");
                continue;
            };
            let sheet = match self.format {
                DocumentFormat::Md => whole(document.markdown.clone()),
                DocumentFormat::Text => whole(document.text.clone()),
                DocumentFormat::Json => store::json_of(&document, input)? + "\n",
            };
            let sheet = self.store(input, &document, sheet)?;
            if self.hand_out(at, input, sheet)? {
                self.known += 1;
            }
        }
        Ok(())
    }

    /// Keeps and stores a document, and says where.
    fn store(&mut self, input: &Input, document: &NewDocument, sheet: String) -> Result<String> {
        let Some(storing) = &mut self.storing else { return Ok(sheet) };
        let told = storing.keep(input, document)?;
        self.bar.complain(&format!("tagdeck: {}: {}", input.shown(), told.words));
        self.unstored += usize::from(!told.stored);
        if self.format == DocumentFormat::Json { store::with_stored(&sheet, &told) } else { Ok(sheet) }
    }

    /// Prints a result or writes it into the folder; false when that failed. Fails only when stdout does.
    fn hand_out(&mut self, at: usize, input: &Input, sheet: String) -> Result<bool> {
        if self.folder.is_some() {
            return Ok(self.keep(at, input, &sheet));
        }
        let headed = self.headed(input, sheet);
        self.print(&headed)?;
        Ok(true)
    }

    /// Writes one result into the folder; a full disk costs this one and is tried again with the next.
    fn keep(&mut self, at: usize, input: &Input, sheet: &str) -> bool {
        let (Some(folder), Some(file)) = (&self.folder, self.files.get(at)) else { return false };
        match folder.write(file, sheet.as_bytes()) {
            Ok(()) => true,
            Err(error) => {
                let file = Safe::line(&file.to_string_lossy()).clipped(200);
                self.fail(input, &format!("{file} cannot be written: {}, then read it again", remedy(&error)));
                false
            }
        }
    }

    fn fail(&mut self, input: &Input, why: &str) {
        self.failed += 1;
        self.bar.complain(&format!("tagdeck: {}: {why}", input.shown()));
    }

    fn sheet(&self, document: &Document) -> Result<String> {
        Ok(match self.format {
            DocumentFormat::Md => whole(markdown::markdown(document)),
            DocumentFormat::Text => whole(markdown::text(document)),
            DocumentFormat::Json => format!("{}\n", json_line(document)?),
        })
    }

    /// Under a heading that names its source, when there are several.
    fn headed(&self, input: &Input, sheet: String) -> String {
        if !self.several || self.format == DocumentFormat::Json {
            return sheet;
        }
        let gap = if self.read + self.known == 0 { "" } else { "\n" };
        let name = input.shown();
        match self.format {
            DocumentFormat::Text => format!("{gap}==> {name} <==\n{sheet}"),
            // Code holds any name as it is; one with back quotes in it needs more of them around it.
            _ if name.contains('`') => format!("{gap}# `` {} ``\n\n{sheet}", name.replace("``", "` `")),
            _ => format!("{gap}# `{name}`\n\n{sheet}"),
        }
    }

    fn print(&mut self, text: &str) -> Result<()> {
        if !self.unread {
            self.unread =
                !self.bar.aside(|| output::try_write(text.as_bytes())).wrap_err("the result cannot be written to stdout")?;
        }
        Ok(())
    }

    fn summary(&self, total: usize, whole: bool, elapsed: Duration) {
        if self.unstored > 0 {
            output::complain(
                "tagdeck: what is not stored yet goes up with `tagdeck run --kind upload --until-idle`, or with any engine",
            );
        }
        if total < 2 && whole {
            return;
        }
        let seconds = elapsed.as_secs_f64();
        let rate = self.read as f64 / seconds.max(0.001);
        let failed = if self.failed > 0 { format!(", {} failed", grouped(self.failed as i64)) } else { String::new() };
        let images = counted(self.read as i64, "image", "images");
        let known = if self.known > 0 { format!(", {} read before", grouped(self.known as i64)) } else { String::new() };
        let left = total.saturating_sub(self.read + self.known + self.failed);
        let cancelled = if whole { String::new() } else { format!("; cancelled, {} not read", grouped(left as i64)) };
        output::complain(&format!("{images} read{known}{failed} in {seconds:.1} s ({rate:.1} a second){cancelled}"));
    }
}

/// A text that ends its last line.
fn whole(text: String) -> String {
    if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
}

/// Why a file cannot be written and what to do; the system's own words would name the temporary file as well.
fn remedy(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full; make room".to_owned(),
        io::ErrorKind::QuotaExceeded => "your share of the disk is used up; make room".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "you may not write there; make the folder writable or name another with --out".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only; name another folder with --out".to_owned(),
        io::ErrorKind::NotFound => "the folder is gone; make it anew".to_owned(),
        _ => format!("{error}; check the folder or name another with --out"),
    }
}
