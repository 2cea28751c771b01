//! The scoreboard: a line a model in the order of the route, and what a post can cost at worst.
//! Columns that do not fit go, the least needed first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{BreakerState, ModelKey, ModelScore, PauseScope, Phase};
use crate::text::Safe;
use crate::tui::locale::{count, heard, t, tell};
use crate::tui::model::Model;
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::{bar, when};

/// Lines wanted: heading, models, worst case.
pub fn height(model: &Model) -> u16 {
    u16::try_from(model.snapshot.models.len()).unwrap_or(u16::MAX).saturating_add(2)
}

#[derive(Clone, Copy, PartialEq)]
enum Column {
    Ok,
    Parse,
    P95,
    Calls,
    Quota,
    State,
}

impl Column {
    const ALL: [Self; 6] = [Self::Ok, Self::Parse, Self::P95, Self::Calls, Self::Quota, Self::State];

    const fn heading(self) -> (&'static str, u16) {
        match self {
            Self::Ok => ("ok %", 5),
            Self::Parse => ("parse %", 8),
            Self::P95 => ("p95", 7),
            Self::Calls => ("calls", 8),
            Self::Quota => ("today", 12),
            Self::State => ("state", 14),
        }
    }

    /// In the order in which they go when names need the room; the header says the quota too, and the state stays.
    const DISPENSABLE: [Self; 5] = [Self::Quota, Self::Parse, Self::Calls, Self::P95, Self::Ok];
}

/// Widest name that other columns make room for.
const NAME: u16 = 24;

/// Draws the scoreboard.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let scores = &model.snapshot.models;
    if scores.is_empty() {
        let why = match &model.snapshot.trouble {
            _ if model.is_deserted() => Safe::fixed(t("No engine works on this database.")),
            Some(trouble) => heard(trouble).into_owned(),
            None if model.snapshot.phase == Phase::None => Safe::fixed(t("The route is being checked.")),
            None => Safe::fixed(t("No model in tagging.route.")),
        };
        paint::below(buffer, area, [(&why, model.theme.quiet())]);
        return;
    }
    // The calls of a provider's day against its limit: only where there is one.
    let limited = scores.iter().any(|score| score.limit_today.is_some());
    let mut columns: Vec<Column> = Column::ALL.into_iter().filter(|column| *column != Column::Quota || limited).collect();
    let longest = model.names.iter().map(|name| paint::cells(&last(name))).max().unwrap_or(0).min(NAME) + 1;
    let mut dispensable = Column::DISPENSABLE.iter();
    while columns.iter().map(|column| column.heading().1).sum::<u16>() + longest > area.width
        && let Some(gone) = dispensable.next()
    {
        columns.retain(|column| column != gone);
    }
    let taken: u16 = columns.iter().map(|column| column.heading().1).sum();
    let name = area.width.saturating_sub(taken);
    heading(model, buffer, line(area, 0), name, &columns);
    let room = usize::from(area.height.saturating_sub(2));
    let shown = if scores.len() > room { room.saturating_sub(1) } else { scores.len() };
    for (row, (score, called)) in (1..).zip(scores.iter().zip(&model.names).take(shown)) {
        let place = line(area, row);
        let style = if score.breaker == BreakerState::Off { model.theme.quiet() } else { Style::new() };
        draw_name(buffer, Rect { width: name.saturating_sub(1), ..place }, called, style);
        if model.scored == Some(usize::from(row) - 1) {
            buffer.set_style(place, model.theme.selected());
        }
        let mut x = place.x + name;
        for column in &columns {
            let width = column.heading().1;
            draw_cell(model, buffer, Rect { x, width, ..place }, score, *column);
            x += width;
        }
    }
    if shown < scores.len() {
        let place = line(area, u16::try_from(shown + 1).unwrap_or(u16::MAX));
        paint::left(buffer, place, &tell!("… and {} more", scores.len() - shown), model.theme.quiet());
    }
    draw_worst_case(model, buffer, line(area, area.height.saturating_sub(1)));
}

/// The whole name where it fits, else without the vendor: its end tells models apart, its beginning does not.
fn draw_name(buffer: &mut Buffer, place: Rect, name: &Safe, style: Style) {
    if paint::cells(name) <= place.width {
        paint::left(buffer, place, name, style);
    } else {
        paint::left(buffer, place, &last(name), style);
    }
}

fn last(name: &Safe) -> Safe {
    Safe::line(name.rsplit('/').next().unwrap_or_default())
}

fn heading(model: &Model, buffer: &mut Buffer, place: Rect, name: u16, columns: &[Column]) {
    let quiet = model.theme.quiet();
    paint::left(buffer, Rect { width: name, ..place }, &Safe::fixed(t("model")), quiet);
    let mut x = place.x + name;
    for column in columns {
        let (words, width) = column.heading();
        let place = Rect { x, width, ..place };
        if *column == Column::State {
            paint::left(buffer, Rect { x: x + 2, width: width - 2, ..place }, &Safe::fixed(t(words)), quiet);
        } else {
            paint::right(buffer, place, &Safe::fixed(t(words)), quiet);
        }
        x += width;
    }
}

fn draw_cell(model: &Model, buffer: &mut Buffer, place: Rect, score: &ModelScore, column: Column) {
    let theme = model.theme;
    let whole = |part: u64, of: u64| {
        let text = bar::per_cent(i64::try_from(part).unwrap_or(i64::MAX), i64::try_from(of).unwrap_or(i64::MAX));
        Safe::line(text.trim_end_matches(" %"))
    };
    match column {
        Column::Ok => paint::right(buffer, place, &whole(score.successes, score.calls), Style::new()),
        Column::Parse => paint::right(buffer, place, &whole(score.successes, score.answers), Style::new()),
        Column::P95 => {
            let took = score.p95_ms.map_or(Safe::fixed("–"), |ms| when::took(i64::try_from(ms).unwrap_or(i64::MAX)));
            paint::right(buffer, place, &took, Style::new());
        }
        Column::Calls => {
            paint::right(buffer, place, &paint::number(i64::try_from(score.calls).unwrap_or(i64::MAX)), Style::new());
        }
        Column::Quota => {
            let Some(limit) = score.limit_today else { return };
            let style = if score.calls_today >= limit { theme.warn() } else { Style::new() };
            paint::right(buffer, place, &safe!("{}/{}", paint::number(score.calls_today), paint::number(limit)), style);
        }
        Column::State => {
            state(model, score).paint(buffer, Rect { x: place.x + 2, width: place.width.saturating_sub(2), ..place });
        }
    }
}

fn state(model: &Model, score: &ModelScore) -> Words {
    let theme = model.theme;
    if score.model.is_local_keywords() {
        let alone = model.snapshot.models.len() == 1;
        return Words::new().word(if alone { t("built in") } else { t("last resort") }, theme.quiet());
    }
    if score.breaker != BreakerState::Off
        && let Some(pause) = model.snapshot.pauses.iter().find(|pause| covers(&pause.scope, &score.model))
    {
        let words = Words::new().word("⏸", theme.warn());
        return match pause.until {
            Some(until) => words.word(tell!("till {}", when::clock(until, &model.zone)), Style::new()),
            None => words.word(t("paused"), Style::new()),
        };
    }
    let (sign, style) = theme.breaker(score.breaker);
    let words = Words::new().word(sign, style);
    match (score.breaker, score.until) {
        (BreakerState::Closed, _) => words.word(t("closed"), Style::new()),
        (BreakerState::HalfOpen, _) => words.word(t("probing"), Style::new()),
        (BreakerState::Open, Some(until)) => words.word(t("open"), Style::new()).word(countdown(until - model.now), Style::new()),
        (BreakerState::Open, None) => words.word(t("open"), Style::new()),
        (BreakerState::Off, _) => words.word(t("off"), Style::new()),
    }
}

/// Whether a pause is about this model among others; that of everything stands in the header.
fn covers(scope: &PauseScope, model: &ModelKey) -> bool {
    match scope {
        PauseScope::All | PauseScope::Uploads => false,
        PauseScope::Provider(name) => *name == model.provider,
        PauseScope::Free(name) => *name == model.provider && model.is_free(),
    }
}

/// Seconds in the last minute, minutes before: a breaker is open for ten at most.
fn countdown(milliseconds: i64) -> Safe {
    if milliseconds < 60_000 { when::left(milliseconds) } else { when::minutes(milliseconds) }
}

fn draw_worst_case(model: &Model, buffer: &mut Buffer, place: Rect) {
    let worst = model.snapshot.worst_case;
    if worst.models == 0 || worst.calls() == 0 {
        return;
    }
    let tries = worst.calls_per_pass / worst.models;
    let n = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (passes, calls) = (count("{} pass", "{} passes", n(worst.passes)), count("{} call", "{} calls", n(worst.calls())));
    // Limits of a pass need not be a multiple of the models; then the product is said in two factors.
    let sum = if tries * worst.models == worst.calls_per_pass {
        let (models, tries) = (count("{} model", "{} models", n(worst.models)), count("{} try", "{} tries", n(tries)));
        safe!("{models} × {tries} × {passes} = {calls}")
    } else {
        safe!("{} × {passes} = {calls}", count("{} call a pass", "{} calls a pass", n(worst.calls_per_pass)))
    };
    let long = Words::new().word(t("worst case for a post:"), model.theme.quiet()).word(&sum, model.theme.quiet());
    let short = Words::new().word(t("worst:"), model.theme.quiet()).word(&sum, model.theme.quiet());
    // Where even the short one does not fit, the total alone says it.
    let total = Words::new()
        .word(t("worst case"), model.theme.quiet())
        .word(count("{} call a post", "{} calls a post", n(worst.calls())), model.theme.quiet());
    [long, short].iter().find(|words| words.width() <= place.width).unwrap_or(&total).paint(buffer, place);
}

#[cfg(test)]
mod tests {
    use crate::domain::{Snapshot, WorstCase};
    use crate::tui::fixture;
    use crate::tui::locale::Language;
    use crate::tui::update::{Msg, update};

    #[test]
    fn one_model_one_pass_and_one_call_are_not_several() {
        let shown = |models, calls_per_pass, passes, language| {
            let mut model = fixture::busy((200, 60));
            let worst_case = WorstCase { models, calls_per_pass, passes };
            update(&mut model, Msg::Snapshot(Box::new(Snapshot { worst_case, ..fixture::snapshot() })));
            model.language = language;
            let screen = fixture::screen(&model);
            screen.lines().find_map(|line| line.split_once(": ").filter(|(_, sum)| sum.contains(" = "))).unwrap().1.to_owned()
        };
        let (english, russian) = (Language::English, Language::Russian);
        for ((models, calls, passes, language), wanted) in [
            ((1, 8, 1, english), "1 model × 8 tries × 1 pass = 8 calls"),
            ((1, 1, 1, english), "1 model × 1 try × 1 pass = 1 call"),
            ((2, 1, 5, english), "1 call a pass × 5 passes = 5 calls"),
            ((1, 8, 1, russian), "1 модель × 8 проб × 1 проход = 8 запросов"),
            ((21, 21, 2, russian), "21 модель × 1 проба × 2 прохода = 42 запроса"),
        ] {
            let shown = shown(models, calls, passes, language);
            assert!(shown.starts_with(&format!("{wanted} ")), "{shown}");
        }
        crate::tui::locale::speak(english);
    }
}
