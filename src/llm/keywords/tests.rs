//! Promises of `local/keywords`.

use super::*;
use proptest::prelude::*;

fn own(text: &str) -> Vec<String> {
    tags(text, &Vocabulary::default())
}

#[test]
fn the_posts_own_hashtags_come_first_then_the_channels() {
    let channel = ["космонавтика".to_owned(), "марсоходы".to_owned(), "экономика".to_owned()];
    let found = tags("Новый марсоход готов к запуску на космодроме. #космос #МКС", &Vocabulary { channel_tags: &channel });
    assert_eq!(found[..3], ["космос", "мкс", "марсоходы"]);
    assert!(!found.contains(&"экономика".to_owned()));
}

#[test]
fn verbs_numbers_links_and_small_words_are_no_tags() {
    let text = "**Учёные сообщили**, что искусственный интеллект помогает врачам. Искусственный интеллект находит опухоли на снимках в 95% случаев. https://example.com/ai @doctor_bot";
    let found = own(text);
    assert!(found.contains(&"искусственный интеллект".to_owned()), "{found:?}");
    for bad in ["сообщили", "помогает", "95", "example", "doctor", "https", "что", "находит"] {
        assert!(found.iter().all(|tag| !tag.contains(bad)), "{bad} in {found:?}");
    }
}

#[test]
fn english_posts_are_read_with_english_stop_words() {
    let found = own(
        "NASA says the Perseverance rover has collected rock samples from an ancient river delta on Mars. The rock samples may hold signs of life.",
    );
    assert!(found.iter().any(|tag| tag.contains("rover") || tag.contains("rock samples") || tag == "nasa"), "{found:?}");
    assert!(found.iter().all(|tag| !["the", "says", "has"].contains(&tag.as_str())), "{found:?}");
}

#[test]
fn a_post_without_words_has_no_tags() {
    for text in ["", "   ", "🎉🎉🎉", "https://t.me/x", "12345 67", "@name"] {
        assert!(own(text).is_empty(), "{text:?} → {:?}", own(text));
    }
}

#[test]
fn a_megabyte_costs_no_more_than_its_beginning() {
    let text = "наука и космос ".repeat(70_000);
    let start = std::time::Instant::now();
    assert!(own(&text).len() <= 7);
    assert!(start.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn no_punctuation_drives_the_tokenizer_into_a_panic() {
    for unit in [
        "'", "\"", "(", "''a", "a'", "a.", "A. ", "a-", "-", "&#27;", "a@a.", "x://", ".a", "(a", "А.Б.", "a\u{301}", "1,",
        "1.1.", "?!", "ÅA", "\u{2028}", "ʼ",
    ] {
        let text = unit.repeat(2000);
        assert!(own(&text).len() <= 7, "{unit}");
        assert!(own(&format!("Наука и космос {text} наука")).len() <= 7, "{unit}");
    }
}

proptest! {
    #[test]
    fn any_text_gives_at_most_seven_normal_tags(text in "\\PC{0,300}|[\\PCа-я .'\"()]{0,1500}|[а-яё #*_\\[\\]()@:/.\n-]{0,300}") {
        let found = own(&text);
        prop_assert!(found.len() <= 7);
        prop_assert_eq!(normalise(found.clone()), found);
    }
}
