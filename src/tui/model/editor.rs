//! A line of text a person types: Unicode, a cursor between what they see as characters, paste as text.
//! It draws nothing and knows no command; what ends the line is the keymap's.

use unicode_segmentation::UnicodeSegmentation;

use crate::text::Safe;

/// Most bytes a line takes; a paste by mistake must not fill the memory.
const LONGEST: usize = 16_384;

/// The line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    /// Byte offset of the cursor, between two grapheme clusters.
    cursor: usize,
}

impl Editor {
    /// With a text to begin with, the cursor behind it.
    pub fn new(text: &str) -> Self {
        let mut editor = Self::default();
        editor.insert(text);
        editor
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Text at the cursor: a key, or a paste. Line breaks become spaces; what would act on a terminal does not come in.
    pub fn insert(&mut self, text: &str) {
        let safe = Safe::block(text);
        let clean: String = safe.chars().map(|c| if c == '\n' { ' ' } else { c }).collect();
        let room = LONGEST.saturating_sub(self.text.len());
        let clean = &clean[..clean.floor_char_boundary(room)];
        self.text.insert_str(self.cursor, clean);
        self.cursor += clean.len();
        self.settle();
    }

    /// An accent typed after its letter joins it: the cursor never stands inside what is seen as one character.
    fn settle(&mut self) {
        let mut ends = self.text.grapheme_indices(true).map(|(at, cluster)| at + cluster.len());
        if self.cursor > 0 {
            self.cursor = ends.find(|end| *end >= self.cursor).unwrap_or(self.text.len());
        }
    }

    fn previous(&self) -> usize {
        self.before().grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn next(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |cluster| self.cursor + cluster.len())
    }

    fn word_start(&self) -> usize {
        let trimmed = self.before().trim_end();
        trimmed.rfind(char::is_whitespace).map_or(0, |at| at + trimmed[at..].chars().next().map_or(1, char::len_utf8))
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        let from = self.previous();
        self.remove(from, self.cursor);
    }

    /// Removes the character under the cursor.
    pub fn delete(&mut self) {
        let to = self.next();
        self.remove(self.cursor, to);
    }

    /// Removes the word before the cursor.
    pub fn delete_word(&mut self) {
        let from = self.word_start();
        self.remove(from, self.cursor);
    }

    /// Removes everything before the cursor.
    pub fn delete_to_start(&mut self) {
        self.remove(0, self.cursor);
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
        self.settle();
    }

    /// One character to the left.
    pub fn left(&mut self) {
        self.cursor = self.previous();
    }

    /// One character to the right.
    pub fn right(&mut self) {
        self.cursor = self.next();
    }

    /// Before the first character.
    pub fn home(&mut self) {
        self.cursor = 0;
    }

    /// Behind the last character.
    pub fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// What is seen in `cells`: the part before the cursor and the part from it on, scrolled so that the cursor is in sight.
    pub fn seen(&self, cells: usize) -> (Safe, Safe) {
        let before: Vec<&str> = self.before().graphemes(true).collect();
        let (mut used, mut from) = (1, before.len());
        while from > 0 {
            let width = Safe::block(before[from - 1]).cells();
            if used + width > cells {
                break;
            }
            used += width;
            from -= 1;
        }
        let mut after = String::new();
        for cluster in self.text[self.cursor..].graphemes(true) {
            let width = Safe::block(cluster).cells();
            // The cell of the cursor itself was counted already.
            if used - 1 + width > cells {
                break;
            }
            used += width;
            after.push_str(cluster);
        }
        (Safe::block(&before[from..].concat()), Safe::block(&after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cyrillic_and_accents_are_typed_and_taken_back_as_seen() {
        let mut editor = Editor::new("Нау");
        editor.insert("к");
        editor.insert("и");
        editor.insert("\u{306}");
        assert_eq!(editor.text(), "Науки\u{306}");
        editor.left();
        editor.insert("/");
        assert_eq!(editor.text(), "Наук/и\u{306}");
        editor.delete();
        assert_eq!(editor.text(), "Наук/");
        editor.backspace();
        editor.delete_word();
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn a_paste_is_text_and_never_acts() {
        let mut editor = Editor::default();
        editor.insert("one\r\ntwo\u{1b}[31m\tq\u{202e}");
        assert_eq!(editor.text(), "one two␛[31m    q");
    }

    #[test]
    fn the_cursor_is_in_sight_in_a_narrow_place() {
        let mut editor = Editor::new("a long path to somewhere");
        let (before, after) = editor.seen(6);
        assert_eq!((&*before, &*after), ("where", ""));
        editor.home();
        let (before, after) = editor.seen(6);
        assert_eq!((&*before, &*after), ("", "a long"));
    }

    proptest! {
        #[test]
        fn whatever_is_done_the_cursor_stands_between_characters(typed in any::<String>(), keys in proptest::collection::vec(0u8..8, 0..40)) {
            let mut editor = Editor::new(&typed);
            for key in keys {
                match key {
                    0 => editor.left(),
                    1 => editor.right(),
                    2 => editor.backspace(),
                    3 => editor.delete(),
                    4 => editor.delete_word(),
                    5 => editor.home(),
                    6 => editor.insert("e\u{301}漢"),
                    _ => editor.end(),
                }
                prop_assert!(editor.text().is_char_boundary(editor.cursor));
                let (before, after) = editor.seen(9);
                prop_assert!(before.cells() + after.cells() <= 10);
            }
        }
    }
}
