//! What the dashboard knows: numbers, lists, what is open and where the cursor stands; all foreign text in it is `Safe`.
//! It knows no widget and asks nobody: `update` changes it, `view` reads it.

pub mod failed;
pub mod log;
pub mod outputs;
pub mod post;
pub mod reading;
pub mod typed;
pub mod verdict;

use jiff::tz::TimeZone;

use crate::domain::{Millis, PauseScope, Snapshot};
use crate::ops::outputs::Progress;
use crate::text::Safe;
use crate::tui::Options;
use crate::tui::effect::Effect;
use crate::tui::keymap::{Keymap, Section};
use crate::tui::theme::Theme;
use failed::Failed;
use log::Log;
use outputs::Outputs;
use post::Post;
use typed::Typed;
use verdict::Verdict;

/// Smallest terminal the panes are drawn on.
pub const SMALLEST: (u16, u16) = (60, 20);

/// How long a message stays.
pub const TOAST_MS: i64 = 6_000;

/// Everything the dashboard knows.
#[derive(Clone, Debug)]
pub struct Model {
    /// File name of the database.
    pub title: Safe,
    /// Why there is no engine in this process, when that was not asked for.
    pub observing: Option<Safe>,
    /// What the dashboard was started with.
    pub options: Options,
    /// Colours and symbols.
    pub theme: Theme,
    /// Which key does what.
    pub keymap: Keymap,
    /// Zone of the clocks shown.
    pub zone: TimeZone,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// This machine's clock.
    pub now: Millis,
    /// The pane in focus.
    pub focus: Pane,
    /// The engine's numbers.
    pub snapshot: Snapshot,
    /// Names of `snapshot.models`, in their order.
    pub names: Vec<Safe>,
    /// Names of what `snapshot.pauses` cover, in their order.
    pub paused: Vec<Safe>,
    /// Failed posts by error class, most first.
    pub classes: Vec<(String, i64)>,
    /// They may have changed since they were asked for.
    pub classes_stale: bool,
    /// When they were asked for.
    pub classes_at: Millis,
    /// The second pane.
    pub failed: Failed,
    /// The third pane, and the excerpt on the first.
    pub log: Log,
    /// The fifth pane.
    pub outputs: Outputs,
    /// Database and blob store are being compared.
    pub verifying: Option<Progress>,
    /// What lies over the panes, the last on top.
    pub popups: Vec<Popup>,
    /// A passing message.
    pub toast: Option<Toast>,
    /// Something visible may have changed since the last frame.
    pub dirty: bool,
}

/// The panes of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// Counts, models, live excerpt, what needs attention.
    Overview,
    /// Failed and retrying posts.
    Failed,
    /// The live log.
    Log,
    /// What stands in the blob store.
    Outputs,
}

impl Pane {
    /// In the order of their tabs.
    pub const ALL: [Self; 4] = [Self::Overview, Self::Failed, Self::Log, Self::Outputs];

    /// What the tab says.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Failed => "Failed",
            Self::Log => "Log",
            Self::Outputs => "Outputs",
        }
    }

    /// What opens it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Overview => 1,
            Self::Failed => 2,
            Self::Log => 3,
            Self::Outputs => 5,
        }
    }

    const fn section(self) -> Section {
        match self {
            Self::Overview => Section::Overview,
            Self::Failed => Section::Failed,
            Self::Log => Section::Log,
            Self::Outputs => Section::Outputs,
        }
    }
}

/// What lies over the panes.
#[derive(Clone, Debug)]
pub enum Popup {
    /// The keys of what was in focus.
    Help {
        /// The sections that applied there.
        of: &'static [Section],
        /// Lines scrolled past.
        scroll: usize,
    },
    /// A question.
    Confirm(Confirm),
    /// A post, whole.
    Post(Box<Post>),
    /// The output that was looked into last.
    Reading,
    /// A line being typed.
    Typed(Typed),
    /// How database and blob store compare.
    Verdict(Box<Verdict>),
}

/// A question with at least one way to say yes; `Esc` is always no.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    /// What is asked.
    pub title: Safe,
    /// What may be done; the first is the smallest.
    pub choices: Vec<Choice>,
    /// Which of them is marked.
    pub marked: usize,
}

/// One thing that may be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What it is.
    pub label: Safe,
    /// What it costs at worst.
    pub cost: Safe,
    /// What is done on yes.
    pub effect: Effect,
}

/// A passing message.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    /// A full sentence.
    pub text: Safe,
    /// Good, or something to know, or bad.
    pub tone: Tone,
    /// When it goes.
    pub until: Millis,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Done as asked.
    Good,
    /// Not done, and why.
    Warn,
    /// Went wrong.
    Bad,
}

const fn in_pane(section: Section) -> &'static [Section] {
    match section {
        Section::Failed => &[Section::Failed, Section::Motion, Section::Panes, Section::Always],
        Section::Log => &[Section::Log, Section::Motion, Section::Panes, Section::Always],
        Section::Outputs => &[Section::Outputs, Section::Object, Section::Motion, Section::Panes, Section::Always],
        _ => &[Section::Overview, Section::Panes, Section::Always],
    }
}

impl Model {
    /// A dashboard that knows nothing yet.
    pub fn new(options: &Options, keymap: Keymap, theme: Theme, zone: TimeZone, now: Millis) -> Self {
        Self {
            title: Safe::line(&options.title),
            observing: options.observing_because.as_deref().map(Safe::line),
            options: options.clone(),
            theme,
            keymap,
            zone,
            size: (80, 24),
            now,
            focus: Pane::Overview,
            snapshot: Snapshot::default(),
            names: Vec::new(),
            paused: Vec::new(),
            classes: Vec::new(),
            classes_stale: false,
            classes_at: 0,
            failed: Failed::default(),
            log: Log::default(),
            outputs: Outputs::new(options.blobs.clone()),
            verifying: None,
            popups: Vec::new(),
            toast: None,
            dirty: true,
        }
    }

    /// Sections in which a key is looked up now, the narrowest first.
    pub fn sections(&self) -> &'static [Section] {
        match self.popups.last() {
            None => in_pane(self.focus.section()),
            Some(Popup::Help { .. } | Popup::Verdict(_)) => &[Section::Popup, Section::Motion, Section::Always],
            Some(Popup::Post(_)) => &[Section::Detail, Section::Popup, Section::Motion, Section::Always],
            Some(Popup::Reading) => &[Section::Object, Section::Popup, Section::Motion, Section::Always],
            Some(Popup::Typed(_)) => &[Section::Always],
            Some(Popup::Confirm(_)) => &[Section::Confirm, Section::Motion, Section::Always],
        }
    }

    /// Takes the engine's numbers, names made `Safe`.
    pub fn take_snapshot(&mut self, snapshot: Snapshot) {
        self.names = model_names(&snapshot);
        self.paused = snapshot.pauses.iter().map(|pause| scope_name(&pause.scope)).collect();
        self.snapshot = snapshot;
    }

    /// Whether a person has paused everything: what `p` set, and ends.
    pub fn paused_by_operator(&self) -> bool {
        self.snapshot.pauses.iter().any(|pause| pause.scope == PauseScope::All)
    }

    /// Shows a passing message.
    pub fn say(&mut self, tone: Tone, text: Safe) {
        self.toast = Some(Toast { text, tone, until: self.now + TOAST_MS });
        self.dirty = true;
    }

    /// Rows a list of the pane in focus shows, borders and headings taken off.
    pub fn list_rows(&self) -> usize {
        let body = usize::from(self.size.1.max(SMALLEST.1)) - 3;
        match self.focus {
            Pane::Overview => body,
            Pane::Failed => super::pane::failed::rows(self.size),
            Pane::Log => super::pane::log::rows(self.size, !self.log.following()),
            Pane::Outputs => super::pane::outputs::rows(self.size),
        }
    }
}

/// Model names for a narrow column: without the provider while all models of the route share one.
fn model_names(snapshot: &Snapshot) -> Vec<Safe> {
    let mut providers = snapshot.models.iter().map(|m| &m.model).filter(|key| !key.is_local_keywords()).map(|key| &key.provider);
    let first = providers.next();
    let one = providers.all(|provider| Some(provider) == first);
    let name = |score: &crate::domain::ModelScore| {
        let key = &score.model;
        if one && !key.is_local_keywords() { Safe::line(&key.model) } else { Safe::line(&key.to_string()) }
    };
    snapshot.models.iter().map(name).collect()
}

/// What a pause covers, in words.
fn scope_name(scope: &PauseScope) -> Safe {
    Safe::line(&match scope {
        PauseScope::All => "everything".to_owned(),
        PauseScope::Provider(name) => format!("provider {name}"),
        PauseScope::Free(name) => format!(":free models of {name}"),
        PauseScope::Uploads => "uploads".to_owned(),
    })
}
