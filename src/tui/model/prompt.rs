//! A line that is typed over the panes, and what it is for; the palette of commands is one of them.
//! What the typed words do is decided in `update`.

use crate::domain::PostId;
use crate::text::Safe;
use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::model::Pane;
use crate::tui::model::editor::Editor;

/// What is typed, and for what.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// For what.
    pub purpose: Purpose,
    /// The line.
    pub editor: Editor,
    /// Why the line as it stands does not do.
    pub error: Option<Safe>,
    /// What may be chosen: commands, or paths.
    pub offers: Vec<Offer>,
    /// Which of them is marked.
    pub marked: usize,
}

/// What a typed line is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// To narrow the list of a pane.
    Filter(Pane),
    /// To find a command.
    Palette,
    /// Words to look for in the log.
    Search,
    /// The file that a list is written to.
    Export(Pane),
    /// Paths of images and folders to be read.
    Submit,
    /// The tags of a post.
    Tags(PostId),
    /// The model a post is to be tagged with.
    Model(PostId),
    /// A text that names of outputs hold.
    Names,
    /// The folder an output is downloaded into.
    Folder {
        /// Its whole name.
        key: String,
    },
    /// To make sure: what has to be typed, and what is done then.
    Sure {
        /// What has to be typed.
        word: String,
        /// What is done.
        what: Safe,
        /// How.
        effect: Box<Effect>,
    },
}

/// Something that may be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What stands in the list.
    pub label: Safe,
    /// What stands at its right.
    pub note: Safe,
    /// What it does.
    pub does: Does,
}

/// What choosing an offer does.
#[derive(Clone, Debug, PartialEq)]
pub enum Does {
    /// An action of the keymap.
    Act(Action),
    /// It becomes what is typed.
    Type(String),
}

impl Prompt {
    /// A line that begins with this text.
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, editor: Editor::new(text), error: None, offers: Vec::new(), marked: 0 }
    }

    /// Moves the mark.
    pub fn choose(&mut self, by: isize) {
        self.marked = self.marked.saturating_add_signed(by).min(self.offers.len().saturating_sub(1));
    }
}
