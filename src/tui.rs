//! The dashboard: a terminal view of one engine, and the keys that steer it.
//! It reads snapshots, events and `ops`; it imports no database, no network and no engine beyond its log.
//!
//! `update(&mut Model, Msg) -> Vec<Effect>` and `draw(&Model, &mut Buffer)` are pure; the loop below carries
//! messages to the one and frames from the other.

mod clipboard;
mod effect;
mod input;
mod keymap;
mod layout;
mod locale;
mod model;
mod pace;
mod pane;
mod popup;
mod terminal;
mod theme;
pub mod told;
mod update;
mod view;
mod widget;

/// Columns and rows of the terminal, if there is one.
pub fn terminal_size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::config::{Config, ConfigError, Ui};
use crate::domain::Snapshot;
use crate::engine::event::{CAPACITY, EventLog, wall_clock};
use crate::ops::Ops;
use crate::text::Safe;
use effect::Effect;
use input::{Input, Keys, Signals, Wish};
use model::Model;
use pace::Pace;
use terminal::Screen;
use update::{Msg, update};

/// The log is read so often while it goes on, whether or not a frame is due: its ring holds 10,000 events, and 100,000 a second
/// are not to fall out of it unseen.
const READ: Duration = Duration::from_millis(50);

/// What the dashboard is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// File name of the database, for the header.
    pub title: String,
    /// Actions that change anything are refused with a message.
    pub read_only: bool,
    /// There is no engine in this process; the header says so.
    pub observe: bool,
    /// Why, when the person did not ask for that; shown until they leave.
    pub observing_because: Option<String>,
    /// Language, theme, keys.
    pub ui: Ui,
    /// At most a frame every two seconds and 1 KB a second (but a key is answered at once), no sparkline.
    pub low_bandwidth: bool,
    /// The blob store in words, or why it cannot be opened.
    pub blobs: Option<Result<Safe, Safe>>,
}

/// How the dashboard ended; the terminal has been given back in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The person left: finish or give back what is in flight.
    Quit,
    /// SIGTERM or SIGINT: the same.
    Terminated,
    /// Nobody is at the terminal any more: give leases back and exit the process; the thread that reads keys cannot be joined.
    Lost,
    /// Something panicked, and has been said on standard error: give leases back and exit with an error.
    Panicked,
}

/// Why the dashboard could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be taken over.
    #[error("cannot open the dashboard on this terminal: {0}; `tagdeck run` works without one")]
    Terminal(#[source] io::Error),
    /// The embedded keymap is broken.
    #[error(transparent)]
    Keymap(#[from] keymap::KeymapError),
}

/// Whether the keys of the settings can be meant; else what is wrong, with its line.
pub fn check_keys(config: &Config) -> Result<(), ConfigError> {
    let path = config.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    let wrong = |line, message: String| ConfigError::Invalid { path: Safe::line(&path), line, message: Safe::line(&message) };
    let keymap = keymap::Keymap::embedded().map_err(|error| wrong(0, error.to_string()))?;
    keymap.with(&config.ui.keys).map(drop).map_err(|(line, error)| wrong(line, error.to_string()))
}

/// Shows the dashboard until the person leaves or the terminal is lost.
pub async fn run(ops: Ops, options: Options) -> Result<Ended, TuiError> {
    let feeds = Feeds { snapshots: ops.watch(), log: ops.log() };
    session(feeds, &options, move |effect| effect::perform(ops.clone(), effect)).await
}

/// What the dashboard watches.
struct Feeds {
    snapshots: watch::Receiver<Snapshot>,
    log: EventLog,
}

/// The dashboard on the process's terminal, with whatever does its effects.
async fn session<F, A>(feeds: Feeds, options: &Options, perform: F) -> Result<Ended, TuiError>
where
    F: Fn(Effect) -> A,
    A: Future<Output = Option<Msg>> + Send + 'static,
{
    let variable = |name: &str| std::env::var(name).ok();
    let theme = theme::Theme::detect(options.ui.theme, options.ui.emoji == "replace", variable);
    let keymap = keymap::Keymap::embedded()?.with(&options.ui.keys).map_err(|(_, error)| error)?;
    let mut model = Model::new(options, keymap, theme, TimeZone::system(), wall_clock());
    model.language = match options.ui.language {
        "ru" => locale::Language::Russian,
        "en" => locale::Language::English,
        // Where nothing but ASCII may be written, Russian would be a row of question marks.
        _ if theme.ascii() => locale::Language::English,
        _ => locale::Language::detect(variable),
    };
    let signals = Signals::new().map_err(TuiError::Terminal)?;
    let mut screen = Screen::enter(model.mouse).map_err(TuiError::Terminal)?;
    let keys = Keys::listen().map_err(TuiError::Terminal)?;
    let (answered, answers) = mpsc::channel(64);
    let mut dashboard =
        Session { perform, answered, keys, screen: &mut screen, pace: Pace::new(options.low_bandwidth, Instant::now()) };
    let ended = dashboard.live(&mut model, feeds, signals, answers).await;
    // Nothing reads any more once the terminal is given back: what is typed from then on is for the shell.
    drop(dashboard);
    // Whatever failed while drawing, a terminal that cannot be written to is lost.
    Ok(ended.unwrap_or(Ended::Lost))
}

/// What the model is told of an input; nothing, when nothing more will come.
fn told(input: Input) -> Option<Msg> {
    match input {
        Input::Key(key) => Some(Msg::Key(key)),
        Input::Paste(text) => Some(Msg::Paste(text)),
        Input::Mouse(event) => Some(Msg::Mouse(event)),
        Input::Lost => None,
    }
}

/// What an effect came to.
struct Reply {
    msg: Msg,
    /// A person waits for it: what led to it was a key, not the clock or the engine.
    asked: bool,
}

struct Session<'a, F> {
    perform: F,
    answered: mpsc::Sender<Reply>,
    keys: Keys,
    screen: &'a mut Screen,
    pace: Pace,
}

impl<F, A> Session<'_, F>
where
    F: Fn(Effect) -> A,
    A: Future<Output = Option<Msg>> + Send + 'static,
{
    /// The loop. Errors are those of writing.
    async fn live(
        &mut self,
        model: &mut Model,
        mut feeds: Feeds,
        mut signals: Signals,
        mut answers: mpsc::Receiver<Reply>,
    ) -> io::Result<Ended> {
        let (mut newest, mut read_to) = (feeds.log.watch(), 0);
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (columns, rows) = crossterm::terminal::size()?;
        let first = feeds.snapshots.borrow_and_update().clone();
        let mut heard = vec![Msg::Resize(columns, rows), Msg::Snapshot(Box::new(first))];
        let (mut fresh_events, mut read_at, mut asked) = (true, Instant::now(), false);
        loop {
            if fresh_events && Instant::now() >= read_at {
                // However many were published meanwhile, they are read together.
                (fresh_events, read_at) = (false, Instant::now() + READ);
                let batch = feeds.log.since(read_to, CAPACITY);
                read_to = batch.next;
                heard.push(Msg::Events(batch));
            }
            for effect in heard.drain(..).flat_map(|msg| update(model, msg)).collect::<Vec<_>>() {
                match effect {
                    Effect::Quit => return Ok(Ended::Quit),
                    Effect::Suspend if !terminal::has_shell() => {
                        heard.push(Msg::Done(Err(Safe::fixed(locale::t("Not suspended: there is no shell to return to.")))));
                    }
                    Effect::Suspend => match self.suspend(&mut signals, true).await? {
                        Some(ended) => return Ok(ended),
                        None => model.dirty = true,
                    },
                    effect => self.start(effect, asked)?,
                }
            }
            if !heard.is_empty() {
                continue;
            }
            asked = false;
            // A terminal that has not taken the last frame gets no other: it would only queue behind it.
            if model.dirty && self.pace.next() <= Instant::now() && !self.screen.is_busy() {
                model.dirty = false;
                let bytes = self.screen.draw(|buffer| view::draw(model, buffer))?;
                self.pace.drawn(bytes, Instant::now());
            }
            tokio::select! {
                biased;
                input = self.keys.next() => {
                    asked = true;
                    self.pace.hurry(Instant::now());
                    let Some(msg) = told(input) else { return Ok(Ended::Lost) };
                    heard.push(msg);
                }
                wish = signals.next() => match wish {
                    Wish::End => return Ok(Ended::Terminated),
                    Wish::HangUp => return Ok(Ended::Lost),
                    Wish::Resize => {
                        asked = true;
                        self.pace.hurry(Instant::now());
                        let (columns, rows) = crossterm::terminal::size()?;
                        heard.push(Msg::Resize(columns, rows));
                    }
                    Wish::Go => {
                        // Stopped by SIGSTOP, of which nobody is told: the shell has had the terminal meanwhile.
                        self.screen.leave();
                        self.screen.return_to()?;
                        model.dirty = true;
                    }
                    Wish::Stop => match self.suspend(&mut signals, false).await? {
                        Some(ended) => return Ok(ended),
                        None => model.dirty = true,
                    },
                },
                () = terminal::panicked() => return Ok(Ended::Panicked),
                taken = self.screen.freed(), if self.screen.is_busy() => taken?,
                Some(answer) = answers.recv() => {
                    asked = answer.asked;
                    if asked {
                        self.pace.hurry(Instant::now());
                    }
                    heard.push(answer.msg);
                }
                Ok(()) = feeds.snapshots.changed() => {
                    let snapshot = feeds.snapshots.borrow_and_update().clone();
                    if model.snapshot.version == 0 {
                        // The first numbers are what a person has opened this for.
                        self.pace.hurry(Instant::now());
                    }
                    heard.push(Msg::Snapshot(Box::new(snapshot)));
                }
                Ok(()) = newest.changed(), if !fresh_events => fresh_events = true,
                () = sleep_until(read_at), if fresh_events => {}
                () = sleep_until(self.pace.next()), if model.dirty && !self.screen.is_busy() => {}
                _ = second.tick() => {
                    if terminal::hung_up() {
                        return Ok(Ended::Lost);
                    }
                    heard.push(Msg::Tick(wall_clock()));
                }
            }
        }
    }

    /// Does what is to be done to the terminal; runs any other effect in a task of its own, whose answer comes back as a message.
    fn start(&mut self, effect: Effect, asked: bool) -> io::Result<()> {
        let effect = match effect {
            Effect::Redraw => {
                self.screen.forget();
                return Ok(());
            }
            Effect::Copy(text) => {
                let between = clipboard::Between::detect(|name| std::env::var(name).ok());
                return self.screen.pass(&clipboard::sequence(&text, between));
            }
            Effect::Mouse(on) => return self.screen.mouse(on),
            effect => effect,
        };
        let (done, answered) = ((self.perform)(effect), self.answered.clone());
        tokio::spawn(async move {
            if let Some(msg) = done.await {
                // Nobody waits for it any more only when the dashboard has ended.
                let _ = answered.send(Reply { msg, asked }).await;
            }
        });
        Ok(())
    }

    /// Gives the terminal back, stops, and takes it over again when told to go on.
    async fn suspend(&mut self, signals: &mut Signals, by_key: bool) -> io::Result<Option<Ended>> {
        self.keys.close();
        self.screen.leave();
        if by_key {
            terminal::stop_job()?;
        } else {
            terminal::stop_self()?;
        }
        loop {
            match signals.next().await {
                Wish::End => return Ok(Some(Ended::Terminated)),
                Wish::HangUp => return Ok(Some(Ended::Lost)),
                Wish::Stop | Wish::Resize => {}
                Wish::Go => break,
            }
        }
        self.screen.return_to()?;
        self.keys = Keys::listen()?;
        Ok(None)
    }
}
