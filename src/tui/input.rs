//! Keys and sizes from the terminal, and signals from outside.
//! Reading goes on in a thread of its own that nobody joins: after a hang-up crossterm's reader loops for ever, and must not take the loop with it.

use std::io;

use crossterm::event::{Event, KeyEvent, MouseEvent};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// What comes from the terminal.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// A click, a turn of the wheel, a drag.
    Mouse(MouseEvent),
    /// Pasted text.
    Paste(String),
    /// Columns and rows.
    Resize(u16, u16),
    /// Nothing more will come.
    Lost,
}

/// Starts the reader.
pub fn listen() -> io::Result<mpsc::Receiver<Input>> {
    let (heard, inputs) = mpsc::channel(64);
    let read = move || {
        loop {
            let input = match crossterm::event::read() {
                Ok(Event::Key(key)) => Input::Key(key),
                Ok(Event::Resize(columns, rows)) => Input::Resize(columns, rows),
                Ok(Event::Paste(text)) => Input::Paste(text),
                Ok(Event::Mouse(event)) => Input::Mouse(event),
                Ok(Event::FocusGained | Event::FocusLost) => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => Input::Lost,
            };
            let last = matches!(input, Input::Lost);
            if heard.blocking_send(input).is_err() || last {
                return;
            }
        }
    };
    std::thread::Builder::new().name("keys".to_owned()).spawn(read)?;
    Ok(inputs)
}

/// What other processes may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// SIGTERM or SIGINT: leave.
    End,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGTSTP: give the terminal back and stop.
    Stop,
    /// SIGCONT.
    Go,
}

/// The signals of [`Wish`].
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    stop: Signal,
    go: Signal,
}

impl Signals {
    /// Takes the signals over.
    pub fn new() -> io::Result<Self> {
        let of = |raw: rustix::process::Signal| signal(SignalKind::from_raw(raw.as_raw()));
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            stop: of(rustix::process::Signal::TSTP)?,
            go: of(rustix::process::Signal::CONT)?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.hup.recv() => Wish::HangUp,
            _ = self.term.recv() => Wish::End,
            _ = self.int.recv() => Wish::End,
            _ = self.stop.recv() => Wish::Stop,
            _ = self.go.recv() => Wish::Go,
        }
    }
}
