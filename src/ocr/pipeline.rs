//! One image read from its bytes to its document, step by step.
//! Each step's own work is elsewhere; here are their order, the clock, and where it may be stopped.

use std::collections::BTreeMap;
use std::time::Instant;

use image::RgbImage;

use super::detect::Detector;
use super::document::{Document, EngineLabel, Line, PageSize};
use super::geometry::Quad;
use super::image::{Limits, PageImage, Pages, pages};
use super::models::Model;
use super::recognise::{Reading, Recogniser};
use super::runtime::Runtime;
use super::{OcrError, Stage, layout, line};
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
    recogniser: Recogniser,
    limits: Limits,
    label: EngineLabel,
}

/// Milliseconds by stage.
#[derive(Default)]
struct Clock {
    spent: BTreeMap<&'static str, f64>,
}

impl Clock {
    fn time<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let made = work();
        *self.spent.entry(stage.word()).or_default() += started.elapsed().as_secs_f64() * 1000.0;
        made
    }
}

/// A page up to its crops: what the recogniser needs, and what is needed after it.
struct Prepared {
    number: u32,
    size: PageSize,
    quads: Vec<Quad>,
    crops: Vec<RgbImage>,
}

/// One image on its way.
struct Job<'a> {
    watch: &'a dyn Watch,
    pages: u32,
    clock: Clock,
}

impl Job<'_> {
    fn enter(&self, stage: Stage, page: u32) -> Result<(), OcrError> {
        self.watch.stage(stage, page, self.pages);
        self.watch.stopped().map_or(Ok(()), Err)
    }
}

impl Reader {
    /// Loads the models.
    pub fn open(runtime: &Runtime, limits: Limits) -> Result<Self, OcrError> {
        Ok(Self {
            detector: Detector::new(runtime.net(Model::Detector)?),
            recogniser: Recogniser::new(runtime.net(Model::Ruslat)?, runtime.net(Model::Latin)?, BATCH),
            limits,
            label: EngineLabel { provider: "cpu", ..EngineLabel::default() },
        })
    }

    /// Reads all pages of one image. `source` is its name for the document.
    pub fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        let started = Instant::now();
        let mut job = Job { watch, pages: 1, clock: Clock::default() };
        job.enter(Stage::Decode, 1)?;
        let mut pages = job.clock.time(Stage::Decode, || pages(bytes, &self.limits))?;
        job.pages = Pages::count(&pages);
        let (mut sizes, mut blocks, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(page) = job.clock.time(Stage::Decode, || pages.next()) {
            let page = page?;
            warnings.extend(page.warnings.iter().cloned());
            let prepared = self.prepare(page, &mut job)?;
            let readings = self.recognise(&prepared, &mut job)?;
            sizes.push(prepared.size);
            let number = (job.pages > 1).then_some(prepared.number);
            let made = assemble(&prepared, &readings, &mut job)?;
            blocks.extend(made.into_iter().map(|block| super::document::Block { page: number, ..block }));
        }
        let mut timings_ms: BTreeMap<&'static str, u64> =
            job.clock.spent.iter().map(|(&stage, &spent)| (stage, spent.round() as u64)).collect();
        timings_ms.insert("total", started.elapsed().as_millis() as u64);
        Ok(Document {
            schema: 1,
            source: Safe::line(source),
            page: sizes.first().copied().unwrap_or_default(),
            pages: if sizes.len() > 1 { sizes } else { Vec::new() },
            blocks,
            engine: self.label.clone(),
            timings_ms,
            warnings,
        })
    }

    fn prepare(&mut self, page: PageImage, job: &mut Job) -> Result<Prepared, OcrError> {
        let image = page.pixels;
        job.enter(Stage::Detect, page.number)?;
        let found = job.clock.time(Stage::Detect, || self.detector.find(&image))?;
        let crops = job.clock.time(Stage::Recognise, || found.quads.iter().map(|quad| line::crop(&image, quad)).collect());
        let size = PageSize { width: image.width(), height: image.height(), angle: 0.0 };
        Ok(Prepared { number: page.number, size, quads: found.quads, crops })
    }

    fn recognise(&mut self, page: &Prepared, job: &mut Job) -> Result<Vec<Reading>, OcrError> {
        job.enter(Stage::Recognise, page.number)?;
        job.clock.time(Stage::Recognise, || self.recogniser.read(&page.crops))
    }
}

fn assemble(page: &Prepared, readings: &[Reading], job: &mut Job) -> Result<Vec<super::document::Block>, OcrError> {
    job.enter(Stage::Layout, page.number)?;
    let lines: Vec<Line> = readings.iter().zip(&page.quads).map(|(reading, &quad)| reading.line(quad)).collect();
    Ok(job.clock.time(Stage::Layout, || layout::blocks(page.size, lines, Vec::new())))
}
