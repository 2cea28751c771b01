//! Texts as they come out on lines of a width.

use proptest::prelude::*;

use super::*;

fn laid(kind: Kind, raw: &str, width: u16, fold: u8) -> Vec<Line> {
    lay(&Text { kind, raw: raw.to_owned() }, Shape { width, fold: Fold(fold) }, Theme::new(true, true))
}

fn words(kind: Kind, raw: &str, width: u16, fold: u8) -> Vec<String> {
    laid(kind, raw, width, fold).iter().map(Line::words).collect()
}

const DOCUMENT: &str = r#"{"schema":1,"source":"чек.png","page":{"width":800,"height":600,"angle":0.0},"blocks":[{"type":"paragraph","quad":[[1,2],[3,2],[3,4],[1,4]],"text":"a \"b\"","lines":[{"text":"a","words":[]}]}],"warnings":[]}"#;

#[test]
fn json_is_folded_below_a_depth() {
    assert_eq!(
        words(Kind::Json, DOCUMENT, 40, 1),
        [
            "{",
            r#"  "schema": 1,"#,
            r#"  "source": "чек.png","#,
            r#"  "page": {… 3},"#,
            r#"  "blocks": [… 1],"#,
            r#"  "warnings": []"#,
            "}"
        ]
    );
    let three = words(Kind::Json, DOCUMENT, 60, 3).join("\n");
    assert!(three.contains("\n      \"lines\": [… 1]\n") && three.contains("\"quad\": [… 4]"), "{three}");
    let all = words(Kind::Json, DOCUMENT, 60, 0).join("\n");
    assert!(all.contains("        [1, 2],\n") && all.contains("\"words\": []") && !all.contains('…'), "{all}");
}

#[test]
fn json_that_is_cut_off_or_none_is_shown_as_far_as_it_goes() {
    assert_eq!(words(Kind::Json, r#"{"a": [1, {"b": "cut o"#, 40, 1), ["{", r#"  "a": [… 1+]"#]);
    assert_eq!(words(Kind::Json, "{\"a\":1}\n{\"b\":2}", 40, 3), ["{", "  \"a\": 1", "}", "{", "  \"b\": 2", "}"]);
    assert_eq!(words(Kind::Json, "502 Bad Gateway", 40, 3), ["502", "Bad", "Gateway"]);
    assert_eq!(words(Kind::Json, "]]}}", 40, 3), ["]", "]", "}", "}"]);
    assert_eq!(words(Kind::Json, " ", 40, 3), ["It is empty."]);
}

#[test]
fn markdown_is_rendered() {
    let text = "# Заголовок\n\nСлово *за* словом идёт **дальше** края строки.\n\n- первый\n- второй пункт, который длиннее строки\n\n| товар | цена |\n| --- | --- |\n| хлеб | 42 |\n";
    insta::assert_snapshot!(words(Kind::Markdown, text, 28, 0).join("\n"));
}

#[test]
fn a_table_of_merged_cells_is_drawn_as_a_table() {
    let html =
        "<table>\n<tr><td rowspan=\"2\">имя</td><td colspan=\"2\">сумма</td></tr>\n<tr><td>руб</td><td>коп</td></tr>\n</table>";
    insta::assert_snapshot!(words(Kind::Markdown, html, 40, 0).join("\n"));
}

#[test]
fn nothing_in_a_preview_acts_on_the_terminal() {
    let hostile = "# a\u{1b}[2J &#27;[31m &#x9b;2J &#x202e;\n\n`&#27;` [l](http://x/&#7;) ![i\u{7}](y)\n\n<b>\u{1b}</b>\n\n| &#27; | \u{9d} |\n|---|---|\n| &#0; | &#8238; |\n";
    for kind in [Kind::Markdown, Kind::Json, Kind::Plain] {
        for line in laid(kind, hostile, 30, 3) {
            for (text, _) in &line.0 {
                assert_eq!(**text, *Safe::block(text), "{kind:?}");
                assert!(!text.contains('\n'), "{kind:?} {text:?}");
            }
        }
    }
}

#[test]
fn deep_nesting_costs_no_more_than_its_length() {
    let deep = "[".repeat(1 << 20);
    let started = std::time::Instant::now();
    laid(Kind::Json, &deep, 60, 0);
    laid(Kind::Json, &deep, 60, 3);
    laid(Kind::Json, &format!("{{\"a\":{deep}"), 60, 1);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn no_line_is_too_wide_and_nothing_acts(text in any::<String>(), width in 8u16..60) {
        for kind in [Kind::Markdown, Kind::Json, Kind::Plain] {
            for line in laid(kind, &text, width, 3) {
                let words = line.words();
                prop_assert!(words.chars().all(|c| !c.is_control()), "{words:?}");
                if kind != Kind::Markdown && !words.starts_with("It is ") {
                    prop_assert!(words.width() <= usize::from(width), "{kind:?} {words:?}");
                }
            }
        }
    }

    #[test]
    fn plain_text_loses_nothing(text in any::<String>(), width in 8u16..60) {
        let told: String = words(Kind::Plain, &text, width, 3).concat().chars().filter(|c| *c != ' ').collect();
        let given: String = Safe::block(&text).chars().filter(|c| !c.is_whitespace()).collect();
        if !given.is_empty() {
            prop_assert_eq!(told, given);
        }
    }
}
