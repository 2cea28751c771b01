//! Markdown as styled lines: what `tui-markdown` makes of it, wrapped to the width, every piece made `Safe` once more.
//! Entities are resolved in there: `&#27;` becomes an escape only after a text has passed the gate, so the gate stands behind it too.

use ratatui::style::{Modifier, Style};
use tui_markdown::{AlertKind, Options, StyleSheet, from_str_with_options};
use unicode_width::UnicodeWidthStr;

use super::{Line, table, wrap};
use crate::text::Safe;
use crate::tui::theme::Theme;

/// Roles of the theme for what Markdown has.
#[derive(Clone)]
struct Sheet(Theme);

impl StyleSheet for Sheet {
    fn heading(&self, _level: u8) -> Style {
        self.0.accent().patch(self.0.strong())
    }

    fn heading_marker(&self, _level: u8) -> &'static str {
        ""
    }

    fn code(&self) -> Style {
        self.0.accent()
    }

    fn code_block_fence(&self) -> &'static str {
        ""
    }

    fn link(&self) -> Style {
        self.0.accent().add_modifier(Modifier::UNDERLINED)
    }

    fn blockquote(&self) -> Style {
        self.0.quiet()
    }

    fn metadata_block(&self) -> Style {
        self.0.quiet()
    }

    fn html(&self) -> Style {
        self.0.quiet()
    }

    fn math_inline(&self) -> Style {
        Style::new()
    }

    fn math_display(&self) -> Style {
        Style::new()
    }

    fn alert(&self, _kind: AlertKind) -> Style {
        self.0.strong()
    }

    fn alert_icon(&self, _kind: AlertKind) -> &'static str {
        ""
    }

    fn table_header(&self) -> Style {
        self.0.strong()
    }

    fn table_border(&self) -> Style {
        self.0.quiet()
    }

    fn list_marker(&self) -> Style {
        self.0.accent()
    }

    fn image_alt(&self) -> Style {
        self.0.quiet()
    }
}

/// The lines of a Markdown text.
pub(super) fn lay(raw: &str, width: usize, theme: Theme) -> Vec<Line> {
    let source = table::piped(&Safe::block(raw));
    let options = Options::new(Sheet(theme)).table_width(u16::try_from(width).unwrap_or(u16::MAX));
    let text = from_str_with_options(&source, &options);
    let mut lines = Vec::new();
    for line in text.lines {
        let whole = text.style.patch(line.style);
        let safe = |span: ratatui::text::Span<'_>| (Safe::block(&span.content).replace('\n', " "), whole.patch(span.style));
        let pieces: Vec<(String, Style)> = line.spans.into_iter().map(safe).collect();
        let cells: usize = pieces.iter().map(|(text, _)| text.width()).sum();
        // A border broken in two is no border: a table that is still too wide is cut at the edge.
        let ruled = pieces.first().is_some_and(|(text, _)| text.trim_start().starts_with(['┌', '│', '├', '└']));
        if cells <= width || ruled {
            lines.push(Line::new(pieces));
        } else {
            wrap(&pieces, width, &mut lines);
        }
    }
    lines
}
