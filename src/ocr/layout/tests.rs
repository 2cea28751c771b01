//! Small pages of the kinds that people send: what is read first, and what is what.

use proptest::prelude::*;

use super::*;
use crate::ocr::document::{Cell, Table};

/// Letters of the tests are 10 px wide, their boxes 20 px high.
fn line(x: f32, y: f32, text: &str) -> Line {
    sized(x, y, 20.0, text)
}

fn sized(x: f32, y: f32, height: f32, text: &str) -> Line {
    let width = text.chars().count() as f32 * height / 2.0;
    let quad = Quad::from_rect(Rect::new(x, y, x + width, y + height));
    Line { quad, text: Safe::line(text), confidence: 0.9, words: Vec::new() }
}

fn read(lines: Vec<Line>) -> Vec<Block> {
    blocks(PageSize { width: 1000, height: 1400, angle: 0.0 }, lines, Vec::new())
}

fn texts(blocks: &[Block]) -> Vec<&str> {
    blocks.iter().flat_map(|block| block.text.split('\n')).collect()
}

fn kinds(blocks: &[Block]) -> Vec<(BlockKind, &str)> {
    blocks.iter().map(|block| (block.kind, &*block.text)).collect()
}

const LEFT: [&str; 8] = [
    "Первый столбец начинается здесь и",
    "идёт вниз до самого конца листа,",
    "потому что так печатают журналы и",
    "газеты, а читатель к этому привык",
    "с детства и не задумывается вовсе",
    "о том, откуда взялся этот порядок",
    "и почему никто не читает поперёк,",
    "хотя строки стоят рядом по высоте",
];
const RIGHT: [&str; 8] = [
    "второй столбец продолжает рассказ",
    "с той же высоты, на которой начат",
    "первый, и идёт рядом с ним вниз к",
    "нижнему полю, где стоит номер, но",
    "номер этот к столбцу не относится",
    "и читается последним на странице,",
    "после всего остального, что на ней",
    "напечатано мелким шрифтом журнала",
];

fn two_columns(shift: f32) -> Vec<Line> {
    let left = LEFT.iter().enumerate().map(|(at, text)| line(60.0, 200.0 + 26.0 * at as f32, text));
    let right = RIGHT.iter().enumerate().map(|(at, text)| line(430.0, 200.0 + shift + 26.0 * at as f32, text));
    left.chain(right).collect()
}

#[test]
fn two_columns_of_prose_are_read_one_after_the_other() {
    for shift in [0.0, 3.0, 13.0, 21.0] {
        let page = read(two_columns(shift));
        assert_eq!(texts(&page), [LEFT, RIGHT].concat(), "shifted by {shift}");
    }
}

#[test]
fn a_header_is_read_first_and_a_page_number_last() {
    let mut lines = two_columns(13.0);
    lines.push(line(60.0, 60.0, "Журнал, 2024"));
    lines.push(line(600.0, 60.0, "Наука и жизнь"));
    lines.push(line(60.0, 140.0, "Заголовок, который стоит над обоими столбцами журнала"));
    lines.push(line(410.0, 1300.0, "15"));
    let page = read(lines);
    let all = texts(&page);
    assert_eq!(all[..2], ["Журнал, 2024 Наука и жизнь", "Заголовок, который стоит над обоими столбцами журнала"]);
    assert_eq!(all[2..10], LEFT);
    assert_eq!(all.last(), Some(&"15"));
}

#[test]
fn a_shorter_column_leaves_the_rest_of_the_longer_one_in_place() {
    let mut lines = two_columns(0.0);
    lines.retain(|line| line.quad.bounds().left < 400.0 || line.quad.bounds().top < 280.0);
    let page = read(lines);
    assert_eq!(texts(&page), [&LEFT[..], &RIGHT[..4]].concat());
    let mut lines = two_columns(0.0);
    lines.retain(|line| line.quad.bounds().left > 400.0 || line.quad.bounds().top > 260.0);
    assert_eq!(texts(&read(lines)), [&LEFT[3..], &RIGHT[..]].concat());
}

#[test]
fn a_page_that_leans_is_read_as_a_straight_one() {
    let turn = |line: Line| {
        let (sin, cos) = 3.0_f32.to_radians().sin_cos();
        Line { quad: line.quad.map(|p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos)), ..line }
    };
    let page = read(two_columns(0.0).into_iter().map(turn).collect());
    assert_eq!(texts(&page), [LEFT, RIGHT].concat());
}

#[test]
fn both_parties_of_a_contract_keep_their_own_lines() {
    let left = ["Заказчик:", "ПАО «Мастер»", "Адрес: г. Москва,", "ИНН 7708123436", "Р/с 40702810400000002233", "А.С. Глебова"];
    let right = ["Исполнитель:", "ПАО «Альфа»", "Адрес: г. Пермь,", "ИНН 7708123456", "Р/с 40702810400000001111", "А.В. Львов"];
    let mut lines = vec![line(40.0, 100.0, "8.1. Договор может быть изменен и дополнен по соглашению Сторон, а также")];
    lines.push(line(40.0, 124.0, "расторгнут."));
    for (at, (one, two)) in left.iter().zip(right).enumerate() {
        lines.push(line(40.0, 200.0 + 24.0 * at as f32, one));
        lines.push(line(450.0, 200.0 + 24.0 * at as f32, two));
    }
    let page = read(lines);
    assert_eq!(texts(&page)[2..], [left, right].concat());
}

#[test]
fn a_form_is_read_across() {
    let rows = [("Фамилия:", "Иванов"), ("Имя:", "Иван"), ("Отчество:", "Иванович"), ("Город:", "Санкт-Петербург")];
    let lines = rows.iter().enumerate().flat_map(|(at, (label, value))| {
        [line(40.0, 100.0 + 30.0 * at as f32, label), line(300.0, 98.0 + 30.0 * at as f32, value)]
    });
    let wanted: Vec<String> = rows.iter().map(|(label, value)| format!("{label} {value}")).collect();
    assert_eq!(texts(&read(lines.collect())), wanted);
}

#[test]
fn a_table_of_contents_keeps_its_page_numbers_at_their_titles() {
    let rows = [
        "Введение . . . . . . . . . . . . .",
        "Глава 1. Обзор источников . . . .",
        "Глава 2. Методы . . . . . . . .",
        "Заключение . . . . . . . . . .",
    ];
    let lines = rows.iter().enumerate().flat_map(|(at, title)| {
        [line(40.0, 100.0 + 26.0 * at as f32, title), line(900.0, 100.0 + 26.0 * at as f32, &format!("{}", 3 + 10 * at))]
    });
    let page = read(lines.collect());
    for (at, (row, title)) in texts(&page).iter().zip(rows).enumerate() {
        assert_eq!(*row, format!("{title} {}", 3 + 10 * at));
    }
}

#[test]
fn the_time_of_a_message_follows_it() {
    let page = read(vec![
        line(70.0, 100.0, "Сложности с отображением иконок стола"),
        line(70.0, 126.0, "и подчищать её"),
        sized(420.0, 140.0, 14.0, "12:21"),
        line(300.0, 200.0, "Мой ответ стоит правее"),
        sized(520.0, 226.0, 14.0, "12:25"),
    ]);
    let all: Vec<&str> = page.iter().flat_map(|block| block.text.split(['\n', ' '])).collect();
    let at = |word: &str| all.iter().position(|other| *other == word);
    assert!(at("её") < at("12:21") && at("12:21") < at("Мой") && at("правее") < at("12:25"), "{all:?}");
}

#[test]
fn pieces_of_one_row_become_one_line_whatever_their_size() {
    let page = read(vec![
        line(300.0, 104.0, "счёт"),
        sized(40.0, 96.0, 34.0, "№ 5"),
        line(180.0, 102.0, "на"),
        line(40.0, 140.0, "итого"),
    ]);
    assert_eq!(texts(&page), ["№ 5 на счёт", "итого"]);
}

#[test]
fn turned_text_comes_last() {
    let upright = (0..5).map(|at| line(100.0, 100.0 + 26.0 * at as f32, "обычный текст чертежа"));
    let side = Line {
        quad: Quad::from_rect(Rect::new(30.0, 60.0, 45.0, 160.0)),
        text: Safe::line("Инв. № подл."),
        confidence: 0.5,
        words: Vec::new(),
    };
    let page = read(std::iter::once(side).chain(upright).collect());
    assert_eq!(texts(&page).last(), Some(&"Инв. № подл."));
}

#[test]
fn headings_paragraphs_and_lists_are_told_apart() {
    let page = read(vec![
        line(40.0, 100.0, "5. ФОРС-МАЖОР"),
        line(40.0, 124.0, "5.1. Стороны освобождаются от ответственности за неисполнение"),
        line(40.0, 148.0, "обязательств по договору при возникновении обстоятельств:"),
        line(60.0, 172.0, "• пожар;"),
        line(60.0, 196.0, "• потоп, который продолжается более тридцати календарных дней"),
        line(80.0, 220.0, "подряд."),
        line(40.0, 244.0, "5.2. В случае наступления этих обстоятельств Сторона обязана в"),
        line(40.0, 268.0, "течение 5 (пяти) рабочих дней уведомить об этом."),
        line(40.0, 310.0, "Статья 6. Срок действия договора"),
        line(40.0, 334.0, "Договор действует в течение года с даты его заключения и далее"),
    ]);
    assert_eq!(
        kinds(&page),
        [
            (BlockKind::Heading, "5. ФОРС-МАЖОР"),
            (
                BlockKind::Paragraph,
                "5.1. Стороны освобождаются от ответственности за неисполнение\nобязательств по договору при возникновении обстоятельств:"
            ),
            (BlockKind::List, "• пожар;\n• потоп, который продолжается более тридцати календарных дней подряд."),
            (
                BlockKind::Paragraph,
                "5.2. В случае наступления этих обстоятельств Сторона обязана в\nтечение 5 (пяти) рабочих дней уведомить об этом."
            ),
            (BlockKind::Heading, "Статья 6. Срок действия договора"),
            (BlockKind::Paragraph, "Договор действует в течение года с даты его заключения и далее"),
        ]
    );
}

#[test]
fn numbered_items_are_a_list_even_in_capitals() {
    let months = ["1. январь", "2. ФЕВРАЛЬ", "3. март"];
    let mut lines = vec![line(40.0, 100.0, "Вот они:")];
    lines.extend(months.iter().enumerate().map(|(at, month)| line(60.0, 124.0 + 24.0 * at as f32, month)));
    assert_eq!(kinds(&read(lines)), [(BlockKind::Paragraph, "Вот они:"), (BlockKind::List, "1. январь\n2. ФЕВРАЛЬ\n3. март")]);
}

#[test]
fn a_first_line_that_stands_in_begins_a_paragraph() {
    let page = read(vec![
        line(70.0, 100.0, "Первый абзац начинается с красной строки и идёт до"),
        line(40.0, 124.0, "самого края листа, а потом ещё одна строка до самого"),
        line(40.0, 148.0, "края, и ещё одна такая же строка, чтобы точно хватило"),
        line(70.0, 172.0, "второй абзац отделён одним только отступом, и больше"),
        line(40.0, 196.0, "ничем."),
    ]);
    assert_eq!(page.len(), 2);
    assert!(page[1].text.starts_with("второй абзац"));
}

#[test]
fn a_table_stands_where_it_stood() {
    let found = FoundTable {
        bounds: Rect::new(40.0, 150.0, 800.0, 300.0),
        table: Table {
            rows: 1,
            cols: 2,
            cells: ["a", "b"]
                .iter()
                .zip(0..)
                .map(|(text, col)| Cell { row: 0, col, row_span: 1, col_span: 1, text: Safe::line(text) })
                .collect(),
        },
        lines: vec![line(50.0, 200.0, "a"), line(500.0, 200.0, "b")],
    };
    let lines = vec![line(40.0, 320.0, "после таблицы"), line(40.0, 100.0, "Таблица 1. До таблицы")];
    let page = blocks(PageSize::default(), lines, vec![found]);
    assert_eq!(
        kinds(&page),
        [(BlockKind::Paragraph, "Таблица 1. До таблицы"), (BlockKind::Table, "a b"), (BlockKind::Paragraph, "после таблицы")]
    );
    assert_eq!(page[1].lines.len(), 2);
}

#[test]
fn confidence_is_the_mean_over_letters() {
    let lines = vec![Line { confidence: 1.0, ..line(0.0, 0.0, "aaa") }, Line { confidence: 0.6, ..line(0.0, 22.0, "b") }];
    let page = read(lines);
    assert!((page[0].confidence - 0.9).abs() < 1e-6);
}

#[test]
fn an_empty_page_has_no_blocks() {
    assert_eq!(read(Vec::new()), Vec::new());
    assert_eq!(read(vec![line(0.0, 0.0, "  ")]), Vec::new(), "nor has a box in which nothing was read");
}

#[test]
fn ten_thousand_lines_take_no_time() {
    let started = std::time::Instant::now();
    let grid = (0..10_000).map(|at| line((at % 4) as f32 * 300.0, (at / 4) as f32 * 25.0, "слова слова слова слова"));
    let piled = (0..1_500).map(|at| line((at % 7) as f32, (at % 11) as f32, "куча"));
    let comb = (0..10_000).map(|at| line(if at % 3 == 0 { 0.0 } else { 600.0 }, at as f32 * 9.0, "слева или справа"));
    assert_eq!(read(grid.collect()).iter().map(|block| block.lines.len()).sum::<usize>() % 2_500, 0);
    assert!(!read(piled.collect()).is_empty() && !read(comb.collect()).is_empty());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

fn any_line() -> impl Strategy<Value = Line> {
    let word = prop::sample::select(vec!["а", "5. ГЛАВА", "• пункт;", "12 500,00", "текст строки без конца", "Слово", "1)", "—"]);
    (0..900_i32, 0..1200_i32, 4..60_i32, 1..700_i32, -200..200_i32, word).prop_map(|(x, y, height, width, lean, text)| {
        let (x, y, height, width) = (x as f32, y as f32, height as f32, width as f32);
        let lean = lean as f32 / 10.0;
        let corners = [(x, y), (x + width, y + lean), (x + width, y + height + lean), (x, y + height)];
        Line { quad: Quad(corners.map(|(x, y)| Point::new(x, y))), text: Safe::line(text), confidence: 0.5, words: Vec::new() }
    })
}

/// Every piece of text that went in, as often as it went in.
fn words<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = texts.flat_map(|text| text.split_whitespace().map(str::to_owned)).collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_line_ends_in_exactly_one_block_whatever_the_order_it_came_in(
        (lines, mixed) in prop::collection::vec(any_line(), 0..60).prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle()))
    ) {
        let wanted = words(lines.iter().map(|line| &*line.text));
        let page = read(lines);
        prop_assert_eq!(&wanted, &words(page.iter().map(|block| &*block.text)));
        prop_assert_eq!(&wanted, &words(page.iter().flat_map(|block| &block.lines).map(|line| &*line.text)));
        prop_assert_eq!(page, read(mixed));
    }
}
