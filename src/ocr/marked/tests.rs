//! What engines write, well and badly, and what becomes of it.

use proptest::prelude::*;

use super::*;
use crate::ocr::document::Document;

fn kinds(markdown: &str) -> Vec<(BlockKind, String)> {
    blocks(markdown).blocks.into_iter().map(|block| (block.kind, block.text.to_string())).collect()
}

fn text(markdown: &str) -> String {
    kinds(markdown).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n\n")
}

fn written(blocks: Vec<Block>) -> String {
    crate::ocr::markdown::markdown(&Document {
        schema: 1,
        source: Safe::default(),
        page: crate::ocr::document::PageSize::default(),
        pages: Vec::new(),
        blocks,
        engine: crate::ocr::document::EngineLabel::default(),
        timings_ms: std::collections::BTreeMap::new(),
        warnings: Vec::new(),
    })
}

#[test]
fn blocks_are_told_apart() {
    use BlockKind::{Figure, Heading, List, Paragraph, Table};
    let page = "# Договор № 5\n\nСтороны\nсогласились:\n1. платить\n   вовремя;\n2. не **спорить**\n\n- а\n* б\n\n![Image](imgs/1.png)\n\
        <div style=\"text-align: center;\"><img src=\"imgs/2.jpg\" width=\"3%\" /></div>\n---\n| x | y |\n|---|:-:|\n| 1 \\| 2 | &lt;b&gt; |\n\nend";
    let found = kinds(page);
    let kinds: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Heading, Paragraph, List, List, Figure, Figure, Table, Paragraph], "{found:?}");
    assert_eq!(found[2].1, "1. платить вовремя;\n2. не спорить");
    assert_eq!(found[3].1, "- а\n- б");
    assert_eq!(found[6].1, "x y\n1 | 2 <b>");
}

#[test]
fn headings_keep_their_levels() {
    let read = blocks("# Договор\n## Предмет\n#### Примечание #\ntext\n####### seven");
    let found: Vec<_> = read.blocks.iter().map(|block| (block.level, &*block.text)).collect();
    let wanted = [(Some(1), "Договор"), (Some(2), "Предмет"), (Some(4), "Примечание"), (None, "text\n####### seven")];
    assert_eq!(found, wanted);
    assert!(written(read.blocks).starts_with("# Договор\n\n## Предмет\n\n#### Примечание\n"));
}

#[test]
fn marks_go_and_the_pages_own_signs_stay() {
    for (markdown, wanted) in [
        ("**Итого:** 5 * 3 = 15", "Итого: 5 * 3 = 15"),
        ("*курсив* и _подчёркнуто_, но snake_case_name", "курсив и подчёркнуто, но snake_case_name"),
        ("Подпись ________ / ____", "Подпись ________ / ____"),
        ("a < b & c &amp; d &#1071; &#x1F; &unknown;", "a < b & c & d Я ␟ &unknown;"),
        ("5\\* \\[нет\\] C:\\Users", "5* [нет] C:\\Users"),
        ("[сайт](https://x.example) и [1] и (2)", "сайт и [1] и (2)"),
        ("`код` и H<sub>2</sub>O<br>строка", "код и H2O\nстрока"),
        ("сноска* и ещё", "сноска* и ещё"),
        ("$x_1 + y_2$", "$x_1 + y_2$"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ] {
        assert_eq!(text(markdown), wanted, "{markdown}");
    }
}

#[test]
fn an_html_table_keeps_its_grid_whatever_it_claims() {
    let source = "до <TABLE border=1><thead><tr><th rowspan=\"2\">А</th><th colspan='9999999'>Б</th></tr></thead>\n<tr><td>1<br/>2</td>\
        <td rowspan=0>3</td></tr><tr><td colspan=2><table><tr><td>inner</td></tr></table></td></tr></table> после";
    let found = blocks(source).blocks;
    assert_eq!(
        found.iter().map(|block| block.kind).collect::<Vec<_>>(),
        [BlockKind::Paragraph, BlockKind::Table, BlockKind::Paragraph]
    );
    let table = found[1].table.as_ref().unwrap();
    assert_eq!((table.rows, table.cols), (3, 200));
    let cells: Vec<_> = table.cells.iter().map(|c| (c.row, c.col, c.row_span, c.col_span, &*c.text)).collect();
    assert_eq!(cells, [(0, 0, 2, 1, "А"), (0, 1, 1, 199, "Б"), (1, 1, 1, 1, "1\n2"), (1, 2, 1, 1, "3"), (2, 0, 1, 2, "inner")]);
    assert_eq!(kinds("<table><tr><td>без конца")[0].1, "без конца");
    assert!(blocks("<table></table>").blocks.is_empty());
}

#[test]
fn what_was_hostile_acts_nowhere_when_written_again() {
    let page = "# a\u{1b}]52;c;ZXZpbA==\u{7}\n\n| a\u{202e} | <script> |\n|---|---|\n| \u{9b}2J | `x` |\n\n[x](javascript:alert(1)) <img src=x onerror=y>";
    let blocks = blocks(page).blocks;
    let written = written(blocks);
    assert!(!written.contains("javascript") && !written.contains("<img") && written.contains("\\<script>"), "{written}");
    assert!(written.chars().all(|c| c == '\n' || !c.is_control()) && !written.contains('\u{202e}'), "{written}");
}

#[test]
fn a_line_without_end_is_read_in_time_that_grows_with_it() {
    let started = std::time::Instant::now();
    for piece in ["[", "*a ", "<a ", "<table><tr><td>", "`", "![", "|", "&#", "\\", "> ", "_x "] {
        let marked = blocks(&piece.repeat(300_000 / piece.len()));
        assert!(marked.blocks.len() <= MOST_BLOCKS);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert!(blocks(&"x\n\n".repeat(30_000)).cut);
}

proptest! {
    #[test]
    fn nothing_panics_and_every_table_is_a_grid(page in "(<table>|</table>|<tr>|<td rowspan=3>|<td colspan=2>|</td>|\\||---|\n|#|\\*|_|`|\\\\|я|a|&lt;|\\[|\\]\\(|\\)|<br>| ){0,60}") {
        for block in blocks(&page).blocks {
            let Some(table) = block.table else { continue };
            let mut covered = std::collections::BTreeSet::new();
            for cell in &table.cells {
                prop_assert!(cell.row + cell.row_span <= table.rows && cell.col + cell.col_span <= table.cols);
                for row in cell.row..cell.row + cell.row_span {
                    for col in cell.col..cell.col + cell.col_span {
                        prop_assert!(covered.insert((row, col)), "two cells at {row}, {col}");
                    }
                }
            }
        }
    }
}
