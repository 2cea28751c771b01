//! What the dashboard knows: numbers, lists, what is open and where the cursor stands; all foreign text in it is `Safe`.
//! It knows no widget and asks nobody: `update` changes it, `view` reads it.

pub mod answer;
pub mod editor;
pub mod failed;
pub mod filter;
pub mod images;
pub mod list;
pub mod log;
pub mod marks;
pub mod outputs;
pub mod page;
pub mod post;
pub mod prompt;
pub mod reading;
pub mod verdict;

use jiff::tz::TimeZone;

use crate::domain::{Millis, PauseScope, Phase, Snapshot};
use crate::ops::Offered;
use crate::ops::outputs::Progress;
use crate::text::Safe;
use crate::tui::Options;
use crate::tui::effect::Effect;
use crate::tui::keymap::{Keymap, Section};
use crate::tui::locale::{Language, t, tell};
use crate::tui::theme::Theme;
use crate::tui::widget::when;
use failed::Failed;
use images::Images;
use log::Log;
use outputs::Outputs;
use page::Page;
use post::Post;
use prompt::Prompt;
use verdict::Verdict;

/// Smallest terminal the panes are drawn on.
pub const SMALLEST: (u16, u16) = (60, 20);

/// How long a message stays.
pub const TOAST_MS: i64 = 6_000;

/// Everything the dashboard knows.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each says one thing, in any mixture")]
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
    /// The language spoken.
    pub language: Language,
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
    /// When the engine came into its phase, as far as this dashboard saw it.
    pub phase_since: Millis,
    /// The model of the scoreboard under the cursor, once somebody moved it there.
    pub scored: Option<usize>,
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
    /// The fourth pane.
    pub images: Images,
    /// The list alone on the whole screen.
    pub zoomed: bool,
    /// Lines more (or less) for what stands below a list.
    pub split: i16,
    /// Lists say at what time, not how long ago.
    pub absolute_times: bool,
    /// The mouse works here.
    pub mouse: bool,
    /// The border below the list is being dragged.
    pub dragging: bool,
    /// A number typed before a motion.
    pub count: Option<usize>,
    /// The models that can be asked for by name, once somebody wanted to.
    pub offered: Vec<Offered>,
    /// What is done in a moment unless it is taken back.
    pub pending: Option<Pending>,
    /// Nothing more is claimed, and the dashboard ends when nothing is in flight; whether the pause is lifted then.
    pub draining: Option<bool>,
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
    /// Images and their reading.
    Ocr,
    /// What stands in the blob store.
    Outputs,
}

impl Pane {
    /// In the order of their tabs.
    pub const ALL: [Self; 5] = [Self::Overview, Self::Failed, Self::Log, Self::Ocr, Self::Outputs];

    /// What the tab says.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Failed => "Failed",
            Self::Log => "Log",
            Self::Ocr => "OCR",
            Self::Outputs => "Outputs",
        }
    }

    const fn section(self) -> Section {
        match self {
            Self::Overview => Section::Overview,
            Self::Failed => Section::Failed,
            Self::Log => Section::Log,
            Self::Ocr => Section::Ocr,
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
    /// A text about something else.
    Page(Box<Page>),
    /// A line that is typed.
    Prompt(Box<Prompt>),
    /// The output that was looked into last.
    Reading,
    /// How database and blob store compare.
    Verdict(Box<Verdict>),
    /// The levels and kinds of events, with the one under the cursor.
    Kinds(usize),
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
    /// What is left out, if anything is.
    pub note: Safe,
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
    /// What stands between yes and the doing.
    pub gate: Gate,
}

/// What stands between a yes and the doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    None,
    /// A few seconds in which it can be taken back.
    Wait,
    /// The same, after this has been typed.
    Typed(String),
}

/// What is done in a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// What, in words.
    pub what: Safe,
    /// How.
    pub effect: Effect,
    /// When.
    pub at: Millis,
}

/// How long a person has to take something back.
pub const WAIT_MS: i64 = 5_000;

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
        Section::Ocr => &[Section::Ocr, Section::Motion, Section::Panes, Section::Always],
        Section::Outputs => &[Section::Outputs, Section::Object, Section::Motion, Section::Panes, Section::Always],
        _ => &[Section::Overview, Section::Motion, Section::Panes, Section::Always],
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
            language: Language::English,
            zone,
            size: (80, 24),
            now,
            focus: Pane::Overview,
            snapshot: Snapshot::default(),
            phase_since: now,
            scored: None,
            names: Vec::new(),
            paused: Vec::new(),
            classes: Vec::new(),
            classes_stale: false,
            classes_at: 0,
            failed: Failed::default(),
            log: Log::default(),
            images: Images::default(),
            outputs: Outputs::new(options.blobs.clone()),
            verifying: None,
            zoomed: false,
            split: 0,
            absolute_times: options.ui.times == "absolute",
            mouse: options.ui.mouse,
            dragging: false,
            count: None,
            offered: Vec::new(),
            pending: None,
            draining: None,
            popups: Vec::new(),
            toast: None,
            dirty: true,
        }
    }

    /// Sections in which a key is looked up now, the narrowest first.
    pub fn sections(&self) -> &'static [Section] {
        match self.popups.last() {
            None => in_pane(self.focus.section()),
            Some(Popup::Page(page)) if matches!(page.about, page::About::Image(..)) => {
                &[Section::Image, Section::Popup, Section::Motion, Section::Always]
            }
            Some(Popup::Page(page)) if matches!(page.about, page::About::Answer { .. }) => {
                &[Section::Answer, Section::Popup, Section::Motion, Section::Always]
            }
            Some(Popup::Help { .. } | Popup::Page(_) | Popup::Verdict(_)) => &[Section::Popup, Section::Motion, Section::Always],
            Some(Popup::Kinds(_)) => &[Section::Kinds, Section::Popup, Section::Motion, Section::Always],
            Some(Popup::Post(_)) => &[Section::Detail, Section::Popup, Section::Motion, Section::Always],
            Some(Popup::Reading) => &[Section::Object, Section::Popup, Section::Motion, Section::Always],
            Some(Popup::Confirm(_)) => &[Section::Confirm, Section::Motion, Section::Always],
            Some(Popup::Prompt(_)) => &[Section::Prompt, Section::Always],
        }
    }

    /// The sections of the pane in focus, whatever lies over it.
    pub fn sections_below(&self) -> &'static [Section] {
        in_pane(self.focus.section())
    }

    /// Takes the engine's numbers, names made `Safe`.
    pub fn take_snapshot(&mut self, snapshot: Snapshot) {
        self.names = model_names(&snapshot);
        self.paused = snapshot.pauses.iter().map(|pause| scope_name(&pause.scope)).collect();
        if self.snapshot.phase != snapshot.phase {
            self.phase_since = self.now;
        }
        self.snapshot = snapshot;
    }

    /// Whether an engine does something, here or, watched from here, elsewhere; or waits for something with a time.
    pub fn is_at_work(&self) -> bool {
        matches!(self.snapshot.phase, Phase::Running | Phase::Paused | Phase::Draining) || self.snapshot.in_flight > 0
    }

    /// True when no engine is at work on the database, neither here nor anywhere else.
    pub fn is_deserted(&self) -> bool {
        // Before the first numbers came nobody knows.
        self.options.observe && self.snapshot.version > 0 && !self.snapshot.workers.iter().any(|worker| worker.alive)
    }

    /// Whether a person has paused everything: what `p` set, and ends.
    pub fn paused_by_operator(&self) -> bool {
        self.snapshot.pauses.iter().any(|pause| pause.scope == PauseScope::All)
    }

    /// The marks of the list in focus, with the row under the cursor.
    pub fn marking(&mut self) -> Option<(&mut marks::Marks, Vec<i64>, usize)> {
        match self.focus {
            Pane::Failed if self.failed.grouped.is_none() => {
                let ids = self.failed.list.rows.iter().map(|row| row.id.0).collect();
                Some((&mut self.failed.marks, ids, self.failed.list.cursor))
            }
            Pane::Ocr => {
                let ids = self.images.list.rows.iter().map(|row| row.id.0).collect();
                Some((&mut self.images.marks, ids, self.images.list.cursor))
            }
            Pane::Overview | Pane::Failed | Pane::Log | Pane::Outputs => None,
        }
    }

    /// A moment gone by, as lists say it.
    pub fn moment(&self, then: Millis) -> Safe {
        if self.absolute_times { when::at(self.now, then, &self.zone) } else { when::ago(self.now, then) }
    }

    /// Shows a passing message.
    pub fn say(&mut self, tone: Tone, text: Safe) {
        self.toast = Some(Toast { text, tone, until: self.now + TOAST_MS });
        self.dirty = true;
    }

    /// Rows a list of the pane in focus shows, borders and headings taken off.
    pub fn list_rows(&self) -> usize {
        usize::from(super::layout::lines(self).height)
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
        PauseScope::All => t("everything").to_owned(),
        PauseScope::Provider(name) => tell!("provider {}", name).into(),
        PauseScope::Free(name) => tell!(":free models of {}", name).into(),
        PauseScope::Uploads => t("uploads").to_owned(),
    })
}
