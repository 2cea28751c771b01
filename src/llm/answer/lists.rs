//! Finds tags in answers that are no JSON: a labelled line, hashtags, bullets, one line of short words.
//! It takes nothing from prose: a sentence is not a list, however many commas it has.

/// Most items of a list that is still one of tags.
const MAX_ITEMS: usize = 15;

/// Words of talk; a "tag" with one of them is a piece of a sentence.
const TALK: [&str; 66] = [
    "я",
    "мы",
    "вы",
    "ты",
    "он",
    "она",
    "они",
    "это",
    "не",
    "могу",
    "можно",
    "мне",
    "вам",
    "вас",
    "меня",
    "вот",
    "конечно",
    "привет",
    "здравствуйте",
    "извините",
    "простите",
    "сожалению",
    "пожалуйста",
    "чем",
    "как",
    "что",
    "если",
    "для",
    "или",
    "ваш",
    "этот",
    "эти",
    "i",
    "you",
    "we",
    "he",
    "she",
    "they",
    "it",
    "this",
    "that",
    "these",
    "can",
    "cannot",
    "can't",
    "is",
    "are",
    "was",
    "not",
    "the",
    "how",
    "what",
    "here",
    "hello",
    "hi",
    "sorry",
    "sure",
    "please",
    "help",
    "your",
    "my",
    "me",
    "i'm",
    "let",
    "would",
    "following",
];

/// Labels before a list of tags.
const LABELS: [&str; 12] =
    ["теги", "тэги", "тег", "хештеги", "хэштеги", "ключевые слова", "темы", "tags", "tag", "keywords", "hashtags", "topics"];

/// Items of whatever list the text is; `cut`: its last word may be incomplete.
pub(super) fn items(text: &str, cut: bool) -> Vec<String> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("```")).take(200).collect();
    let mut found = labelled(&lines);
    if found.is_empty() {
        found = hashtags(&lines);
    }
    if found.is_empty() {
        found = bullets(&lines);
    }
    if found.is_empty() {
        found = one_line(&lines);
    }
    if found.is_empty() {
        found = one_a_line(&lines);
    }
    if cut {
        found.pop();
    }
    found
}

/// `Теги: наука, космос`, anywhere at the start of a line; the list may stand on the lines below.
fn labelled(lines: &[&str]) -> Vec<String> {
    for (at, line) in lines.iter().enumerate() {
        let clean = line.trim_start_matches(['*', '#', '-', '_', ' ']);
        let Some((label, rest)) = clean.split_once(':') else { continue };
        let label = label.trim_matches(['*', '_', ' ']).to_lowercase();
        let is_label =
            |known: &&str| label == **known || label.split_whitespace().count() <= 6 && label.ends_with(&format!(" {known}"));
        if !LABELS.iter().any(is_label) {
            continue;
        }
        let rest = rest.trim_matches(['*', '_', ' ']);
        if rest.is_empty() {
            let below = &lines[at + 1..];
            for found in [hashtags(below), bullets(below), one_line(below), one_a_line(below)] {
                if !found.is_empty() {
                    return found;
                }
            }
            // One or two plain lines under the label.
            return all_tags(below.iter().copied(), 1);
        }
        let found = split(rest, 1);
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// `#наука #космос`: two or more, or nothing but one.
fn hashtags(lines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut other = 0_usize;
    for word in lines.iter().flat_map(|line| line.split(|c: char| c.is_whitespace() || c == ',')).filter(|word| !word.is_empty())
    {
        match word.strip_prefix('#') {
            Some(tag) if tag.chars().any(char::is_alphabetic) => {
                if found.len() < MAX_ITEMS {
                    found.push(tag.to_owned());
                }
            }
            Some(_) | None => other += 1,
        }
    }
    if found.len() >= 2 || found.len() == 1 && other == 0 { found } else { Vec::new() }
}

/// Bullets or numbers, every one of them a tag; at most a line before and a line behind.
fn bullets(lines: &[&str]) -> Vec<String> {
    let bodies: Vec<Option<&str>> = lines.iter().map(|line| bullet(line)).collect();
    let count = bodies.iter().flatten().count();
    if count < 2 || bodies.len() - count > 2 {
        return Vec::new();
    }
    all_tags(bodies.into_iter().flatten(), 2)
}

fn bullet(line: &str) -> Option<&str> {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if numbered.len() < line.len() {
        return numbered.strip_prefix(['.', ')']).map(str::trim);
    }
    let body = line.strip_prefix(['-', '*', '•', '–', '—', '·', '●', '▪', '◦'])?;
    // `**bold**` is no bullet.
    (body.starts_with(char::is_whitespace) || !line.starts_with('*')).then(|| body.trim())
}

/// One line of three or more short words or phrases between commas.
fn one_line(lines: &[&str]) -> Vec<String> {
    match lines {
        [line] => split(line, 3),
        // "Вот теги к посту:" and the line.
        [lead, line] if lead.ends_with(':') => split(line, 2),
        [] | [_, ..] => Vec::new(),
    }
}

/// Three or more lines, each a tag.
fn one_a_line(lines: &[&str]) -> Vec<String> {
    let lines = match lines {
        [lead, rest @ ..] if lead.ends_with(':') => rest,
        lines => lines,
    };
    if lines.iter().all(|line| line.split_whitespace().count() <= 3) { all_tags(lines.iter().copied(), 3) } else { Vec::new() }
}

fn split(line: &str, least: usize) -> Vec<String> {
    let separators: &[char] = if line.contains(';') {
        &[';']
    } else if line.contains(',') {
        &[',']
    } else {
        &['|', '•', '·', '/']
    };
    all_tags(line.trim_end_matches('.').split(separators), least)
}

/// All of them, if every one could be a tag and there are neither too few nor too many.
fn all_tags<'a>(parts: impl Iterator<Item = &'a str>, least: usize) -> Vec<String> {
    let mut found = Vec::new();
    for part in parts {
        let part = part
            .trim()
            .trim_matches(['*', '_', '`', '"', '\'', '«', '»', '“', '”', ' '])
            .trim_end_matches([',', ';', '.'])
            .trim_start_matches('#');
        if part.is_empty() {
            continue;
        }
        if found.len() == MAX_ITEMS || !could_be_tag(part) {
            return Vec::new();
        }
        found.push(part.to_owned());
    }
    if found.len() >= least { found } else { Vec::new() }
}

fn could_be_tag(part: &str) -> bool {
    let words = part.split_whitespace();
    part.chars().count() <= 50
        && words.clone().count() <= 4
        && part.chars().any(char::is_alphabetic)
        && !part.contains(['.', '!', '?', '=', ':', '<', '>', '{', '}', '[', ']', '\\', '~', '≈', '×', '$'])
        && !words
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
            .any(|word| TALK.contains(&word.as_str()))
}
