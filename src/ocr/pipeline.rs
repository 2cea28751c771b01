//! Images read from their bytes to their documents, step by step: prepare (decode to crops), recognise, assemble.
//! Each step's own work is elsewhere; here are their order, the clock, and where reading may be stopped.

mod page;
mod settle;

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
use super::{OcrError, Stage, table};
use crate::text::Safe;

/// Lines in one run of the recogniser on a CPU: measured best on one thread.
const BATCH: usize = 16;

/// Somebody who follows the reading of an image and may stop it.
pub trait Watch: Sync {
    /// A stage begins on page `page` (from 1) of `pages`.
    fn stage(&self, stage: Stage, page: u32, pages: u32);

    /// Why to stop, if so; asked between steps.
    fn stopped(&self) -> Option<OcrError>;
}

/// Reads images, one after another; models stay loaded, no page does.
pub struct Reader {
    detector: Detector,
    orienter: Orienter,
    recogniser: Recogniser,
    limits: Limits,
    runtime: Runtime,
    stop: Stop,
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
        self.watch.stage(stage, page, self.pages);
        self.watch.stopped().map_or(Ok(()), Err)?;
        let started = Instant::now();
        let made = work();
        *self.spent.entry(stage.word()).or_default() += started.elapsed();
        made
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
        let recogniser = Recogniser::new(net(Model::Ruslat)?, net(Model::Latin)?, BATCH);
        let orienter = Orienter::new(net(Model::PageOrientation)?);
        Ok(Self { detector: Detector::new(detector), orienter, recogniser, limits, runtime: runtime.clone(), stop })
    }

    /// Ends a run of any of its models from another thread: for a watchdog, when asking between steps is not enough.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Reads all pages of one image. `source` is its name for the document.
    pub fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        let mut job = Job::new(watch);
        let mut pages = job.stage(Stage::Decode, 1, || pages(bytes, &self.limits))?;
        job.pages = Pages::count(&pages);
        let mut draft = Draft::default();
        for number in 1..=job.pages {
            let Some(page) = job.stage(Stage::Decode, number, || pages.next().transpose())? else { break };
            let mut prepared = [self.prepare(page, &mut job, &mut draft)?];
            let lines = self.recognise(&mut prepared, &mut job)?;
            for (page, lines) in prepared.into_iter().zip(lines) {
                let many = (job.pages > 1).then_some(page.number);
                let (size, blocks) = assemble(&page, lines, &mut job)?;
                draft.add(size, blocks, many);
            }
        }
        Ok(draft.document(source, &job, self.runtime.label()))
    }

    /// Reads several images, their lines together: what keeps a GPU busy. Images of several pages are read one by one.
    /// A result for each image, in their order; one that fails does not touch the others.
    pub fn read_many(&mut self, images: &[(&str, &[u8])], watch: &dyn Watch) -> Vec<Result<Document, OcrError>> {
        let mut results: Vec<Option<Result<Document, OcrError>>> = Vec::with_capacity(images.len());
        let (mut prepared, mut waiting) = (Vec::new(), Vec::new());
        for (index, &(source, bytes)) in images.iter().enumerate() {
            let mut job = Job::new(watch);
            let mut draft = Draft::default();
            let single = job.stage(Stage::Decode, 1, || {
                let mut pages = pages(bytes, &self.limits)?;
                if Pages::count(&pages) == 1 { pages.next().transpose() } else { Ok(None) }
            });
            let page = match single {
                Ok(Some(page)) => self.prepare(page, &mut job, &mut draft),
                Ok(None) => {
                    results.push(Some(self.read(source, bytes, watch)));
                    continue;
                }
                Err(error) => Err(error),
            };
            match page {
                Ok(page) => {
                    prepared.push(page);
                    waiting.push((index, job, draft));
                    results.push(None);
                }
                Err(error) => results.push(Some(Err(error))),
            }
        }
        let mut together = Job::new(watch);
        match self.recognise(&mut prepared, &mut together) {
            Ok(lines) => {
                for ((page, lines), (index, mut job, mut draft)) in prepared.into_iter().zip(lines).zip(waiting) {
                    job.spent.extend(together.spent.iter().map(|(&stage, &time)| (stage, time)));
                    let document = assemble(&page, lines, &mut job).map(|(size, blocks)| {
                        draft.add(size, blocks, None);
                        draft.document(images[index].0, &job, self.runtime.label())
                    });
                    results[index] = Some(document);
                }
            }
            Err(error) => waiting.iter().for_each(|(index, _, _)| results[*index] = Some(Err(error.clone()))),
        }
        results.into_iter().map(|result| result.unwrap_or(Err(OcrError::Cancelled))).collect()
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

    /// The lines of each page. Unsure ones are read a second time, from other crops.
    fn recognise(&mut self, pages: &mut [Prepared], job: &mut Job) -> Result<Vec<Vec<Line>>, OcrError> {
        let crops: Vec<Vec<RgbImage>> = pages.iter_mut().map(|page| std::mem::take(&mut page.crops)).collect();
        let readings = self.read_crops(&crops, pages, &vec![None; crops.len()], job)?;
        let mut settled: Vec<_> = pages.iter().zip(readings).map(|(page, readings)| settle::sides(page, readings)).collect();
        let tries: Vec<_> = pages.iter().zip(&settled).map(|(page, settled)| settle::other_crops(page, settled)).collect();
        let (tries, crops): (Vec<_>, Vec<_>) = tries.into_iter().unzip();
        let shares: Vec<_> = settled.iter().map(|settled| Some(settle::cyrillic_share(settled))).collect();
        let readings = self.read_crops(&crops, pages, &shares, job)?;
        for ((settled, tries), readings) in settled.iter_mut().zip(&tries).zip(readings) {
            settle::take_better(settled, tries, readings);
        }
        Ok(settled.into_iter().map(settle::lines).collect())
    }

    /// What crops say, by page. A page's crops go together: the recogniser judges by them what script the page is in, unless told.
    fn read_crops(
        &mut self,
        crops: &[Vec<RgbImage>],
        pages: &[Prepared],
        shares: &[Option<f32>],
        job: &mut Job,
    ) -> Result<Vec<Vec<Reading>>, OcrError> {
        let all = crops.iter().zip(pages).zip(shares);
        let read = |((crops, page), &share): ((&Vec<RgbImage>, &Prepared), &Option<f32>)| {
            job.stage(Stage::Recognise, page.number, || self.recogniser.read_again(crops, share))
        };
        all.map(read).collect()
    }
}

/// From a page's lines to its blocks, in pixels of the page as it was before it was made smaller.
fn assemble(page: &Prepared, mut lines: Vec<Line>, job: &mut Job) -> Result<(PageSize, Vec<Block>), OcrError> {
    let (number, shrink) = (page.number, page.shrink);
    let tables = job.stage(Stage::Tables, number, || Ok(table::found(&page.grids, &page.rulings, &mut lines)))?;
    let size = PageSize { width: page.image.width(), height: page.image.height(), angle: page.size.angle };
    let mut blocks = job.stage(Stage::Layout, number, || Ok(layout::blocks(size, lines, tables)))?;
    if shrink > 1.0 {
        for block in &mut blocks {
            page::enlarge(block, shrink);
        }
    }
    Ok((page.size, blocks))
}
