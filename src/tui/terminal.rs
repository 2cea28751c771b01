//! The terminal itself: taken over, written to in whole frames, and given back on every way out, a panic among them.
//! It draws nothing of its own; what a frame holds is `view`'s business.

pub mod canvas;
mod scroll;
mod writer;

use std::io::{self, IsTerminal, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::ResetColor;
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{QueueableCommand, cursor, terminal};
use ratatui::buffer::Buffer;
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::sync::Notify;

use crate::text::Safe;
use canvas::Canvas;
use writer::Writer;

/// True while the terminal is ours; whoever sets it to false gives it back.
static OURS: AtomicBool = AtomicBool::new(false);

/// The mouse is ours as well.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// Clicks, the wheel and drags, in the coordinates of every size; not each move, which would come as a flood over a bad line.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// Told by the panic hook; the loop must not go on drawing on a terminal that was given back.
static PANICKED: Notify = Notify::const_new();

/// The terminal while the dashboard has it.
pub struct Screen {
    canvas: Canvas,
    writer: Writer,
}

impl Screen {
    /// Takes the terminal over and clears it, with its mouse or without.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "standard output is not a terminal"));
        }
        restore_on_panic();
        let writer = Writer::start()?;
        MOUSE.store(mouse, Ordering::SeqCst);
        take_over()?;
        Ok(Self { canvas: Canvas::default(), writer })
    }

    /// True while the terminal has not taken the last frame: a further one would only queue behind it.
    pub const fn is_busy(&self) -> bool {
        self.writer.is_busy()
    }

    /// Returns once the terminal has taken what was on its way.
    pub async fn freed(&mut self) -> io::Result<()> {
        self.writer.freed().await
    }

    /// Draws a frame; writes nothing at all when it looks like the last one. Returns the bytes on their way.
    pub fn draw(&mut self, view: impl FnOnce(&mut Buffer)) -> io::Result<usize> {
        let bytes = self.canvas.draw(terminal::size()?, view)?;
        if !bytes.is_empty() {
            self.writer.send(&bytes)?;
        }
        Ok(bytes.len())
    }

    /// Sends the terminal something that draws nothing, between two frames.
    pub fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.send(bytes)
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        MOUSE.store(on, Ordering::SeqCst);
        self.writer.send(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// The next frame is written whole.
    pub fn forget(&mut self) {
        self.canvas.forget();
    }

    /// Gives the terminal back until [`Screen::return_to`].
    pub fn leave(&mut self) {
        self.forget();
        give_back();
    }

    /// Takes the terminal over again.
    pub fn return_to(&mut self) -> io::Result<()> {
        self.forget();
        take_over()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take_over() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    let mut bytes = Vec::new();
    bytes.queue(EnterAlternateScreen)?.queue(EnableBracketedPaste)?.queue(cursor::Hide)?;
    if MOUSE.load(Ordering::SeqCst) {
        bytes.extend(MOUSE_ON);
    }
    let sent = send(&bytes);
    if sent.is_err() {
        give_back();
    }
    sent
}

/// Once for each time it was taken over; errors are of no use to anybody on the way out.
fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = if MOUSE.load(Ordering::SeqCst) { MOUSE_OFF.to_vec() } else { Vec::new() };
    // First, so that a line typed into the shell's prompt is a line and no heap of keys.
    let _ = terminal::disable_raw_mode();
    let queued = bytes
        .queue(EndSynchronizedUpdate)
        .and_then(|b| b.queue(ResetColor))
        .and_then(|b| b.queue(DisableBracketedPaste))
        .and_then(|b| b.queue(cursor::Show))
        .and_then(|b| b.queue(LeaveAlternateScreen))
        .map(|_| ());
    let _ = queued.and_then(|()| writer::write_last(bytes));
}

fn send(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A panic anywhere gives the terminal back first and then says what happened, harmlessly: its text may quote a post.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !OURS.load(Ordering::SeqCst) {
                before(info);
                return;
            }
            give_back();
            let _ = writeln!(io::stderr(), "{}", Safe::block(&format!("tagdeck: {info}")));
            PANICKED.notify_one();
        }));
    });
}

/// Returns once something has panicked while the terminal was ours.
pub async fn panicked() {
    PANICKED.notified().await;
}

/// True when nobody is at the other end of the terminal any more.
/// Asked once a second: a session that ends without SIGHUP would otherwise be noticed at the next write only, which may never come.
pub fn hung_up() -> bool {
    let out = io::stdout();
    let mut asked = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    match rustix::event::poll(&mut asked, Some(&at_once)) {
        Ok(_) => asked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        Err(_) => false,
    }
}

/// True when a shell is there to return to. The leader of a session (`ssh -t host tagdeck`, a container) has none:
/// stopped, nothing could wake it again.
pub fn has_shell() -> bool {
    rustix::process::getsid(None).is_ok_and(|leader| leader != rustix::process::getpid())
}

/// Stops this process and its neighbours in the job, as the terminal's own Ctrl-Z would have.
pub fn stop_job() -> io::Result<()> {
    // The whole group: under `cargo run` or a script the shell waits for the leader, not for us.
    Ok(rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?)
}

/// Stops this process alone; whoever sent SIGTSTP has chosen who else stops.
pub fn stop_self() -> io::Result<()> {
    Ok(rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?)
}
