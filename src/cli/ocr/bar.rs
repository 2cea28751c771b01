//! The bar of `tagdeck ocr` on stderr, where somebody can see it: images done, rate, time left, and what each thread is at.
//! It keeps nothing that is not drawn.

use std::fmt::Write;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::cli::output;
use crate::ops::ocr::{Doing, Standing};

/// Threads whose work is named; more do not fit a line.
const NAMED: usize = 3;

/// See the module.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(inputs: usize) -> Self {
        let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(inputs as u64), target);
        // Two readers' stages and names still fit beside it in 80 columns.
        let template = "{bar:12} {pos}/{len} · {rate} · {eta} left · {wide_msg}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{:.1}/s", state.per_sec());
        }));
        Self(bar)
    }

    pub(super) fn draw(&self, standing: &Standing) {
        let mut told: Vec<String> = standing.busy.iter().take(NAMED).map(doing).collect();
        if standing.busy.len() > NAMED {
            told.push(format!("{} more", standing.busy.len() - NAMED));
        }
        self.0.set_message(told.join(", "));
        self.0.set_position(standing.done as u64);
        self.0.tick();
    }

    /// A line on stderr above the bar.
    pub(super) fn complain(&self, text: &str) {
        self.0.suspend(|| output::complain(text));
    }

    /// Work on the terminal while the bar is out of the way.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspend(work)
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn doing(doing: &Doing) -> String {
    let name = doing.name.rsplit('/').next().unwrap_or_default();
    let name = crate::text::Safe::line(name).clipped(24);
    match doing.page {
        (_, 1) => format!("{} {name}", doing.stage),
        (page, pages) => format!("{} {name} {page}/{pages}", doing.stage),
    }
}
