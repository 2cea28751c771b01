//! Several images read at once: each is prepared by itself, their lines go through the recogniser together, which keeps a GPU busy.
//! One that fails, is stopped or breaks a run costs the others nothing but time: they are read by themselves then.

use super::page::Prepared;
use super::{Draft, Job, MOST_PIXELS, Reader, Source, assemble};
use crate::ocr::image::{Pages, pages};
use crate::ocr::{Document, OcrError, Stage};

/// An image up to its crops.
struct Waiting<'a> {
    /// Among the images given.
    index: usize,
    job: Job<'a>,
    draft: Draft,
    page: Prepared,
}

type Results = Vec<Option<Result<Document, OcrError>>>;

impl Reader {
    /// Reads images together. A result for each, in their order, and the same as when it is read alone: only lines of one width
    /// share a batch. Images of several pages are read by themselves.
    pub fn read_many(&mut self, images: &[Source<'_>]) -> Vec<Result<Document, OcrError>> {
        let mut results: Results = images.iter().map(|_| None).collect();
        let (mut waiting, mut pixels) = (Vec::new(), 0);
        for (index, image) in images.iter().enumerate() {
            match self.up_to_crops(index, image) {
                Ok(Some(one)) => {
                    pixels += u64::from(one.page.image.width()) * u64::from(one.page.image.height());
                    waiting.push(one);
                }
                // Several pages: left for the end, as what was hurt.
                Ok(None) => {}
                Err(error) => results[index] = Some(Err(error)),
            }
            if pixels > MOST_PIXELS {
                self.finish(std::mem::take(&mut waiting), images, &mut results);
                pixels = 0;
            }
        }
        self.finish(waiting, images, &mut results);
        let each = images.iter().zip(results);
        each.map(|(image, result)| match result {
            Some(Err(OcrError::Cancelled | OcrError::Run(_))) | None if image.watch.stopped().is_none() => {
                self.alone(image, images.len())
            }
            Some(result) => result,
            None => Err(image.watch.stopped().unwrap_or(OcrError::Cancelled)),
        })
        .collect()
    }

    /// `None`: it has several pages.
    fn up_to_crops<'a>(&mut self, index: usize, image: &Source<'a>) -> Result<Option<Waiting<'a>>, OcrError> {
        let (mut job, mut draft) = (Job::new(image.watch), Draft::default());
        let single = job.stage(Stage::Decode, 1, || {
            let mut pages = pages(image.bytes, &self.limits)?;
            if Pages::count(&pages) == 1 { pages.next().transpose() } else { Ok(None) }
        });
        let Some(page) = single? else { return Ok(None) };
        let page = self.prepare(page, &mut job, &mut draft)?;
        Ok(Some(Waiting { index, job, draft, page }))
    }

    /// From crops to documents.
    fn finish(&mut self, waiting: Vec<Waiting<'_>>, images: &[Source<'_>], results: &mut Results) {
        let mut rest = Vec::with_capacity(waiting.len());
        let mut pages = Vec::with_capacity(waiting.len());
        for Waiting { index, job, draft, page } in waiting {
            pages.push(page);
            rest.push((index, job, draft));
        }
        let mut jobs: Vec<&mut Job<'_>> = rest.iter_mut().map(|(_, job, _)| job).collect();
        let read = self.recognise(&mut pages, &mut jobs);
        match read {
            Ok(lines) => {
                for ((page, lines), (index, mut job, mut draft)) in pages.iter().zip(lines).zip(rest) {
                    let document = assemble(&mut self.structure, page, lines, &mut job).map(|(size, blocks)| {
                        draft.add(size, blocks, None);
                        draft.document(images[index].name, &job, self.runtime.label())
                    });
                    results[index] = Some(document);
                }
            }
            Err(error) => {
                for (index, _, _) in rest {
                    results[index] = Some(Err(error.clone()));
                }
            }
        }
    }

    /// One of several that were tried together: whoever ended another of them ended this one's model run with it.
    fn alone(&mut self, image: &Source<'_>, neighbours: usize) -> Result<Document, OcrError> {
        let mut result = Err(OcrError::Cancelled);
        // Each neighbour is ended once at most.
        for _ in 0..=neighbours {
            if self.stop.is_stopped() {
                self.stop.reset();
            }
            // Asked after the reset: who ends this one says so to its watch first.
            if let Some(error) = image.watch.stopped() {
                return Err(error);
            }
            result = self.read(image.name, image.bytes, image.watch);
            if result != Err(OcrError::Cancelled) {
                break;
            }
        }
        result
    }
}
