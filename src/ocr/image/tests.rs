//! Small images of each kind, made on the spot: what is dark must come out dark, and what is broken must be told.

use std::io::Cursor;

use ::image::codecs::png::PngEncoder;
use ::image::{DynamicImage, ExtendedColorType, GrayImage, ImageBuffer, ImageEncoder, Luma, LumaA, Rgba, RgbaImage};
use ::tiff::encoder::{TiffEncoder, colortype};

use super::*;

const SIDE: u32 = 40;

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// White with a black quarter at the top left.
fn quarter() -> GrayImage {
    GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([if x < SIDE / 2 && y < SIDE / 2 { 0 } else { 255 }]))
}

fn only(bytes: &[u8]) -> PageImage {
    let mut pages = pages(bytes, &Limits::default()).unwrap();
    assert_eq!(Pages::count(&pages), 1);
    pages.next().unwrap().unwrap()
}

fn error(bytes: &[u8], limits: &Limits) -> OcrError {
    match pages(bytes, limits) {
        Ok(mut pages) => pages.next().unwrap().unwrap_err(),
        Err(error) => error,
    }
}

/// Grey at the middle of the dark quarter and of the opposite one.
fn contrast(page: &PageImage) -> (u8, u8) {
    let at = |share: u32| page.pixels.get_pixel(page.pixels.width() * share / 4, page.pixels.height() * share / 4).0[1];
    (at(1), at(3))
}

#[test]
fn every_format_is_opened_by_its_content() {
    let picture = DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(quarter()).to_rgb8());
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif]
    {
        let page = only(&encoded(&picture, format));
        let (dark, light) = contrast(&page);
        assert!(dark < 10 && light > 245, "{format:?}: {dark} {light}");
        assert!(page.warnings.is_empty(), "{format:?}: {:?}", page.warnings);
    }
}

#[test]
fn sixteen_bits_are_narrowed_by_the_bits_in_use() {
    for (top, bits) in [(65_535_u16, 16), (4095, 12), (1023, 10)] {
        let deep: ImageBuffer<Luma<u16>, Vec<u16>> =
            ImageBuffer::from_fn(SIDE, SIDE, |x, y| Luma([if quarter().get_pixel(x, y).0[0] == 0 { 0 } else { top }]));
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let (dark, light) = contrast(&only(&encoded(&DynamicImage::ImageLuma16(deep.clone()), format)));
            assert!(dark == 0 && light == 255, "{bits} bits as {format:?}: {dark} {light}");
        }
    }
}

#[test]
fn transparent_images_are_laid_on_paper_that_their_ink_stands_out_from() {
    for ink in [0, 255] {
        let seen = |x: u32, y: u32| if quarter().get_pixel(x, y).0[0] == 0 { 255 } else { 0 };
        // What is transparent has the colour of the ink, as some writers leave it.
        let rgba = RgbaImage::from_fn(SIDE, SIDE, |x, y| Rgba([ink, ink, ink, seen(x, y)]));
        let grey = ImageBuffer::from_fn(SIDE, SIDE, |x, y| LumaA([ink, seen(x, y)]));
        for picture in [DynamicImage::ImageRgba8(rgba), DynamicImage::ImageLumaA8(grey)] {
            let (text, paper) = contrast(&only(&encoded(&picture, ImageFormat::Png)));
            assert!(text == ink && text.abs_diff(paper) > 200, "ink {ink}: {text} on {paper}");
        }
    }
}

#[test]
fn every_page_of_a_tiff_is_read_and_those_past_the_limit_are_told() {
    let mut bytes = Vec::new();
    let mut encoder = TiffEncoder::new(Cursor::new(&mut bytes)).unwrap();
    for page in 1..=3_u32 {
        let rows = vec![200; (page * 10 * 20) as usize];
        encoder.write_image::<colortype::Gray8>(page * 10, 20, &rows).unwrap();
    }
    let widths = |limits: &Limits| pages(&bytes, limits).unwrap().map(|page| page.unwrap().pixels.width()).collect::<Vec<_>>();
    assert_eq!(widths(&Limits::default()), [10, 20, 30]);
    let two = Limits { max_pages: 2, ..Limits::default() };
    assert_eq!(widths(&two), [10, 20]);
    let last = pages(&bytes, &two).unwrap().last().unwrap().unwrap();
    assert!(last.warnings[0].contains("left out"), "{:?}", last.warnings);
}

#[test]
fn a_chain_of_pages_that_leads_back_ends() {
    let mut bytes = encoded(&DynamicImage::ImageLuma8(quarter()), ImageFormat::Tiff);
    let first = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let entries = usize::from(u16::from_le_bytes(bytes[first..first + 2].try_into().unwrap()));
    let next = first + 2 + entries * 12;
    bytes[next..next + 4].copy_from_slice(&(first as u32).to_le_bytes());
    assert_eq!(Pages::count(&pages(&bytes, &Limits::default()).unwrap()), 1);
}

#[test]
fn the_tag_of_a_camera_is_obeyed() {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    // A TIFF header and one entry: orientation 6, to be turned by 90° clockwise.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.write_image(&quarter(), SIDE, SIDE, ExtendedColorType::L8).unwrap();
    let page = only(&bytes);
    let at = |x: u32, y: u32| page.pixels.get_pixel(x, y).0[0];
    assert_eq!((at(10, 10), at(30, 10)), (255, 0), "the dark quarter is at the top right now");
}

#[test]
fn a_file_cut_short_gives_its_first_part_with_a_warning() {
    let noisy = GrayImage::from_fn(300, 300, |x, y| Luma([((x * 7919 + y * 104_729) % 251) as u8]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp] {
        let bytes = encoded(&DynamicImage::ImageLuma8(noisy.clone()), format);
        let page = only(&bytes[..bytes.len() / 2]);
        assert_eq!(page.pixels.dimensions(), (300, 300));
        assert!(page.warnings[0].contains("cut short"), "{format:?}: {:?}", page.warnings);
    }
}

#[test]
fn what_is_too_large_is_refused_by_its_head() {
    let limits = Limits { max_pixels: 1000, ..Limits::default() };
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif]
    {
        let bytes = encoded(&DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(quarter()).to_rgb8()), format);
        assert_eq!(error(&bytes, &limits).class(), "image_too_large", "{format:?}");
    }
    let little = Limits { max_bytes: 1000, ..Limits::default() };
    assert_eq!(error(&encoded(&DynamicImage::ImageLuma8(quarter()), ImageFormat::Png), &little).class(), "image_too_large");
}

#[test]
fn what_is_no_image_is_told_with_what_to_do() {
    for (bytes, told) in [
        (&b""[..], "empty"),
        (b"Dear reader", "none of PNG"),
        (b"%PDF-1.7", "pdftoppm"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"P6\n1 1\n255\n", "save it as PNG"),
        (b"II*\0\xff\xff\xff\xff", "names no page"),
    ] {
        let error = error(bytes, &Limits::default());
        assert_eq!(error.class(), "bad_image");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn bytes_changed_at_random_never_panic() {
    let mut random = fastrand::Rng::with_seed(7);
    let limits = Limits { max_pixels: 1_000_000, max_bytes: 20 << 20, max_pages: 5 };
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif]
    {
        let whole = encoded(&DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(quarter()).to_rgb8()), format);
        for _ in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(bytes.len() / 2..=bytes.len()));
            if let Ok(pages) = pages(&bytes, &limits) {
                // Whatever comes, it comes as a value.
                assert!(pages.take(10).all(|page| page.is_ok() || page.is_err()));
            }
        }
    }
}
