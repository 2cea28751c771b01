//! Several images in one go of the real models, as on a GPU: each comes out as when it is read alone, whatever its neighbours do.
//! And of a TIFF's pages the good ones are kept. How well images are read is scored elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::Cursor;
use std::path::Path;

use tagdeck::ocr::document::BlockKind;
use tagdeck::ocr::image::Limits;
use tagdeck::ocr::pipeline::{Reader, Source, Watch};
use tagdeck::ocr::runtime::{Options, Provider, Runtime};
use tagdeck::ocr::{Document, OcrError, Stage};
use tiff::encoder::{TiffEncoder, colortype::Gray8};

/// Stops it, if told so.
struct Follow(Option<OcrError>);

impl Watch for Follow {
    fn stage(&self, _: Stage, _: u32, _: u32) {}

    fn stopped(&self) -> Option<OcrError> {
        self.0.clone()
    }
}

fn reader(cache: &Path, limits: Limits) -> Reader {
    let options = Options { provider: Provider::Cpu, cache_dir: Some(cache.to_owned()), ..Options::default() };
    Reader::open(&Runtime::open(&options).unwrap(), limits).unwrap()
}

fn said(document: &Document) -> Vec<(BlockKind, String)> {
    document.blocks.iter().map(|block| (block.kind, block.text.to_string())).collect()
}

#[test]
fn neighbours_change_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let mut reader = reader(cache.path(), Limits::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/images");
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (first, second) = (bytes("announcement.png"), bytes("prices.png"));
    let (free, stopped) = (Follow(None), Follow(Some(OcrError::Cancelled)));
    let image = |name, bytes, watch| Source { name, bytes, watch };
    let together = [
        image("first", &*first, &free as &dyn Watch),
        image("broken", b"\x89PNG\r\n\x1a\nand no more", &free),
        image("second", &second, &free),
        image("stopped", &second, &stopped),
    ];
    let mut many = reader.read_many(&together).into_iter();
    let mut next = || many.next().unwrap();
    for (name, bytes) in [("first", &first), ("second", &second)] {
        let one = reader.read(name, bytes, &free).unwrap();
        let document = next().unwrap();
        assert_eq!(said(&document), said(&one));
        assert_eq!((&*document.source, document.page), (name, one.page));
        let wrong = next().unwrap_err();
        assert_eq!(wrong.class(), if name == "first" { "bad_image" } else { "cancelled" });
    }
}

#[test]
fn a_page_that_cannot_be_read_costs_the_other_pages_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let mut reader = reader(cache.path(), Limits { max_pixels: 100_000, ..Limits::default() });
    let file = |sides: &[u32]| {
        let mut file = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut file).unwrap();
        for &side in sides {
            encoder.write_image::<Gray8>(side, side, &vec![255; (side * side) as usize]).unwrap();
        }
        file.into_inner()
    };
    let document = reader.read("scan.tiff", &file(&[200, 1000, 100]), &Follow(None)).unwrap();
    assert_eq!(document.pages.iter().map(|page| page.width).collect::<Vec<_>>(), [200, 0, 100]);
    assert!(document.warnings.iter().any(|warning| warning.starts_with("page 2 was left out")), "{:?}", document.warnings);
    let nothing = reader.read("scan.tiff", &file(&[1000, 1000]), &Follow(None)).unwrap_err();
    assert_eq!(nothing.class(), "image_too_large");
}
