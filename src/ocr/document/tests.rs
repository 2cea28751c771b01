//! The JSON of a document is a promise to other programs.

use super::*;
use crate::ocr::geometry::Rect;

fn quad(left: f32) -> Quad {
    Quad::from_rect(Rect::new(left, 10.0, left + 50.0, 30.0))
}

fn document() -> Document {
    let word = Word { quad: quad(5.0), text: Safe::line("Имя"), confidence: 0.5 };
    let line = Line { quad: quad(5.0), text: Safe::line("Имя"), confidence: 0.5, words: vec![word] };
    let paragraph = Block {
        kind: BlockKind::Paragraph,
        page: None,
        level: None,
        quad: quad(5.0),
        confidence: 0.5,
        text: Safe::line("Имя"),
        lines: vec![line],
        table: None,
    };
    let cell = Cell { row: 0, col: 0, row_span: 1, col_span: 2, text: Safe::line("Итого") };
    let table = Block {
        kind: BlockKind::Table,
        page: Some(2),
        lines: Vec::new(),
        table: Some(Table { rows: 1, cols: 2, cells: vec![cell] }),
        ..paragraph.clone()
    };
    let size = PageSize { width: 800, height: 600, angle: 90.5 };
    Document {
        schema: 1,
        source: Safe::line("a.tif"),
        page: size,
        pages: vec![size],
        blocks: vec![paragraph, table],
        engine: EngineLabel {
            provider: "cpu",
            reason: Safe::line("auto: no GPU"),
            models: BTreeMap::from([("ruslat".to_owned(), "00".to_owned())]),
        },
        timings_ms: BTreeMap::from([("total", 12)]),
        warnings: vec![Safe::line("cut")],
    }
}

#[test]
fn json_has_the_promised_keys_in_the_promised_order() {
    insta::assert_snapshot!(serde_json::to_string(&document()).unwrap().replace(",\"", ",\n\""), @r#"
    {"schema":1,
    "source":"a.tif",
    "page":{"width":800,
    "height":600,
    "angle":90.5},
    "pages":[{"width":800,
    "height":600,
    "angle":90.5}],
    "blocks":[{"type":"paragraph",
    "quad":[[5,10],[55,10],[55,30],[5,30]],
    "confidence":0.5,
    "text":"Имя",
    "lines":[{"quad":[[5,10],[55,10],[55,30],[5,30]],
    "text":"Имя",
    "confidence":0.5,
    "words":[{"quad":[[5,10],[55,10],[55,30],[5,30]],
    "text":"Имя",
    "confidence":0.5}]}]},{"type":"table",
    "page":2,
    "quad":[[5,10],[55,10],[55,30],[5,30]],
    "confidence":0.5,
    "text":"Имя",
    "lines":[],
    "table":{"rows":1,
    "cols":2,
    "cells":[{"row":0,
    "col":0,
    "row_span":1,
    "col_span":2,
    "text":"Итого"}]}}],
    "engine":{"provider":"cpu",
    "reason":"auto: no GPU",
    "models":{"ruslat":"00"}},
    "timings_ms":{"total":12},
    "warnings":["cut"]}
    "#);
}

#[test]
fn a_single_page_is_said_once() {
    let mut one = document();
    one.pages.clear();
    one.blocks.pop();
    let json = serde_json::to_string(&one).unwrap();
    assert!(!json.contains("\"pages\"") && json.matches("\"page\"").count() == 1, "{json}");
}

#[test]
fn kinds_have_the_promised_words() {
    let kinds = [BlockKind::Paragraph, BlockKind::Heading, BlockKind::List, BlockKind::Table, BlockKind::Figure];
    assert_eq!(serde_json::to_string(&kinds).unwrap(), r#"["paragraph","heading","list","table","figure"]"#);
}
