//! What a reader of the Markdown sees is what was read from the image, and nothing else.

use super::*;
use crate::ocr::document::{Cell, EngineLabel, Line, PageSize, Table};
use crate::ocr::geometry::{Quad, Rect};
use crate::text::Safe;

fn document(blocks: Vec<Block>) -> Document {
    Document {
        schema: 1,
        source: Safe::line("a.png"),
        page: PageSize::default(),
        pages: Vec::new(),
        blocks,
        engine: EngineLabel::default(),
        timings_ms: std::collections::BTreeMap::new(),
        warnings: Vec::new(),
    }
}

fn block(kind: BlockKind, text: &str) -> Block {
    Block {
        kind,
        page: None,
        level: None,
        quad: Quad::default(),
        confidence: 1.0,
        text: Safe::block(text),
        lines: Vec::new(),
        table: None,
    }
}

fn of(kind: BlockKind, text: &str) -> String {
    markdown(&document(vec![block(kind, text)]))
}

#[test]
fn a_paragraph_keeps_its_lines() {
    assert_eq!(of(BlockKind::Paragraph, "первая стро-\nка, 5 - 3 = 2"), "первая стро-\nка, 5 - 3 = 2\n");
}

#[test]
fn text_that_looks_like_markdown_stays_text() {
    for (text, wanted) in [
        ("# не заголовок", "\\# не заголовок"),
        ("- тире", "\\- тире"),
        ("--- ", "\\---"),
        ("===", "\\==="),
        ("> цитата", "\\> цитата"),
        ("1. январь", "1\\. январь"),
        ("2) февраль", "2\\) февраль"),
        ("5.1. Стороны", "5.1. Стороны"),
        ("-5 градусов", "-5 градусов"),
        ("a|b", "a\\|b"),
        ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("R&D & Co", "R\\&D & Co"),
        ("[x](javascript:0)", "\\[x\\](javascript:0)"),
        ("`код` *жирно* _курсив_ snake_case", "\\`код\\` \\*жирно\\* \\_курсив\\_ snake_case"),
        ("конец\\", "конец\\\\"),
    ] {
        assert_eq!(of(BlockKind::Paragraph, text).trim_end(), wanted);
    }
}

#[test]
fn a_heading_is_one_line() {
    assert_eq!(of(BlockKind::Heading, "Глава 1 с длинным\nназванием"), "## Глава 1 с длинным названием\n");
    assert_eq!(of(BlockKind::Heading, "1.2 Списки"), "### 1.2 Списки\n");
    assert_eq!(of(BlockKind::Heading, "Язык C #"), "## Язык C \\#\n");
}

#[test]
fn headings_without_a_number_are_told_apart_by_the_height_of_their_letters() {
    let sized = |kind, text: &str, height: f32| {
        let quad = Quad::from_rect(Rect::new(0.0, 0.0, 10.0 * text.len() as f32, height));
        let line = Line { quad, text: Safe::line(text), confidence: 1.0, words: Vec::new() };
        Block { lines: vec![line], ..block(kind, text) }
    };
    let body = || sized(BlockKind::Paragraph, "Текст", 20.0);
    let [title, section, numbered, small] = [("Отчёт", 40.0), ("Выводы", 28.0), ("1.2 Сроки", 40.0), ("ИТОГО", 19.0)]
        .map(|(text, height)| sized(BlockKind::Heading, text, height));
    let all = vec![title, body(), section.clone(), numbered, body(), small.clone()];
    assert_eq!(markdown(&document(all)), "# Отчёт\n\nТекст\n\n## Выводы\n\n### 1.2 Сроки\n\nТекст\n\n### ИТОГО\n");
    assert_eq!(markdown(&document(vec![small, body(), section])), "## ИТОГО\n\nТекст\n\n## Выводы\n", "no title above them");
}

#[test]
fn a_list_keeps_numbers_that_count_and_shows_the_others_as_text() {
    assert_eq!(of(BlockKind::List, "1. январь\n2. февраль"), "1. январь\n2. февраль\n");
    assert_eq!(of(BlockKind::List, "1. январь\n3. март"), "1. январь\n- 3\\. март\n");
    assert_eq!(of(BlockKind::List, "• Москва\n— Пермь\nа) ёж"), "- Москва\n- Пермь\n- а) ёж\n");
}

#[test]
fn pages_are_set_apart() {
    let mut blocks = vec![block(BlockKind::Paragraph, "один"), block(BlockKind::Paragraph, "два")];
    blocks[0].page = Some(1);
    blocks[1].page = Some(2);
    assert_eq!(markdown(&document(blocks)), "один\n\n---\n\nдва\n");
}

#[test]
fn plain_text_is_the_words_alone() {
    let blocks = vec![block(BlockKind::Heading, "# 5"), block(BlockKind::Paragraph, "a\nb"), block(BlockKind::Figure, "")];
    assert_eq!(text(&document(blocks)), "# 5\n\na\nb\n");
    let found =
        Block { table: Some(grid(&[(0, 1, 1, 1, "b"), (0, 0, 1, 1, "a\nc"), (1, 0, 1, 2, "d")])), ..block(BlockKind::Table, "") };
    assert_eq!(text(&document(vec![found])), "a c\tb\nd\n");
    assert_eq!(text(&document(Vec::new())), "");
    assert_eq!(markdown(&document(Vec::new())), "");
}

fn grid(cells: &[(u32, u32, u32, u32, &str)]) -> Table {
    let cells: Vec<Cell> = cells
        .iter()
        .map(|&(row, col, row_span, col_span, text)| Cell { row, col, row_span, col_span, text: Safe::block(text) })
        .collect();
    Table {
        rows: cells.iter().map(|c| c.row + c.row_span).max().unwrap_or(0),
        cols: cells.iter().map(|c| c.col + c.col_span).max().unwrap_or(0),
        cells,
    }
}

fn rendered(found: &Table) -> String {
    let mut out = String::new();
    table(found, &mut out);
    out
}

/// Reads a pipe table back, as GFM does: cells end at a `|` without a backslash before it.
fn parse_pipes(text: &str) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let mut cells = vec![String::new()];
        let mut signs = line.trim().strip_prefix('|').unwrap().strip_suffix('|').unwrap().chars();
        while let Some(c) = signs.next() {
            match c {
                '\\' => cells.last_mut().unwrap().push(signs.next().unwrap()),
                '|' => cells.push(String::new()),
                c => cells.last_mut().unwrap().push(c),
            }
        }
        cells.into_iter().map(|cell| cell.trim().replace("<br>", "\n")).collect::<Vec<_>>()
    };
    let mut lines: Vec<&str> = text.lines().collect();
    assert!(lines.remove(1).chars().all(|c| "| -".contains(c)));
    lines.into_iter().map(row).collect()
}

/// Reads our HTML tables back: (row, rowspan, colspan, text) of each cell.
fn parse_html(text: &str) -> Vec<(usize, u32, u32, String)> {
    let mut out = Vec::new();
    let inner = text.strip_prefix("<table>\n").unwrap().strip_suffix("</table>").unwrap();
    assert_eq!(inner.matches("<tr>").count(), inner.lines().count(), "a row a line, no line is empty");
    for (row, line) in inner.lines().enumerate() {
        for cell in line.strip_prefix("<tr>").unwrap().strip_suffix("</tr>").unwrap().split("</td>").filter(|c| !c.is_empty()) {
            let (attributes, content) = cell.strip_prefix("<td").unwrap().split_once('>').unwrap();
            let span = |name: &str| {
                let found = attributes.split(' ').find_map(|a| a.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'));
                found.map_or(1, |number| number.parse().unwrap())
            };
            let content = content.replace("<br>", "\n");
            assert!(!content.contains(['<', '>']));
            let plain = content.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
            out.push((row, span("rowspan"), span("colspan"), plain));
        }
    }
    out
}

#[test]
fn a_pipe_table_reads_back() {
    let found = grid(&[(0, 0, 1, 1, "Имя|Фамилия"), (0, 1, 1, 1, "a\\"), (1, 0, 1, 1, "две\nстроки"), (1, 1, 1, 1, "")]);
    assert_eq!(
        parse_pipes(&rendered(&found)),
        [["Имя|Фамилия", "a\\"], ["две\nстроки", ""]].map(|row| row.map(str::to_owned).to_vec())
    );
}

#[test]
fn cells_that_are_missing_are_empty() {
    let found = Table { rows: 2, cols: 2, cells: grid(&[(1, 1, 1, 1, "x")]).cells };
    assert_eq!(parse_pipes(&rendered(&found)), [["", ""], ["", "x"]].map(|row| row.map(str::to_owned).to_vec()));
}

#[test]
fn a_table_with_merged_cells_is_html_that_reads_back() {
    let found = grid(&[(0, 0, 1, 2, "</td><b>&amp;"), (1, 0, 2, 1, "a\n\nb"), (1, 1, 1, 1, "\"1\""), (2, 1, 1, 1, "2 < 3")]);
    assert_eq!(
        parse_html(&rendered(&found)),
        [(0, 1, 2, "</td><b>&amp;"), (1, 2, 1, "a\nb"), (1, 1, 1, "\"1\""), (2, 1, 1, "2 < 3")].map(|(row, rows, cols, text)| (
            row,
            rows,
            cols,
            text.to_owned()
        ))
    );
}

#[test]
fn a_large_table_takes_no_longer_than_its_cells() {
    let mut found = Table { rows: 4_000, cols: 10, cells: Vec::new() };
    for row in (0..4_000).rev() {
        found.cells.extend((0..10).map(|col| Cell { row, col, row_span: 1, col_span: 1, text: Safe::line("12") }));
    }
    let started = std::time::Instant::now();
    assert_eq!(rendered(&found).lines().count(), 4_001);
    found.cells[0].row_span = 2;
    assert_eq!(rendered(&found).lines().count(), 4_002);
    assert!(started.elapsed().as_secs() < 5, "quadratic work would take minutes");
}
