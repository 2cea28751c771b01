//! Every sentence that the engine can write is known in Russian, and comes out right.

use std::path::Path;

use super::*;
use crate::tui::locale::RUSSIAN;

/// Where what the engine says is written.
const SOURCES: [&str; 9] = [
    "src/engine.rs",
    "src/engine",
    "src/llm/outcome.rs",
    "src/llm/route/pass.rs",
    "src/llm/route/pass",
    "src/llm/route/decide.rs",
    "src/llm/route/health.rs",
    "src/ocr.rs",
    "src/blob/error.rs",
];

/// Parts of sentences, whose wholes stand in the table below, and what no event, pause or reason holds.
const NO_SENTENCES: &[&str] = &[
    "put off until somebody can be asked",
    "put off for {}",
    "; near to it: {}",
    "{} is not among its provider's models{suggestions}",
    "until you resume",
    "the only model",
    "all {all} models",
    "{asked} of {all} models",
    "another engine ({holder}) works on this database; watch it with `tagdeck --observe`, or stop it first",
    "cannot make the lock file {path}: {cause}; is the folder writable?",
    "process unknown",
    "the end of a call is not written down",
    "class of storage failure",
];

fn told(sentence: &str) -> String {
    RUSSIAN.as_ref().unwrap().heard.translate(&Safe::line(sentence)).to_string()
}

fn files(path: &Path, found: &mut String) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("reason = \""));
        found.extend(lines.flat_map(|line| [line, "\n"]));
    }
}

/// String literals of a source.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut characters) = (Vec::new(), source.chars().peekable());
    while let Some(c) = characters.next() {
        // A character in quotes may be the quote itself.
        if c == '\'' {
            let ahead: String = characters.clone().take(3).collect();
            if ahead.starts_with("\"'") {
                characters.next();
            } else if ahead.starts_with("\\\"'") {
                characters.nth(1);
            }
            continue;
        }
        if c != '"' {
            continue;
        }
        let mut literal = String::new();
        while let Some(c) = characters.next() {
            match c {
                '"' => break,
                '\\' => match characters.next() {
                    Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                    Some(escaped) => literal.push(escaped),
                    None => {}
                },
                c => literal.push(c),
            }
        }
        found.push(literal);
    }
    found
}

/// A literal with its gaps filled: a number stands for a sentence and for text of others as well.
fn filled(literal: &str) -> String {
    let (mut out, mut rest) = (String::new(), literal);
    while let Some((before, behind)) = rest.split_once('{') {
        let (gap, after) = behind.split_once('}').unwrap_or((behind, ""));
        out.push_str(before);
        out.push_str(if gap.contains(".1") { "7.5" } else { "7" });
        rest = after;
    }
    out + rest
}

/// At least two words one behind the other.
fn is_sentence(literal: &str) -> bool {
    let plain = filled(literal);
    let words =
        plain.split(' ').filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic() || ",.;:'-".contains(c)));
    words.count() >= 2
}

#[test]
fn every_sentence_of_the_engine_is_known() {
    let mut source = String::new();
    for path in SOURCES {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), &mut source);
    }
    let said: Vec<String> = literals(&source).into_iter().filter(|literal| is_sentence(literal)).collect();
    assert!(said.len() > 80, "{}", said.len());
    let unknown = |literal: &&String| !NO_SENTENCES.contains(&literal.as_str()) && told(&filled(literal)) == filled(literal);
    let unknown: Vec<_> = said.iter().filter(unknown).collect();
    assert!(unknown.is_empty(), "no Russian for {unknown:#?}");
    let gone: Vec<_> = NO_SENTENCES.iter().filter(|words| !said.iter().any(|literal| literal == *words)).collect();
    assert!(gone.is_empty(), "nobody says {gone:#?}");
}

#[test]
fn every_pattern_keeps_what_it_was_given() {
    for (english, forms) in Heard::of_file() {
        let gaps = english.matches('{').count();
        for form in forms {
            assert_eq!(form.matches('{').count(), gaps, "{english}");
            let cyrillic = form.chars().any(|c| ('а'..='я').contains(&c));
            assert!(cyrillic || gaps > 0 || form == english, "{english}");
        }
    }
}

#[test]
fn sentences_are_put_together_anew_from_their_parts() {
    for (english, russian) in [
        ("502: Upstream error from X; again in 2.0 s", "502: Upstream error from X; снова через 2,0 с"),
        (
            "no tags in the answer: Sure! Here; again with a corrected request",
            "в ответе нет тегов: Sure! Here; снова, запрос исправлен",
        ),
        ("→ llama:free after 1 retry: the answer is empty", "→ llama:free после 1 повтора: ответ пуст"),
        (
            "→ llama:free after 2 retries: OpenInference: no answer came",
            "→ llama:free после 2 повторов: OpenInference: ответ не пришёл",
        ),
        (
            "pass 2/5: the body is empty, all 3 models; next in 5 min",
            "проход 2/5: ответ пуст, все 3 модели; следующий через 5 мин",
        ),
        (
            "pass 1/5: the body is empty, 1 of 3 models; 8 calls of one pass are used up; next in 30 s",
            "проход 1/5: ответ пуст, моделей: 1 из 3; исчерпаны 8 запросов прохода; следующий через 30 с",
        ),
        (
            "no answer came, the only model; put off until somebody can be asked",
            "ответ не пришёл, модель единственная; отложено, пока некого спросить",
        ),
        ("our own limit for x: requests_per_minute; put off for 48 s", "наш предел для x: requests_per_minute; отложено на 48 с"),
        ("x/y is not among its provider's models; near to it: x/z", "x/y нет среди моделей провайдера; похожи: x/z"),
        ("x/y is not among its provider's models", "x/y нет среди моделей провайдера"),
        ("given up in pass 5/5: no tags in the answer: 5 s", "прекращено на проходе 5/5: в ответе нет тегов: 5 s"),
        (
            ":free models of openrouter paused for 9 h 52 min: free-models-per-day 50/50",
            "модели :free у openrouter на паузе на 9 ч 52 мин: free-models-per-day 50/50",
        ),
        ("provider x paused until you resume: Invalid key", "провайдер x на паузе, пока вы её не снимете: Invalid key"),
        ("all models of x: not asked for 48 s: no answer came", "все модели x: не спрашивается 48 с: ответ не пришёл"),
        ("1 post that another program wrote is enqueued", "в очереди 1 пост, записанный другой программой"),
        ("21 posts that another program wrote are enqueued", "в очереди 21 пост, записанный другой программой"),
        ("22 posts that another program wrote are enqueued", "в очереди 22 поста, записанные другой программой"),
        (
            "чек.png: it was stopped after 120 s at the stage \"detect\"; raise ocr.page_timeout if such pages are normal",
            "чек.png: остановлено через 120 с на этапе «поиск»; если такие страницы обычны, поднимите ocr.page_timeout",
        ),
        ("a: b.png · 1 200 ms · 57 characters", "a: b.png · 1 200 мс · 57 символов"),
        ("b.png · read before · 1 character", "b.png · уже прочитано · 1 символ"),
        ("tagging 8 posts, reading 2 images", "теги: постов 8, читает 2 изображения"),
        ("0.9 s · rust · the answer is empty", "0.9 s · rust · the answer is empty"),
        ("a sentence of somebody else", "a sentence of somebody else"),
        ("", ""),
    ] {
        assert_eq!(told(english), russian);
    }
}

#[test]
fn a_sentence_made_to_be_slow_is_told_at_once() {
    let began = std::time::Instant::now();
    for part in ["pass 1/5: ", "; again in ", "; put off for ", ": ", "; ", ", all 3 models", "a: not asked for 1 s: "] {
        told(&part.repeat(400 / part.len()));
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}
