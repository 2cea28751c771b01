//! Nothing is said by colour alone: on a terminal without colours and with ASCII only, every pane still tells its things apart.

use std::collections::BTreeSet;

use ratatui::style::{Color, Modifier};

use crate::domain::{BreakerState, EventKind};
use crate::tui::fixture::{self, press};
use crate::tui::model::{Model, Pane};
use crate::tui::theme::Theme;

/// A pane in the middle of a day's work, as a plain terminal shows it.
fn plain(pane: Pane) -> Model {
    let mut model = match pane {
        Pane::Outputs => fixture::outputs::busy((120, 36)),
        _ => fixture::reading((120, 36)),
    };
    model.focus = pane;
    fixture::ascii(model)
}

/// Lines of the screen, and whether the whole line is reversed.
fn lines(model: &Model) -> Vec<(String, bool)> {
    let drawn = fixture::drawn(model);
    let buffer = drawn.backend().buffer();
    let (width, height) = model.size;
    (0..height)
        .map(|y| {
            let cells: Vec<_> = (0..width).map(|x| &buffer[(x, y)]).collect();
            for cell in &cells {
                assert!(cell.symbol().is_ascii(), "{:?} in line {y} of {:?}", cell.symbol(), model.focus);
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "line {y} of {:?}", model.focus);
            }
            let reversed = cells[2..20].iter().all(|cell| cell.modifier.contains(Modifier::REVERSED));
            (cells.iter().map(|cell| cell.symbol()).collect(), reversed)
        })
        .collect()
}

#[test]
fn every_pane_tells_its_things_apart_without_colours_and_in_ascii() {
    let has = |lines: &[(String, bool)], words: &str| {
        let found = lines.iter().any(|(line, _)| line.contains(words));
        assert!(found, "no {words:?} in\n{}", lines.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>().join("\n"));
    };
    for (pane, marks) in [
        // Breakers have a word beside their sign, statuses a name beside their bar, problems a cause.
        (
            Pane::Overview,
            &["* closed", "= till 00:00", "last resort", "success", "failed", "##", "Attention", "paused until"][..],
        ),
        (Pane::Failed, &["|x 4811", "|r 4790", "whenv", "next:"]),
        (Pane::Log, &[" + 4981", " r 4983", " / 4983", " % ", " ! 4983", " x 4640", " = ", "following"]),
        (Pane::Ocr, &["+ ", "x ", "r ", "- ", "o ", "to read"]),
        (Pane::Outputs, &["/"]),
    ] {
        let model = plain(pane);
        let lines = lines(&model);
        for mark in marks {
            has(&lines, mark);
        }
        let tab = fixture::drawn(&model);
        let reversed = tab.backend().buffer().content[120..240].iter().any(|cell| cell.modifier.contains(Modifier::REVERSED));
        assert!(reversed, "the tab in focus of {pane:?}");
        if !matches!(pane, Pane::Overview | Pane::Log) {
            assert!(lines.iter().any(|(_, reversed)| *reversed), "the line under the cursor of {pane:?}");
        }
    }
    let mut marked = plain(Pane::Failed);
    press(&mut marked, "space");
    has(&lines(&marked), "|* 4983");
    let mut still = plain(Pane::Log);
    press(&mut still, "up");
    let lines = lines(&still);
    has(&lines, "standing still");
    assert!(lines.iter().any(|(_, reversed)| *reversed));
}

#[test]
fn signs_of_events_and_breakers_differ_in_ascii_too() {
    let theme = Theme::new(false, false);
    let folded = |sign: &str| {
        let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 1, 1));
        buffer[(0, 0)].set_symbol(sign);
        theme.finish(&mut buffer);
        buffer[(0, 0)].symbol().to_owned()
    };
    let events: BTreeSet<String> = EventKind::ALL.iter().map(|kind| folded(theme.event(*kind).0)).collect();
    assert_eq!(events.len(), EventKind::ALL.len(), "{events:?}");
    let breakers = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen, BreakerState::Off];
    let breakers: BTreeSet<String> = breakers.iter().map(|state| folded(theme.breaker(*state).0)).collect();
    assert_eq!(breakers.len(), 4);
}
