//! Images read from their bytes to their documents, step by step: prepare (decode to crops), recognise, assemble.
//! Each step's own work is elsewhere; here are their order, the clock, and where reading may be stopped.

mod page;
mod settle;
mod together;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use image::RgbImage;

use self::page::{Prepared, Seen, Sheet};
use super::detect::Detector;
use super::document::{Block, Document, EngineLabel, Line, PageSize};
use super::image::{Limits, PageImage, Pages, pages};
use super::layout;
use super::models::Model;
use super::orient::Orienter;
use super::recognise::{Reading, Recogniser};
use super::runtime::{Runtime, Stop};
use super::slanet::Structure;
use super::table::Grid;
use super::{OcrError, Stage, table};
use crate::text::Safe;

/// Lines in one run of the recogniser on a CPU: measured best on one thread.
const BATCH: usize = 16;
/// The same on a GPU, which idles through smaller ones.
const GPU_BATCH: usize = 64;
/// Images whose lines are read together on a GPU.
const GPU_IMAGES: usize = 8;
/// Pixels of pages (as they are read) that may wait for each other: with what is made of each, some 10 bytes a pixel.
const MOST_PIXELS: u64 = 40_000_000;

/// Somebody who follows the reading of an image and may stop it.
pub trait Watch: Sync {
    /// A stage begins on page `page` (from 1) of `pages`.
    fn stage(&self, stage: Stage, page: u32, pages: u32);

    /// Why to stop, if so; asked between steps and between the recogniser's batches.
    fn stopped(&self) -> Option<OcrError>;

    /// Something that a person who follows the log should read; of an image read on this machine there is nothing.
    fn note(&self, _text: &Safe) {}
}

/// Reads images, one after another; models stay loaded, no page does.
pub struct Reader {
    detector: Detector,
    orienter: Orienter,
    recogniser: Recogniser,
    structure: Structure,
    limits: Limits,
    runtime: Runtime,
    stop: Stop,
}

/// An image to be read.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its name for the document.
    pub name: &'a str,
    /// The file.
    pub bytes: &'a [u8],
    /// Who follows it.
    pub watch: &'a dyn Watch,
}

/// Ends what a reader does now, from another thread.
pub type Ender = Box<dyn Fn() + Send>;

/// Whoever reads images: a [`Reader`], or another that takes its place. Each thread that reads has one of its own.
pub trait Reads: Send {
    /// See [`Reader::read`].
    fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError>;

    /// See [`Reader::read_many`].
    fn read_many(&mut self, images: &[Source<'_>]) -> Vec<Result<Document, OcrError>> {
        images.iter().map(|image| self.read(image.name, image.bytes, image.watch)).collect()
    }

    /// How many images are worth reading together.
    fn at_once(&self) -> usize {
        1
    }

    /// What ends the next reading, whatever was ended before; `None`: it ends between its steps only.
    fn ender(&self) -> Option<Ender> {
        None
    }
}

impl Reads for Reader {
    fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        Self::read(self, source, bytes, watch)
    }

    fn read_many(&mut self, images: &[Source<'_>]) -> Vec<Result<Document, OcrError>> {
        match images {
            [image] => vec![Self::read(self, image.name, image.bytes, image.watch)],
            _ => Self::read_many(self, images),
        }
    }

    fn at_once(&self) -> usize {
        Self::at_once(self)
    }

    fn ender(&self) -> Option<Ender> {
        let stop = self.stopper();
        stop.reset();
        Some(Box::new(move || stop.stop()))
    }
}

/// One image on its way: who watches it, its number of pages, and the time spent by stage.
struct Job<'a> {
    watch: &'a dyn Watch,
    pages: u32,
    started: Instant,
    spent: BTreeMap<&'static str, Duration>,
}

impl<'a> Job<'a> {
    fn new(watch: &'a dyn Watch) -> Self {
        Self { watch, pages: 1, started: Instant::now(), spent: BTreeMap::new() }
    }

    /// Does a stage's work, unless somebody wants the job to end.
    fn stage<T>(&mut self, stage: Stage, page: u32, work: impl FnOnce() -> Result<T, OcrError>) -> Result<T, OcrError> {
        self.begin(stage, page)?;
        let started = Instant::now();
        let made = work();
        self.add(stage, started.elapsed());
        // A model that somebody ended says only that it was.
        made.map_err(|error| if error == OcrError::Cancelled { self.watch.stopped().unwrap_or(error) } else { error })
    }

    fn begin(&self, stage: Stage, page: u32) -> Result<(), OcrError> {
        self.watch.stage(stage, page, self.pages);
        self.watch.stopped().map_or(Ok(()), Err)
    }

    fn add(&mut self, stage: Stage, time: Duration) {
        *self.spent.entry(stage.word()).or_default() += time;
    }

    fn timings(&self) -> BTreeMap<&'static str, u64> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut timings: BTreeMap<_, _> = self.spent.iter().map(|(&stage, &time)| (stage, milliseconds(time))).collect();
        timings.insert("total", milliseconds(self.started.elapsed()));
        timings
    }
}

/// What has been read of an image so far.
#[derive(Default)]
struct Draft {
    sizes: Vec<PageSize>,
    blocks: Vec<Block>,
    warnings: Vec<Safe>,
}

impl Draft {
    fn add(&mut self, size: PageSize, blocks: Vec<Block>, page: Option<u32>) {
        self.sizes.push(size);
        self.blocks.extend(blocks.into_iter().map(|block| Block { page, ..block }));
    }

    fn document(self, source: &str, job: &Job, engine: EngineLabel) -> Document {
        Document {
            schema: 1,
            source: Safe::line(source),
            page: self.sizes.first().copied().unwrap_or_default(),
            pages: if self.sizes.len() > 1 { self.sizes } else { Vec::new() },
            blocks: self.blocks,
            engine,
            timings_ms: job.timings(),
            warnings: self.warnings,
        }
    }
}

impl Reader {
    /// Loads the models.
    pub fn open(runtime: &Runtime, limits: Limits) -> Result<Self, OcrError> {
        let detector = runtime.net(Model::Detector)?;
        let stop = detector.stopper();
        let net = |model: Model| {
            let mut net = runtime.net(model)?;
            net.stop_with(&stop);
            Ok::<_, OcrError>(net)
        };
        let (ruslat, latin, orientation) = (net(Model::Ruslat)?, net(Model::Latin)?, net(Model::PageOrientation)?);
        // Asked only now: a GPU may have refused a model.
        let recogniser = Recogniser::new(ruslat, latin, if runtime.on_gpu() { GPU_BATCH } else { BATCH });
        let orienter = Orienter::new(orientation);
        let structure = Structure::new(runtime.clone(), stop.clone());
        Ok(Self { detector: Detector::new(detector), orienter, recogniser, structure, limits, runtime: runtime.clone(), stop })
    }

    /// Ends a run of any of its models from another thread: for a watchdog, when asking between steps is not enough.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// How many images are worth reading together: one on a CPU, where together they only take longer and more memory.
    pub fn at_once(&self) -> usize {
        if self.runtime.on_gpu() { GPU_IMAGES } else { 1 }
    }

    /// Reads all pages of one image. `source` is its name for the document. Of several pages those that fail are left out with a
    /// warning, unless all do.
    pub fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        let mut job = Job::new(watch);
        let mut pages = job.stage(Stage::Decode, 1, || pages(bytes, &self.limits))?;
        job.pages = Pages::count(&pages);
        let mut draft = Draft::default();
        let (mut failed, mut first) = (0, None);
        for number in 1..=job.pages {
            match self.page(&mut pages, number, &mut job, &mut draft) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error @ (OcrError::Cancelled | OcrError::Deadline { .. } | OcrError::Engine(_))) => return Err(error),
                Err(error) if job.pages == 1 => return Err(error),
                Err(error) => {
                    draft.warnings.push(Safe::line(&format!("page {number} was left out: {error}")).clipped(400));
                    // Pages are known by their place.
                    draft.sizes.push(PageSize::default());
                    failed += 1;
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if failed == draft.sizes.len() => Err(error),
            _ => Ok(draft.document(source, &job, self.runtime.label())),
        }
    }

    /// One of an image's pages; false: there is none any more.
    fn page(&mut self, pages: &mut Pages<'_>, number: u32, job: &mut Job<'_>, draft: &mut Draft) -> Result<bool, OcrError> {
        let Some(page) = job.stage(Stage::Decode, number, || pages.next().transpose())? else { return Ok(false) };
        let mut prepared = [self.prepare(page, job, draft)?];
        let lines = self.recognise(&mut prepared, &mut [&mut *job])?;
        let many = (job.pages > 1).then_some(number);
        for (page, lines) in prepared.iter().zip(lines) {
            let (size, blocks) = assemble(&mut self.structure, page, lines, job)?;
            draft.add(size, blocks, many);
        }
        Ok(true)
    }

    fn prepare(&mut self, page: PageImage, job: &mut Job, draft: &mut Draft) -> Result<Prepared, OcrError> {
        let number = page.number;
        draft.warnings.extend(page.warnings.iter().cloned());
        let (sheet, image) = Sheet::of(page);
        let Self { detector, orienter, recogniser, .. } = self;
        let seen = job.stage(Stage::Detect, number, || Seen::of(image, detector))?;
        let quarters = job.stage(Stage::Orient, number, || orienter.turns(&seen.clean, &seen.found.quads, recogniser))?;
        job.stage(Stage::Detect, number, || page::prepare(detector, sheet, seen, quarters))
    }

    /// The lines of each page, of one job each. Unsure ones are read a second time, from other crops.
    fn recognise(&mut self, pages: &mut [Prepared], jobs: &mut [&mut Job<'_>]) -> Result<Vec<Vec<Line>>, OcrError> {
        let crops: Vec<Vec<RgbImage>> = pages.iter_mut().map(|page| std::mem::take(&mut page.crops)).collect();
        let readings = self.read_crops(&crops, pages, &[], jobs)?;
        let mut settled: Vec<_> = pages.iter().zip(readings).map(|(page, readings)| settle::sides(page, readings)).collect();
        let tries: Vec<_> = pages.iter().zip(&settled).map(|(page, settled)| settle::other_crops(page, settled)).collect();
        let (tries, crops): (Vec<_>, Vec<_>) = tries.into_iter().unzip();
        let shares: Vec<_> = settled.iter().map(|settled| Some(settle::cyrillic_share(settled))).collect();
        let readings = self.read_crops(&crops, pages, &shares, jobs)?;
        for ((settled, tries), readings) in settled.iter_mut().zip(&tries).zip(readings) {
            settle::take_better(settled, tries, readings);
        }
        Ok(settled.into_iter().map(settle::lines).collect())
    }

    /// What crops say, by page, with the shares of Cyrillic that are known of them. The lines of a page whose job is stopped may
    /// stay empty: the job's next stage ends it.
    fn read_crops(
        &mut self,
        crops: &[Vec<RgbImage>],
        pages: &[Prepared],
        shares: &[Option<f32>],
        jobs: &mut [&mut Job<'_>],
    ) -> Result<Vec<Vec<Reading>>, OcrError> {
        let started = Instant::now();
        for (page, job) in pages.iter().zip(&*jobs) {
            // Stopped ones are passed over below.
            let _ = job.begin(Stage::Recognise, page.number);
        }
        let watches: Vec<&dyn Watch> = jobs.iter().map(|job| job.watch).collect();
        let gone = |page: usize| watches.get(page).is_none_or(|watch| watch.stopped().is_some());
        let together: Vec<&[RgbImage]> = crops.iter().map(Vec::as_slice).collect();
        let readings = self.recogniser.read_pages(&together, shares, &gone);
        let all: usize = crops.iter().map(Vec::len).sum();
        for (crops, job) in crops.iter().zip(jobs.iter_mut()) {
            job.add(Stage::Recognise, started.elapsed().mul_f64(crops.len() as f64 / all.max(1) as f64));
        }
        readings
    }
}

/// From a page's lines to its blocks, in pixels of the page as it was before it was made smaller.
fn assemble(
    structure: &mut Structure,
    page: &Prepared,
    mut lines: Vec<Line>,
    job: &mut Job,
) -> Result<(PageSize, Vec<Block>), OcrError> {
    let (number, shrink) = (page.number, page.shrink);
    let mut opinion = |grid: &Grid, lines: &[Line]| structure.grid(&page.image, grid, lines);
    let tables = job.stage(Stage::Tables, number, || table::found(&page.grids, &page.rulings, &mut lines, &mut opinion))?;
    let size = PageSize { width: page.image.width(), height: page.image.height(), angle: page.size.angle };
    let mut blocks = job.stage(Stage::Layout, number, || Ok(layout::blocks(size, lines, tables)))?;
    if shrink > 1.0 {
        for block in &mut blocks {
            page::enlarge(block, shrink);
        }
    }
    Ok((page.size, blocks))
}
