//! Recognises a refusal in words, Russian or English.
//! It judges only answers without tags; a post about refusals is none.

use crate::text::first_chars;

/// Whole phrases that only a refusing model says.
const PHRASES: [&str; 22] = [
    "не люблю менять тему разговора",
    "разговоры на чувствительные темы",
    "разговоры на некоторые темы",
    "я не могу обсуждать эту тему",
    "давайте сменим тему",
    "давайте поговорим о чём-нибудь",
    "давайте поговорим о чем-нибудь",
    "нарушает правила",
    "нарушает политику",
    "противоречит правилам",
    "противоречит политике",
    "как языковая модель, я не",
    "как ии, я не",
    "against my guidelines",
    "violates our",
    "violates the content",
    "content policy",
    "not comfortable with",
    "as an ai language model, i",
    "我无法",
    "无法回答",
    "作为一个人工智能",
];
/// Inability…
const UNABLE: [&str; 18] = [
    "не могу",
    "не смогу",
    "не буду",
    "не имею возможности",
    "не в состоянии",
    "вынужден отказать",
    "отказываюсь",
    "невозможно",
    "can't",
    "cannot",
    "can not",
    "unable to",
    "won't",
    "not able to",
    "must decline",
    "have to decline",
    "i decline",
    "not going to",
];
/// …to serve.
const SERVE: [&str; 30] = [
    "помочь",
    "выполнить",
    "обсуждать",
    "создавать",
    "создать",
    "предоставить",
    "продолжить",
    "ответить",
    "отвечать",
    "обработать",
    "обрабатывать",
    "генерировать",
    "сгенерировать",
    "классифицировать",
    "анализировать",
    "участвовать",
    "отказ",
    "assist",
    "help with",
    "help you",
    "fulfill",
    "comply",
    "provide",
    "process",
    "discuss",
    "create",
    "generate",
    "engage",
    "decline",
    "continue with",
];

/// The refusal's words, when the answer begins with one.
pub(super) fn in_words(text: &str) -> Option<String> {
    let head = first_chars(text, 600);
    let lower = head.to_lowercase().replace('’', "'").replace('ё', "е");
    let any = |list: &[&str]| list.iter().any(|phrase| lower.contains(&phrase.replace('ё', "е")));
    (any(&PHRASES) || any(&UNABLE) && any(&SERVE)).then(|| first_chars(head, 200).to_owned())
}
