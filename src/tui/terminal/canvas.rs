//! What the terminal shows, and the bytes that make of it the next frame: one synchronized update of what differs, or nothing.
//! It has no terminal of its own.

use std::io;

use crossterm::QueueableCommand;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scroll::Scroll;

/// See the module.
#[derive(Default)]
pub struct Canvas {
    /// What the terminal shows; `None`: unknown, everything has to be written.
    shown: Option<Buffer>,
    /// Where the next frame is drawn; before that its cells mean nothing.
    next: Buffer,
}

impl Canvas {
    /// The bytes that turn what is shown into this frame of so many columns and rows, which then counts as shown.
    pub fn draw(&mut self, (columns, rows): (u16, u16), view: impl FnOnce(&mut Buffer)) -> io::Result<Vec<u8>> {
        self.next.resize(Rect::new(0, 0, columns, rows));
        self.next.reset();
        view(&mut self.next);
        let mut bytes = Vec::new();
        if self.shown.as_ref() == Some(&self.next) {
            return Ok(bytes);
        }
        bytes.queue(BeginSynchronizedUpdate)?;
        let mut shown = match self.shown.take() {
            Some(shown) if shown.area == self.next.area => shown,
            _ => {
                bytes.queue(Clear(ClearType::All))?;
                Buffer::empty(self.next.area)
            }
        };
        if let Some(scroll) = Scroll::between(&shown, &self.next) {
            bytes.extend(scroll.sequence().as_bytes());
            scroll.apply(&mut shown);
        }
        CrosstermBackend::new(&mut bytes).draw(shown.diff_iter(&self.next))?;
        bytes.queue(EndSynchronizedUpdate)?;
        std::mem::swap(&mut shown, &mut self.next);
        self.shown = Some(shown);
        Ok(bytes)
    }

    /// The next frame is written whole.
    pub fn forget(&mut self) {
        self.shown = None;
    }
}
