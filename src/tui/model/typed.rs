//! A line that is typed into a window: a filter, a folder, the word that confirms what cannot be undone.
//! It does nothing with what was typed; that is `update`'s.

use crate::text::Safe;

/// Characters of a line; more is not taken.
const MOST: usize = 1_000;

/// The word that has to be typed before something is deleted.
pub const DELETE: &str = "delete";

/// A line being typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    /// What it is for.
    pub purpose: Purpose,
    /// What was typed so far.
    pub text: String,
}

/// What a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only outputs whose names hold it.
    Filter,
    /// The folder this object is downloaded into.
    Folder {
        /// Its whole name.
        key: String,
    },
    /// Whether this object is deleted.
    Delete {
        /// Its whole name.
        key: String,
    },
}

impl Typed {
    /// A line that begins with a text.
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, text: text.to_owned() }
    }

    /// One character more.
    pub fn push(&mut self, c: char) {
        if !c.is_control() && self.text.chars().count() < MOST {
            self.text.push(c);
        }
    }

    /// The line as it is shown, its end in sight.
    pub fn shown(&self, cells: usize) -> Safe {
        let whole = Safe::block(&self.text);
        if whole.cells() < cells {
            return whole;
        }
        let mut end = String::new();
        for c in whole.chars().rev() {
            let longer = format!("{c}{end}");
            if Safe::block(&longer).cells() + 1 >= cells {
                break;
            }
            end = longer;
        }
        Safe::block(&format!("…{end}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_line_stays_in_sight() {
        let mut typing = Typed::new(Purpose::Filter, &"x".repeat(100));
        typing.push('я');
        typing.push('\u{1b}');
        assert_eq!(&*typing.shown(6), "…xxxя");
        assert_eq!(&*Typed::new(Purpose::Filter, "абв").shown(6), "абв");
        assert!(Typed::new(Purpose::Filter, &"漢".repeat(50)).shown(9).cells() <= 9);
    }
}
