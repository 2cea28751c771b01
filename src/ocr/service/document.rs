//! The service's reply as our document: blocks with their places from its JSON, else from its Markdown alone.
//! What it did not say (confidences, words, lines' places) is not made up.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::reply::Result as Content;
use crate::ocr::document::{Block, BlockKind, EngineLabel, Line, PageSize};
use crate::ocr::geometry::{Quad, Rect};
use crate::ocr::{Document, marked};
use crate::text::Safe;

/// Pages and blocks of a reply that are taken; a page has tens.
const MOST_PAGES: usize = 1000;
const MOST_BLOCKS: usize = 20_000;
/// Pixels above which a number is no place on a page.
const FAR: f64 = 1e6;

/// Of what the service gave for one image. `reason`: which service, and by which way it came.
pub(super) fn document(source: &str, content: &Content, reason: Safe, took: Duration) -> Document {
    let mut warnings = vec![Safe::fixed("read by the OCR service, which gives no confidences: every one of them is 0")];
    let pages = content.json.as_ref().map(pages).unwrap_or_default();
    let mut blocks: Vec<Block> = pages.iter().flat_map(|page| page.blocks.iter().cloned()).collect();
    let mut sizes: Vec<PageSize> = pages.iter().map(|page| page.size).collect();
    if !blocks.iter().any(has_text) {
        // Another version of the service, or a page of pictures; the Markdown says which.
        let read = marked::blocks(&content.markdown);
        if read.blocks.iter().any(has_text) {
            blocks = read.blocks;
            sizes.truncate(1);
            warnings.push(Safe::fixed("the places of its blocks are unknown: the service sent none that could be understood"));
        }
        warnings.extend(read.cut.then(|| Safe::fixed("its Markdown is too long and was cut")));
    }
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Document {
        schema: 1,
        source: Safe::line(source),
        page: sizes.first().copied().unwrap_or_default(),
        pages: if sizes.len() > 1 { sizes } else { Vec::new() },
        blocks,
        engine: EngineLabel { provider: "service", reason, models: BTreeMap::new() },
        timings_ms: [("total", milliseconds)].into(),
        warnings,
    }
}

fn has_text(block: &Block) -> bool {
    !block.text.trim().is_empty() || block.table.as_ref().is_some_and(|table| !table.cells.is_empty())
}

struct Page {
    size: PageSize,
    blocks: Vec<Block>,
}

/// The pages of `PaddleOCR-VL`: one object or a list of them, each with `parsing_res_list`, perhaps below `res`.
fn pages(json: &Value) -> Vec<Page> {
    let one = std::slice::from_ref(json);
    let list = json.as_array().map_or(one, Vec::as_slice);
    let found: Vec<(&Value, &Vec<Value>)> = list
        .iter()
        .take(MOST_PAGES)
        .filter_map(|page| {
            let page = page.get("res").or_else(|| page.get("prunedResult")).unwrap_or(page);
            Some((page, page.get("parsing_res_list")?.as_array()?))
        })
        .collect();
    let several = found.len() > 1;
    let mut left = MOST_BLOCKS;
    let numbered = found.into_iter().zip(1..);
    numbered
        .map(|((page, parsed), number)| {
            let side = |key: &str| page.get(key).and_then(Value::as_f64).filter(|side| (0.0..=FAR).contains(side)).unwrap_or(0.0);
            let size = PageSize { width: side("width") as u32, height: side("height") as u32, angle: 0.0 };
            let mut blocks = Vec::new();
            for entry in parsed.iter().take(left) {
                blocks.extend(block(entry).into_iter().map(|block| Block { page: several.then_some(number), ..block }));
            }
            left = left.saturating_sub(parsed.len());
            Page { size, blocks }
        })
        .collect()
}

/// Mostly one; a text that holds a list and a paragraph is two in one place.
fn block(entry: &Value) -> Vec<Block> {
    let text = |keys: [&str; 2]| keys.iter().find_map(|key| entry.get(*key)?.as_str()).unwrap_or_default();
    let (label, content) = (text(["block_label", "label"]), text(["block_content", "content"]));
    let quad = entry.get("block_bbox").or_else(|| entry.get("bbox")).and_then(quad).unwrap_or_default();
    let placed = |block: Block| {
        let lines = block.lines.into_iter().map(|line| Line { quad, ..line }).collect();
        Block { quad, lines, ..block }
    };
    match label {
        "doc_title" | "paragraph_title" => {
            let content = content.trim_start();
            let title = content.trim_start_matches('#');
            let level = match (content.len() - title.len(), label) {
                (0, "doc_title") => 1,
                (0, _) => 2,
                (signs, _) => u8::try_from(signs).unwrap_or(6).min(6),
            };
            vec![placed(Block { level: Some(level), ..marked::plain(BlockKind::Heading, title) })]
        }
        "image" | "chart" | "seal" | "header_image" | "footer_image" => {
            vec![placed(marked::plain(BlockKind::Figure, &marked::words(content)))]
        }
        _ => marked::blocks(content).blocks.into_iter().map(placed).collect(),
    }
}

/// Left, top, right, bottom.
fn quad(bbox: &Value) -> Option<Quad> {
    let sides: Vec<f64> = bbox.as_array()?.iter().filter_map(Value::as_f64).filter(|side| (-FAR..=FAR).contains(side)).collect();
    let [left, top, right, bottom] = <[f64; 4]>::try_from(sides).ok()?.map(|side| side as f32);
    Some(Quad::from_rect(Rect::new(left, top, right, bottom)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::markdown;
    use serde_json::json;

    fn content(markdown: &str, json: Option<Value>) -> Content {
        Content { markdown: markdown.to_owned(), json, keys: None }
    }

    /// In the shape of PaddleOCR-VL 0.9, shortened.
    fn recorded() -> Value {
        json!({"input_path": "/tmp/x.png", "page_index": null, "width": 1240, "height": 1754,
        "model_settings": {"use_doc_preprocessor": false, "use_layout_detection": true},
        "parsing_res_list": [
          {"block_label": "doc_title", "block_content": "Счёт № 12", "block_bbox": [100, 80, 600, 140], "block_id": 0, "block_order": 1},
          {"block_label": "text", "block_content": "Поставщик: ООО «Ромашка»\nИНН 7701234567", "block_bbox": [100, 160, 900, 220], "block_id": 1},
          {"block_label": "table", "block_bbox": [100, 240, 1100, 500], "block_content":
            "<table><tr><td>Товар</td><td>Цена</td></tr><tr><td colspan=\"2\">Итого: 5 &lt; 6</td></tr></table>"},
          {"block_label": "image", "block_content": "<div style=\"text-align: center;\"><img src=\"imgs/1.jpg\" alt=\"Image\" /></div>", "block_bbox": [0, 0, 9, 9]}
        ]})
    }

    #[test]
    fn a_recorded_reply_keeps_its_places_kinds_and_tables() {
        let read = document(
            "счёт.png",
            &content("ignored", Some(recorded())),
            Safe::fixed("PaddleOCR-VL at x"),
            Duration::from_secs(31),
        );
        let kinds: Vec<_> = read.blocks.iter().map(|block| block.kind).collect();
        assert_eq!(kinds, [BlockKind::Heading, BlockKind::Paragraph, BlockKind::Table, BlockKind::Figure]);
        assert_eq!((read.page.width, read.page.height), (1240, 1754));
        assert_eq!(read.blocks[0].quad.bounds().right.to_bits(), 600.0f32.to_bits());
        assert_eq!(read.blocks[1].lines.len(), 2);
        let table = read.blocks[2].table.as_ref().unwrap();
        assert_eq!((table.rows, table.cols, table.cells[2].col_span, &*table.cells[2].text), (2, 2, 2, "Итого: 5 < 6"));
        assert_eq!((read.engine.provider, read.timings_ms["total"]), ("service", 31_000));
        assert!(markdown::markdown(&read).starts_with("# Счёт № 12\n\nПоставщик"), "{}", markdown::markdown(&read));
        assert!(markdown::markdown(&read).contains("<td colspan=\"2\">Итого: 5 &lt; 6</td>"));
    }

    #[test]
    fn without_json_the_markdown_is_read_and_said_to_have_no_places() {
        for json in [None, Some(json!({"res": {"parsing_res_list": []}})), Some(json!("[[[")), Some(json!([1, null]))] {
            let read = document("a.png", &content("## Акт\n\nтекст", json), Safe::default(), Duration::ZERO);
            assert_eq!((read.blocks.len(), read.blocks[0].kind), (2, BlockKind::Heading));
            assert!(read.warnings.iter().any(|warning| warning.contains("places of its blocks are unknown")));
        }
    }

    #[test]
    fn pages_are_numbered_and_hostile_numbers_do_no_harm() {
        let page = |bbox: Value| {
            json!({"res": {"width": 1e300, "height": -5, "parsing_res_list":
            [{"block_label": "text", "block_content": "x\u{1b}[2J\u{202e}", "block_bbox": bbox}]}})
        };
        let read = document(
            "a",
            &content("", Some(json!([page(json!([1e308, 2, 3])), page(json!("x"))]))),
            Safe::default(),
            Duration::ZERO,
        );
        assert_eq!(read.blocks.iter().map(|block| block.page).collect::<Vec<_>>(), [Some(1), Some(2)]);
        assert_eq!((read.pages.len(), read.page.width, &*read.blocks[0].text), (2, 0, "x␛[2J"));
    }
}
