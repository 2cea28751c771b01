//! Keys from the terminal, and signals from outside.
//! Reading goes on in a thread of its own that nobody waits for long: after a hang-up crossterm's reader loops for ever, and must not
//! take the loop with it.

use std::io::{self, IsTerminal, PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc as wait;
use std::time::Duration;

use crossterm::event::{Event, KeyEvent, MouseEvent};
use rustix::event::{PollFd, PollFlags};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// How long the end of the reader is waited for; it takes microseconds, unless the terminal has hung up.
const LAST_KEY: Duration = Duration::from_millis(100);

/// How long crossterm is given for what has come: in no time at all it reads nothing, and what is left of a millisecond it spins away.
const AT_HAND: Duration = Duration::from_micros(1050);

/// What comes from the terminal.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// A click, a turn of the wheel, a drag.
    Mouse(MouseEvent),
    /// Pasted text.
    Paste(String),
    /// Nothing more will come.
    Lost,
}

/// The reader. From the moment it is closed or dropped, what is typed belongs to the shell again.
pub struct Keys {
    inputs: mpsc::Receiver<Input>,
    /// Its other end ends with it, which wakes the thread.
    open: Option<PipeWriter>,
    ended: wait::Receiver<()>,
}

impl Keys {
    /// Starts the reader.
    pub fn listen() -> io::Result<Self> {
        let (heard, inputs) = mpsc::channel(64);
        let (closed, open) = io::pipe()?;
        let (end, ended) = wait::channel::<()>();
        let terminal = terminal()?;
        let read = move || {
            let last = listen(&terminal, &closed, |input| heard.blocking_send(input).is_ok());
            if last {
                // Nobody may be listening any more.
                let _ = heard.blocking_send(Input::Lost);
            }
            drop(end);
        };
        std::thread::Builder::new().name("keys".to_owned()).spawn(read)?;
        Ok(Self { inputs, open: Some(open), ended })
    }

    /// The next input.
    pub async fn next(&mut self) -> Input {
        self.inputs.recv().await.unwrap_or(Input::Lost)
    }

    /// Reads no further.
    pub fn close(&mut self) {
        self.inputs.close();
        self.open = None;
        // Nothing is ever sent: either the thread has ended, or it cannot be waited for.
        let _ = self.ended.recv_timeout(LAST_KEY);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.close();
    }
}

/// What crossterm reads from: standard input, or the terminal behind it when that is a pipe.
fn terminal() -> io::Result<OwnedFd> {
    if io::stdin().is_terminal() { io::stdin().as_fd().try_clone_to_owned() } else { Ok(std::fs::File::open("/dev/tty")?.into()) }
}

/// Passes on what is typed until nobody wants it (false) or nothing more will come (true).
/// Waiting is done here and not in crossterm, whose waiting nobody can end: it would go on to take what is typed for the next program.
fn listen(terminal: &OwnedFd, closed: &PipeReader, mut pass: impl FnMut(Input) -> bool) -> bool {
    loop {
        let mut asked = [PollFd::new(terminal, PollFlags::IN), PollFd::new(closed, PollFlags::IN)];
        match rustix::event::poll(&mut asked, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return true,
            Ok(_) if !asked[1].revents().is_empty() => return false,
            Ok(_) if asked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => return true,
            Ok(_) => {}
        }
        while let Some(heard) = at_hand().transpose() {
            let input = match heard {
                Ok(Event::Key(key)) => Input::Key(key),
                Ok(Event::Paste(text)) => Input::Paste(text),
                Ok(Event::Mouse(event)) => Input::Mouse(event),
                // Sizes are told by a signal of ours, which comes without a key as well.
                Ok(Event::Resize(..) | Event::FocusGained | Event::FocusLost) => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return true,
            };
            if !pass(input) {
                return false;
            }
        }
    }
}

/// What has come already.
fn at_hand() -> io::Result<Option<Event>> {
    Ok(if crossterm::event::poll(AT_HAND)? { Some(crossterm::event::read()?) } else { None })
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
    /// SIGWINCH: the terminal has another size.
    Resize,
}

/// The signals of [`Wish`].
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    stop: Signal,
    go: Signal,
    size: Signal,
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
            size: signal(SignalKind::window_change())?,
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
            _ = self.size.recv() => Wish::Resize,
        }
    }
}
