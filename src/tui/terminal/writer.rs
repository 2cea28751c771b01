//! Writes to the terminal in a thread of its own: a terminal that takes nothing (a line that stalls, a paused multiplexer) must
//! keep neither the keys, nor the signals, nor the engine waiting. It decides nothing about what is written.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc;

use super::OURS;

/// How long giving the terminal back may wait for it to take the last bytes.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// The thread, as the screen sees it.
pub struct Writer {
    jobs: Sender<Vec<u8>>,
    done: mpsc::Receiver<io::Result<()>>,
    busy: bool,
    /// What goes out next.
    waiting: Vec<u8>,
}

impl Writer {
    /// Starts the thread; it ends with the writer, or with the process when it is stuck.
    pub fn start() -> io::Result<Self> {
        let (jobs, to_do) = channel::<Vec<u8>>();
        let (tell, done) = mpsc::channel(1);
        let work = move || {
            while let Ok(bytes) = to_do.recv() {
                if tell.blocking_send(write(&bytes)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("screen".to_owned()).spawn(work)?;
        Ok(Self { jobs, done, busy: false, waiting: Vec::new() })
    }

    /// True while the terminal has not taken everything.
    pub const fn is_busy(&self) -> bool {
        self.busy
    }

    /// Writes these bytes, behind what is on its way.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.busy {
            return Ok(());
        }
        self.busy = true;
        self.jobs.send(std::mem::take(&mut self.waiting)).map_err(|_| ended())
    }

    /// Returns once the terminal has taken everything; never, while there is nothing on its way. The error is that of writing.
    pub async fn freed(&mut self) -> io::Result<()> {
        while self.busy {
            self.done.recv().await.ok_or_else(ended)??;
            self.busy = false;
            if self.waiting.is_empty() {
                return Ok(());
            }
            self.send(&[])?;
        }
        std::future::pending().await
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the thread that writes to the terminal has ended")
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // Asked while holding the output: the terminal may have been given back since these bytes were made.
    if !OURS.load(Ordering::SeqCst) {
        return Ok(());
    }
    out.write_all(bytes)?;
    out.flush()
}

/// Writes the last bytes behind everything else, and waits for them no longer than is polite.
pub fn write_last(bytes: Vec<u8>) -> io::Result<()> {
    let (tell, told) = channel();
    let last = move || {
        let mut out = io::stdout().lock();
        // Nobody may wait for it any more.
        let _ = tell.send(out.write_all(&bytes).and_then(|()| out.flush()));
    };
    std::thread::Builder::new().name("screen-last".to_owned()).spawn(last)?;
    match told.recv_timeout(LAST_BYTES) {
        Ok(written) => written,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(io::ErrorKind::TimedOut.into()),
    }
}
