//! The rival oar-ocr 0.10.2 behind our output: image paths in, one JSON document a line out, one thread.
//! It adds nothing to the rival: text blocks in the rival's order, no tables (its structure pipeline lacks its models here).

use std::io::Write;

use oar_ocr::core::config::OrtSessionConfig;
use oar_ocr::domain::tasks::TextDetectionConfig;
use oar_ocr::oarocr::{OAROCR, OAROCRBuilder};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// `oar_ocr_rival MODELS ruslat|tiny IMAGE...`: MODELS is the folder assets/models.
fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(models), Some(reader)) = (arguments.next(), arguments.next()) else {
        return Err("usage: oar_ocr_rival MODELS ruslat|tiny IMAGE...".into());
    };
    let ocr = build(&models, &reader)?;
    let mut out = std::io::stdout().lock();
    for path in arguments {
        let document = match read(&ocr, &path) {
            Ok(blocks) => json!({"schema": 1, "source": path, "blocks": blocks}),
            Err(error) => json!({"schema": 1, "source": path, "error": {"class": "rival", "message": error.to_string()}}),
        };
        writeln!(out, "{document}")?;
    }
    Ok(())
}

/// The thresholds are those of its own preset for PP-OCRv6 tiny.
fn build(models: &str, reader: &str) -> Result<OAROCR, Failure> {
    let (recogniser, symbols) = match reader {
        "ruslat" => ("ruslat_rec.onnx", "ruslat_charset.txt"),
        _ => ("ppocrv6_tiny_rec.onnx", "ppocrv6_tiny_dict.txt"),
    };
    let detection = TextDetectionConfig { score_threshold: 0.2, box_threshold: 0.4, unclip_ratio: 1.4, max_candidates: 3000, ..TextDetectionConfig::default() };
    let builder = OAROCRBuilder::new(format!("{models}/ppocrv6_tiny_det.onnx"), format!("{models}/{recogniser}"), format!("{models}/{symbols}"))
        .with_document_image_orientation_classification(format!("{models}/doc_orientation_4way.onnx"))
        .text_detection_config(detection)
        .region_batch_size(16)
        .ort_session(OrtSessionConfig::new().with_intra_threads(1).with_inter_threads(1));
    Ok(builder.build()?)
}

fn read(ocr: &OAROCR, path: &str) -> Result<Vec<Value>, Failure> {
    let image = image::ImageReader::open(path)?.with_guessed_format()?.decode()?.into_rgb8();
    let results = ocr.predict(vec![image])?;
    let texts = results.iter().flat_map(|result| result.text_regions.iter());
    Ok(texts.filter_map(|region| region.text.as_ref()).map(|text| json!({"type": "paragraph", "text": text.to_string()})).collect())
}
