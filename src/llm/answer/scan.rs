//! Finds JSON-like lists in a text in one pass: any quotes, missing commas, objects for items, a cut end.
//! It is no JSON parser: it keeps a depth, not a tree, so that `[[[[…` costs neither stack nor time.

use std::iter::Peekable;
use std::str::CharIndices;

/// Items of one list; more are the work of a model that repeats itself.
const MAX_ITEMS: usize = 64;
/// Characters of one item.
const MAX_ITEM: usize = 200;

/// What the lists of a text held.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Items of the best list.
    pub items: Vec<String>,
    /// A complete list without items.
    pub empty_list: bool,
    /// The text is JSON, or tries to be: no other kind of list is to be searched in it.
    pub looks_like_json: bool,
}

/// Keys under which models put a list of tags.
const LIST_KEYS: [&str; 9] = ["tags", "tag", "keywords", "topics", "labels", "categories", "теги", "тэги", "ключевые слова"];
/// Keys under which models put one tag, when they make an object of it.
const ITEM_KEYS: [&str; 10] = ["tag", "name", "value", "label", "text", "title", "keyword", "topic", "тег", "название"];

/// Scans a text for lists and returns the best: one under a key for tags, else the longest, else the last.
pub(super) fn arrays(text: &str) -> Scanned {
    let mut scan = Scan {
        text,
        chars: text.char_indices().peekable(),
        lists: Vec::new(),
        loose: Vec::new(),
        depth: 0,
        list: None,
        key: None,
    };
    scan.run();
    let mut found = Scanned {
        looks_like_json: text
            .trim_start_matches(['`', '\n', ' '])
            .trim_start_matches("json")
            .trim_start()
            .starts_with(['{', '[']),
        ..Scanned::default()
    };
    let mut best: Option<List> = None;
    for list in scan.lists {
        if list.items.is_empty() {
            found.empty_list |= list.closed && list.blank;
        } else if best.as_ref().is_none_or(|known| (list.keyed, list.items.len()) >= (known.keyed, known.items.len())) {
            best = Some(list);
        }
    }
    found.items = best.map_or(scan.loose, |list| list.items);
    // A model that echoes the schema or the example has named no tag.
    found.items.retain(|item| !is_placeholder(item));
    found
}

#[derive(Default)]
struct List {
    items: Vec<String>,
    /// Words without quotes, taken only when nothing is quoted.
    bare: Vec<String>,
    /// Depth at which its bracket closes.
    depth: usize,
    keyed: bool,
    closed: bool,
    /// Nothing but white space stood in it.
    blank: bool,
}

struct Scan<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    lists: Vec<List>,
    /// Tags of objects that stand in no list.
    loose: Vec<String>,
    depth: usize,
    list: Option<List>,
    key: Option<String>,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut bare_from: Option<usize> = None;
        while let Some((at, c)) = self.chars.next() {
            if let Some(close) = closing(c)
                && (c != '\'' && c != '’' || self.depth > 0 && bare_from.is_none())
                && self.depth > 0
            {
                self.end_bare(bare_from.take(), at, false);
                if let Some(text) = self.quoted(close) {
                    self.take_string(text);
                }
                continue;
            }
            match c {
                '[' => {
                    self.depth += 1;
                    if let Some(list) = &mut self.list {
                        list.blank = false;
                    } else {
                        let keyed = self.key.take().is_some_and(|key| LIST_KEYS.contains(&key.as_str()));
                        self.list = Some(List { depth: self.depth, keyed, blank: true, ..List::default() });
                    }
                }
                '{' => {
                    self.depth += 1;
                    self.key = None;
                    if let Some(list) = &mut self.list {
                        list.blank = false;
                    }
                }
                ']' | '}' => {
                    self.end_bare(bare_from.take(), at, true);
                    let ends = self.list.as_ref().is_some_and(|list| list.depth == self.depth);
                    self.depth = self.depth.saturating_sub(1);
                    self.key = None;
                    if ends {
                        self.end_list(c == ']');
                    }
                }
                ',' | ';' => {
                    self.end_bare(bare_from.take(), at, true);
                    self.key = None;
                }
                ':' => bare_from = None,
                '\n' => self.end_bare(bare_from.take(), at, false),
                c if c.is_whitespace() => {}
                _ => {
                    if let Some(list) = &mut self.list {
                        list.blank = false;
                        bare_from.get_or_insert(at);
                    }
                }
            }
        }
        self.end_list(false);
    }

    /// A word without quotes ends; it counts only when a comma or bracket ends it.
    fn end_bare(&mut self, from: Option<usize>, at: usize, complete: bool) {
        if let (Some(from), Some(list), true) = (from, &mut self.list, complete) {
            let word = self.text[from..at].trim();
            let is_word = word.chars().any(char::is_alphabetic) && !matches!(word, "null" | "true" | "false" | "None");
            if is_word && list.bare.len() < MAX_ITEMS && word.len() <= MAX_ITEM && word.split_whitespace().count() <= 4 {
                list.bare.push(word.to_owned());
            }
        }
    }

    fn end_list(&mut self, closed: bool) {
        if let Some(mut list) = self.list.take() {
            list.closed = closed;
            let is_link = matches!(self.chars.peek(), Some((_, '(')));
            if list.items.is_empty() && closed && !is_link && (list.bare.len() > 1 || list.keyed) {
                list.items = std::mem::take(&mut list.bare);
            }
            self.lists.push(list);
        }
    }

    fn take_string(&mut self, text: String) {
        while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        if self.chars.next_if(|(_, c)| *c == ':').is_some() {
            self.key = Some(text.trim().to_lowercase());
            return;
        }
        let key = self.key.take();
        let (items, keys_of_one) = match &mut self.list {
            Some(list) => {
                list.blank = false;
                (&mut list.items, true)
            }
            None => (&mut self.loose, false),
        };
        if items.len() >= MAX_ITEMS || text.trim().is_empty() {
            return;
        }
        match key {
            None if keys_of_one => items.push(text),
            Some(key) if keys_of_one && ITEM_KEYS.contains(&key.as_str()) => items.push(text),
            // {"tags": "наука, космос"}
            Some(key) if LIST_KEYS.contains(&key.as_str()) => {
                items.extend(text.split([',', ';']).map(|part| part.trim().to_owned()).take(MAX_ITEMS));
            }
            // {"tag1": "наука", "tag2": "космос"}
            Some(key) if key.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_') == "tag" => items.push(text),
            Some(_) | None => {}
        }
    }

    /// The rest of a string up to its closing quote; `None` when it ends at a line break or with the text.
    fn quoted(&mut self, close: &[char]) -> Option<String> {
        let mut out = String::new();
        let mut length = 0;
        while let Some((at, c)) = self.chars.next() {
            match c {
                '\\' => self.escape(&mut out),
                '\n' => return None,
                c if close.contains(&c) && ends_string(&self.text[at + c.len_utf8()..]) => {
                    return (length <= MAX_ITEM).then_some(out);
                }
                c if length <= MAX_ITEM => out.push(c),
                _ => {}
            }
            length += 1;
        }
        None
    }

    fn escape(&mut self, out: &mut String) {
        match self.chars.next() {
            Some((_, 'n' | 't' | 'r')) => out.push(' '),
            Some((at, 'u')) => {
                let pair = self.text.get(at..at + 11).filter(|pair| pair.get(5..7) == Some("\\u"));
                let decoded = |escape: &str| serde_json::from_str::<String>(&format!("\"\\{escape}\"")).ok();
                let (text, skip) = match pair.and_then(decoded).filter(|text| text.chars().count() == 1) {
                    Some(text) => (text, 10),
                    // Half a pair stands for nothing, but its digits must not become the tag.
                    None => match self.text.get(at + 1..at + 5).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                        Some(_) => (self.text.get(at..at + 5).and_then(decoded).unwrap_or_default(), 4),
                        None => (String::new(), 0),
                    },
                };
                out.push_str(&text);
                for _ in 0..skip {
                    self.chars.next();
                }
            }
            Some((_, c)) => out.push(c),
            None => {}
        }
    }
}

fn is_placeholder(item: &str) -> bool {
    let word = item.trim().trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | ' ')).to_lowercase();
    matches!(word.as_str(), "tag" | "tags" | "string" | "тег" | "теги")
}

/// Closing quotes for an opening one.
fn closing(open: char) -> Option<&'static [char]> {
    match open {
        '"' | '“' | '”' | '„' | '‟' => Some(&['"', '“', '”', '‟']),
        '\'' | '‘' | '’' | '‚' => Some(&['\'', '‘', '’']),
        '«' => Some(&['»']),
        '`' => Some(&['`']),
        _ => None,
    }
}

/// True when a quote before `rest` ends its string: a delimiter follows, or, a comma forgotten, the next string.
fn ends_string(rest: &str) -> bool {
    // Bounded, so that a text full of quotes and blanks stays linear.
    let mut spaces = 0;
    for c in rest.chars().take(64) {
        match c {
            ',' | ';' | ']' | '}' | ':' | '\n' => return true,
            c if c.is_whitespace() => spaces += 1,
            c => return spaces > 0 && closing(c).is_some(),
        }
    }
    true
}
