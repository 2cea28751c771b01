//! Promises of salvage and normalise.

use proptest::prelude::*;

use super::*;

fn tags(content: &str) -> Vec<String> {
    match salvage(content, false) {
        Found::Tags(tags) => tags,
        other => panic!("{content:?} → {other:?}"),
    }
}

#[test]
fn tags_are_found_in_every_dress() {
    for content in [
        r#"{"tags": ["наука", "космос"]}"#,
        r#"["наука", "космос"]"#,
        "```json\n[\"наука\", \"космос\"]\n```",
        "```\n{\"tags\": [\"наука\", \"космос\"]}\n```",
        "Конечно! Вот теги:\n[\"наука\", \"космос\"]\nЕсли нужно, добавлю ещё.",
        "[“наука”, “космос”]",
        "[„наука“, „космос“]",
        "[«наука», «космос»]",
        "['наука', 'космос']",
        "[`наука`, `космос`]",
        "[\"наука\", \"космос\",]",
        "[\"наука\" \"космос\"]",
        "[\"наука\"\n\"космос\"]",
        "[наука, космос]",
        "<think>пусть [\"чушь\", \"бред\", \"вздор\"] будет</think>[\"наука\", \"космос\"]",
        "пусть [\"чушь\"]</think>\n\n[\"наука\", \"космос\"]",
        "<|channel|>analysis<|message|>[\"чушь\"]<|end|><|start|>assistant<|channel|>final<|message|>[\"наука\", \"космос\"]",
        "[\"наука\", \"космос\", \"недопис",
        "{\"tags\": [\"наука\", \"космос\"",
        r#"[{"tag": "наука"}, {"tag": "космос"}]"#,
        r#"{"tags": [{"name": "наука", "score": 0.9}, {"name": "космос", "why": "о ракете"}]}"#,
        r#"{"analysis": "Текст о ракете", "words": ["слово"], "tags": ["наука", "космос"]}"#,
        r#"{"tags": "наука, космос"}"#,
        r#"{"tag1": "наука", "tag2": "космос"}"#,
        r#"[["наука"], ["космос"]]"#,
        r#""{\"tags\": [\"наука\", \"космос\"]}""#,
        r#"{\"tags\": [\"наука\", \"космос\"]}"#,
        "Теги: наука, космос",
        "**Теги:** наука, космос.",
        "Теги:\n- наука\n- космос",
        "- наука\n- космос",
        "• наука\n• космос",
        "1. наука\n2. космос",
        "1) наука\n2) космос",
        "Вот теги:\n\n* **наука**\n* **космос**",
        "Вот теги к посту:\nнаука, космос",
        "#наука #космос",
        "Теги: #наука, #космос",
        "[\"\\u043d\\u0430\\u0443\\u043a\\u0430\", \"космос\"]",
    ] {
        assert_eq!(tags(content), ["наука", "космос"], "{content}");
    }
    assert_eq!(tags("наука, космос, марсоход"), ["наука", "космос", "марсоход"]);
    assert_eq!(tags("наука\nкосмос\nмарсоход"), ["наука", "космос", "марсоход"]);
}

#[test]
fn quotes_and_backslashes_inside_a_tag_do_not_end_it() {
    assert_eq!(tags(r#"["ооо "ромашка"", "к\осмос", "it's"]"#), ["ооо \"ромашка\"", "космос", "it's"]);
    assert_eq!(tags("['it's', 'rock'n'roll']"), ["it's", "rock'n'roll"]);
    assert_eq!(tags(r#"["\ud83d\ude00 смех", "\ud83d", "x"]"#), ["😀 смех", "x"]);
}

#[test]
fn prose_is_no_list() {
    for content in [
        "Hello! How can I help you today?",
        "Hello! How can I help you?",
        "LARGE-M9N3T",
        "Этот пост рассказывает о том, как учёные нашли воду на Марсе, и почему это важно.",
        "Конечно, помогу",
        "**Step-by-step breakdown:**\n\nHere's how it works:\n\n- 123 × 6 = 738\n- 123 × 50 = 6,150\n\n**Adding:** 56,088",
        "Привет, чем могу помочь, расскажите подробнее",
        "[ссылка](https://example.com) и [1]",
        r#"{"numerator": 123, "denominator": 456, "on_inf": "infinity"}"#,
        r#"{"type":"object","properties":{"tags":{"type":"array"}},"required":["tags"]}"#,
        "<think>[\"чушь\", \"бред\"]",
        "",
        "{\"tags\": [\"недоп",
        "[null, null]",
    ] {
        assert_eq!(salvage(content, false), Found::Nothing, "{content}");
    }
}

#[test]
fn an_empty_list_means_no_topic() {
    for content in ["[]", "{\"tags\":[]}", "```json\n[ ]\n```", "<think>хм</think>{\"tags\": [\n]}"] {
        assert_eq!(salvage(content, false), Found::NoTopic, "{content}");
    }
}

#[test]
fn a_refusal_is_told_from_tags_about_refusals() {
    for content in [
        "I'm sorry, but I can’t assist with that request.",
        "I cannot help with that.",
        "К сожалению, я не могу помочь с этим запросом.",
        "Я не могу обсуждать эту тему. Давайте поговорим о чём-нибудь ещё?",
        "Не люблю менять тему разговора, но вот сейчас тот самый случай.",
    ] {
        assert!(matches!(salvage(content, false), Found::Refusal(_)), "{content}");
    }
    assert_eq!(tags("[\"отказ от помощи\", \"i can't help\"]"), ["отказ от помощи", "i can't help"]);
}

#[test]
fn a_list_cut_at_the_limit_loses_its_last_word() {
    assert_eq!(
        salvage("наука, космос, марсоход, геоло", true),
        Found::Tags(vec!["наука".into(), "космос".into(), "марсоход".into()])
    );
    assert_eq!(salvage("[наука, космос, геоло", true), Found::Nothing);
}

#[test]
fn tags_are_brought_into_one_form() {
    let form = |raw: &[&str]| normalise(raw.iter().map(|tag| (*tag).to_owned()));
    assert_eq!(
        form(&["  #Наука ", "КОСМОС\u{202e}", "искусственный_интеллект", "«Роскосмос»", "тёплый   день"]),
        ["наука", "космос", "искусственный интеллект", "роскосмос", "тёплый день"]
    );
    assert_eq!(form(&["учёные", "ученые", "Учёный", "Cats", "cat"]), ["учёные", "cats"]);
    assert_eq!(form(&["a", "", "#", "...", "я".repeat(51).as_str(), "c++", "c#", ".net", "3d"]), ["c++", "c#", ".net", "3d"]);
    assert_eq!(form(&["наука, космос", "#мир #труд", "1,5 градуса"]), ["наука", "космос", "мир", "труд", "1,5 градуса"]);
    assert_eq!(form(&["й\u{306}", "и\u{306}од", "a\u{1b}[31mb\nc"]).last().unwrap(), "a[31mb c");
    // A Greek question mark becomes a semicolon under NFC.
    assert!(form(&["a\u{37e}b"]).is_empty());
    assert_eq!(form(&["раз", "два", "три", "четыре", "пять", "шесть", "семь", "восемь"]).len(), 7);
}

#[test]
fn hostile_answers_cost_linear_time() {
    let start = std::time::Instant::now();
    for unit in [
        "[",
        "{\"a\":[",
        "\"",
        "\" ",
        "[\"",
        "['",
        "<think>",
        "</think>",
        "<|",
        "<|message|>",
        "\\",
        "[\"\\",
        "а,",
        "#а ",
        "- а\n",
        "](",
        "\\u",
        "«",
        "\n",
        "[,",
    ] {
        let content = unit.repeat(1_000_000 / unit.len());
        let _ = salvage(&content, true);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn salvage_survives_any_text(text in "\\PC*|[\\[\\]{}\"'«»“”:,;\\\\nuаЯё #\\-*<>/think\n ]{0,200}", cut in any::<bool>()) {
        if let Found::Tags(tags) = salvage(&text, cut) {
            prop_assert!(!tags.is_empty());
        }
    }

    #[test]
    fn whole_json_lists_are_read_exactly(tags in proptest::collection::vec("[a-zа-яё0-9,.: ]{0,8}[xыё][a-zа-яё0-9#«» -]{0,8}", 1..7)) {
        let wanted: Vec<String> = tags.clone();
        let json = serde_json::json!({ "tags": tags }).to_string();
        prop_assert_eq!(salvage(&json, false), Found::Tags(wanted));
    }

    #[test]
    fn normalised_tags_stay_as_they_are(raw in proptest::collection::vec(any::<String>(), 0..12)) {
        let tags = normalise(raw);
        prop_assert!(tags.len() <= MAX_TAGS);
        for tag in &tags {
            let count = tag.chars().count();
            prop_assert!((2..=50).contains(&count), "{:?}", tag);
            prop_assert!(!tag.contains('\n') && !tag.starts_with('#'));
        }
        prop_assert_eq!(normalise(tags.clone()), tags);
    }
}
