//! The whole screen: header, tabs, the pane in focus, footer, and what lies over them.
//! Pure: the same model gives the same cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{PauseScope, Phase};
use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{dollars, t, tell};
use crate::tui::model::{Model, Pane, Popup, SMALLEST, Tone};
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::when;
use crate::tui::{layout, locale, pane, popup};

/// Draws everything.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let area = buffer.area;
    locale::speak(model.language);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        draw_too_small(buffer, area);
    } else {
        if !model.zoomed {
            draw_header(model, buffer, inset(line(area, 0)));
            draw_tabs(model, buffer, inset(line(area, 1)));
        }
        match model.focus {
            Pane::Overview => pane::overview::draw(model, buffer, layout::body(model)),
            Pane::Failed => pane::failed::draw(model, buffer),
            Pane::Log => pane::log::draw(model, buffer),
            Pane::Ocr => pane::ocr::draw(model, buffer),
            Pane::Outputs => pane::outputs::draw(model, buffer),
        }
        draw_footer(model, buffer, inset(line(area, area.height - 1)));
        for open in &model.popups {
            match open {
                Popup::Help { of, scroll } => popup::help::draw(model, buffer, area, of, *scroll),
                Popup::Confirm(confirm) => popup::confirm::draw(model, buffer, area, confirm),
                Popup::Post(post) => popup::post::draw(model, buffer, area, post),
                Popup::Page(page) => popup::page::draw(model, buffer, area, page),
                Popup::Prompt(prompt) => popup::prompt::draw(model, buffer, area, prompt),
                Popup::Reading => popup::reading::draw(model, buffer, area),
                Popup::Kinds(at) => popup::kinds::draw(model, buffer, area, *at),
                Popup::Verdict(verdict) => popup::verdict::draw(model, buffer, area, verdict),
            }
        }
    }
    model.theme.finish(buffer);
}

/// The screen as text, a line a row, without colours.
pub fn text(model: &Model) -> String {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = Buffer::empty(area);
    draw(model, &mut buffer);
    let mut out = String::new();
    for row in 0..area.height {
        let (mut line, mut covered) = (String::new(), 0);
        for column in 0..area.width {
            let symbol = buffer[(column, row)].symbol();
            if covered == 0 {
                line.push_str(symbol);
                covered = Safe::block(symbol).cells().max(1);
            }
            covered -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn draw_too_small(buffer: &mut Buffer, area: Rect) {
    let words = tell!("too small: {}x{}, needs {}x{}", area.width, area.height, SMALLEST.0, SMALLEST.1);
    paint::left(buffer, line(area, 0), &words, Style::new());
}

fn draw_header(model: &Model, buffer: &mut Buffer, place: Rect) {
    let theme = model.theme;
    // A clock beside things that stand still would be all there is to draw, minute after minute.
    let clock = if model.is_at_work() { when::clock(model.now, &model.zone) } else { Safe::default() };
    paint::right(buffer, place, &clock, theme.quiet());
    let (sign, words, style) = phase(model);
    let left = Words::new()
        .word("tagdeck", theme.accent().patch(theme.strong()))
        .spaced(2, model.title.clipped(32), theme.strong())
        .word("·", theme.quiet())
        .word(sign, style)
        .word(words, Style::new());
    let left = if model.options.read_only { left.word(t("· read-only"), theme.quiet()) } else { left };
    let room = place.width.saturating_sub(paint::cells(&clock) + 2);
    let used = left.paint(buffer, Rect { width: room, ..place });
    let quota = quota(model);
    let free = Rect { x: place.x + used + 2, width: room.saturating_sub(used + 2), ..place };
    // Half a quota is worse than none: parts that do not fit whole are left out, the last first.
    for shown in (1..=quota.len()).rev() {
        let words = quota[..shown].iter().enumerate().fold(Words::new(), |words, (at, part)| {
            let words = if at > 0 { words.word("·", theme.quiet()) } else { words };
            words.word(part, Style::new())
        });
        if words.width() <= free.width {
            words.paint_right(buffer, free);
            break;
        }
    }
}

fn phase(model: &Model) -> (&'static str, Safe, Style) {
    let theme = model.theme;
    if model.snapshot.phase == Phase::Idle {
        return ("●", tell!("idle since {}", when::at(model.now, model.phase_since, &model.zone)), theme.quiet());
    }
    let (sign, words, style) = match model.snapshot.phase {
        Phase::None if model.options.observe && model.paused_by_operator() => ("⏸", "observing, paused", theme.warn()),
        Phase::None if model.options.observe => ("○", "observing", theme.quiet()),
        Phase::None | Phase::Idle => ("○", "starting", theme.quiet()),
        Phase::Running => ("●", "running", theme.good()),
        Phase::Paused if model.paused_by_operator() => ("⏸", "paused", theme.warn()),
        // Every model is paused, resting or gone: what is below says which and until when.
        Phase::Paused => ("⏸", "waiting", theme.warn()),
        Phase::Draining => ("◐", "finishing", theme.warn()),
        Phase::Stopped => ("✗", "stopped", theme.bad()),
    };
    (sign, Safe::fixed(t(words)), style)
}

/// Calls of the tightest limit, when the next pause ends, money; each whole or not at all.
fn quota(model: &Model) -> Vec<Safe> {
    let snapshot = &model.snapshot;
    let mut parts = Vec::new();
    let limited = snapshot.models.iter().filter_map(|m| m.limit_today.map(|limit| (m.calls_today, limit)));
    if let Some((calls, limit)) = limited.max_by(|a, b| (a.0 * b.1.max(1)).cmp(&(b.0 * a.1.max(1)))) {
        parts.push(tell!("quota {}/{} today", paint::number(calls), paint::number(limit)));
    }
    let timed = snapshot.pauses.iter().filter(|pause| pause.scope != PauseScope::All).filter_map(|pause| pause.until).min();
    if let Some(until) = timed {
        parts.push(tell!("resumes {}", when::until(model.now, until, &model.zone)));
    }
    if snapshot.spent_micros > 0 || snapshot.budget_micros.is_some() {
        let dollars = |micros: i64| dollars(micros, 2);
        parts.push(match snapshot.budget_micros {
            Some(budget) => tell!("{} of {}", dollars(snapshot.spent_micros), dollars(budget)),
            None => safe!("{}", dollars(snapshot.spent_micros)),
        });
    }
    parts
}

fn draw_tabs(model: &Model, buffer: &mut Buffer, place: Rect) {
    let theme = model.theme;
    for (pane, title, tab) in layout::tabs(model) {
        let style = if pane == model.focus { theme.accent().patch(theme.selected()) } else { Style::new() };
        paint::left(buffer, tab.intersection(place), &title, style);
    }
}

/// Keys likely to be wanted on each pane, the likeliest first.
const fn likely(pane: Pane) -> &'static [Action] {
    match pane {
        Pane::Overview => &[Action::RetryAll, Action::Force, Action::Pause, Action::NextPane, Action::Palette, Action::Quit],
        Pane::Failed => &[
            Action::Retry,
            Action::Force,
            Action::Mark,
            Action::MarkAll,
            Action::Open,
            Action::Filter,
            Action::Group,
            Action::RetryAll,
            Action::Regenerate,
            Action::RegenerateWith,
            Action::Palette,
            Action::Quit,
        ],
        Pane::Log => &[Action::Follow, Action::Filter, Action::Kinds, Action::Open, Action::Pause, Action::Palette, Action::Quit],
        Pane::Outputs => &[
            Action::Open,
            Action::Order,
            Action::Filter,
            Action::Download,
            Action::CopyKey,
            Action::CopyLink,
            Action::OpenPost,
            Action::Verify,
            Action::Delete,
            Action::Palette,
            Action::Quit,
        ],
        Pane::Ocr => &[
            Action::Reread,
            Action::CancelReading,
            Action::Open,
            Action::Mark,
            Action::MarkAll,
            Action::Filter,
            Action::CycleStatus,
            Action::OpenPost,
            Action::Palette,
            Action::Quit,
        ],
    }
}

fn draw_footer(model: &Model, buffer: &mut Buffer, place: Rect) {
    let theme = model.theme;
    if let Some(pending) = &model.pending {
        let seconds = ((pending.at - model.now) + 999).max(0) / 1000;
        let mut words = Words::new().word("◷", theme.warn()).word(tell!("in {} s: {}", seconds, pending.what), theme.strong());
        if let Some(chord) = model.keymap.key(&[Section::Panes], Action::Undo) {
            words = words.spaced(2, chord.shown(), theme.accent()).word(t("takes it back"), theme.quiet());
        }
        words.paint(buffer, place);
        return;
    }
    if let Some(toast) = &model.toast {
        let (sign, style) = match toast.tone {
            Tone::Good => ("✓", theme.good()),
            Tone::Warn => ("!", theme.warn()),
            Tone::Bad => ("✗", theme.bad()),
        };
        Words::new().word(sign, style).word(&toast.text, theme.strong()).paint(buffer, place);
        return;
    }
    let under: &'static [_] = match model.popups.first() {
        None => model.sections(),
        Some(_) => return,
    };
    let paused = model.paused_by_operator();
    // The way to all other keys is always shown.
    let help = model.keymap.key(under, Action::Help).map_or(Words::new(), |chord| {
        Words::new().spaced(0, chord.shown(), theme.accent()).word(t(Action::Help.short()), theme.quiet())
    });
    let room = place.width.saturating_sub(help.width() + 2);
    let mut words = Words::new();
    if let Some(count) = model.count {
        words = words.word(safe!("{count}"), theme.strong());
    }
    for action in likely(model.focus) {
        let Some(chord) = model.keymap.key(under, *action) else { continue };
        let does = match action {
            Action::Pause if paused => t("go on"),
            Action::Follow if model.log.following() => t("hold still"),
            other => t(other.short()),
        };
        let more = words.clone().spaced(2, chord.shown(), theme.accent()).word(does, theme.quiet());
        if more.width() <= room {
            words = more;
        }
    }
    let used = words.paint(buffer, place) + 2;
    help.paint(buffer, Rect { x: place.x + used, width: place.width.saturating_sub(used), ..place });
}
