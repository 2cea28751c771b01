//! A desk takes images that wait, has a thread read them together, watches it, and answers for each whatever becomes of it.
//! It knows images and threads; jobs and the database are `work`'s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::Setup;
use super::progress::Why;
use super::thread::{Fault, Image, Readout, Task, Thread, Threads};
use crate::engine::shared::Stop;
use crate::ocr::OcrError;
use crate::text::Safe;

/// How often the watchdog looks.
pub const LOOK: Duration = Duration::from_millis(100);
/// Time that a page gets to end by itself after a stop was asked for, and then to follow the request to end.
const LAST_PAGE: Duration = Duration::from_secs(3);
const LAST_STEP: Duration = Duration::from_millis(800);

/// What an image came to.
pub type Answer = Result<Readout, Fault>;

/// An image that waits for a desk.
pub struct Waiting {
    pub image: Image,
    /// Told when a desk takes it; whoever does not listen any more has gone.
    pub taken: oneshot::Sender<()>,
    pub reply: oneshot::Sender<Answer>,
}

/// Images that wait, first come first served.
pub type Line = Mutex<mpsc::UnboundedReceiver<Waiting>>;

/// One of as many as there are threads that read at the same time.
pub struct Desk {
    pub line: Arc<Line>,
    pub threads: Arc<Threads>,
    pub setup: Setup,
    pub stop: watch::Receiver<Stop>,
}

/// An image in hand.
struct Seat {
    image: Image,
    /// None: answered.
    reply: Option<oneshot::Sender<Answer>>,
}

impl Seat {
    fn answer(&mut self, answer: Answer) {
        // Nobody waits for it when its job was lost or the engine ends.
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(answer);
        }
    }
}

impl Desk {
    /// Serves until nobody can come any more.
    pub async fn run(self) {
        let mut taken = Vec::new();
        while self.line.lock().await.recv_many(&mut taken, self.threads.at_once()).await > 0 {
            let here = taken.drain(..).filter(|waiting| !waiting.taken.is_closed());
            let seats = here.map(|Waiting { image, taken, reply }| {
                // Should it go now, it hears no answer.
                let _ = taken.send(());
                Seat { image, reply: Some(reply) }
            });
            for mut alone in self.read(seats.collect()).await {
                if *self.stop.borrow() == Stop::No {
                    self.read(vec![alone]).await;
                } else {
                    alone.image.progress.stop(Why::Stop);
                    alone.answer(Err(Fault::Ocr(OcrError::Cancelled)));
                }
            }
        }
    }

    /// Answers for the images, but for those that it returns: something went wrong where they were read together.
    async fn read(&self, mut seats: Vec<Seat>) -> Vec<Seat> {
        if seats.is_empty() {
            return seats;
        }
        let (together, mut again) = (seats.len() > 1, Vec::new());
        let images: Vec<Image> = seats.iter().map(|seat| seat.image.clone()).collect();
        let answers = match self.hand_over(images) {
            Ok((thread, answer)) => self.watch(thread, answer, &mut seats).await,
            Err(error) => {
                let why = OcrError::Engine(Safe::line(&format!("no thread can be started: {error}")));
                seats.iter().map(|_| Err(Fault::Ocr(why.clone()))).collect()
            }
        };
        for (mut seat, answer) in seats.into_iter().zip(answers) {
            // Whose fault that was shows when each has its own time.
            if together && seat.reply.is_some() && is_anybodys(&answer, seat.image.progress.why()) {
                seat.image.progress.begin_again();
                again.push(seat);
            } else {
                seat.answer(answer);
            }
        }
        again
    }

    fn hand_over(&self, images: Vec<Image>) -> std::io::Result<(Thread, oneshot::Receiver<Vec<Answer>>)> {
        let (reply, answer) = oneshot::channel();
        let mut task = Task { images, reply };
        loop {
            let thread = self.threads.take()?;
            match thread.give(task) {
                Ok(()) => return Ok((thread, answer)),
                // Gone while it was idle; the next one is another, or new.
                Err(unsent) => task = *unsent,
            }
        }
    }

    /// The thread's answers. It is given up when it was asked to end everything it has in hand and did not come back in time.
    async fn watch(&self, thread: Thread, mut answers: oneshot::Receiver<Vec<Answer>>, seats: &mut [Seat]) -> Vec<Answer> {
        let mut look = tokio::time::interval(LOOK);
        let stopping = last_page(self.stop.clone());
        tokio::pin!(stopping);
        let (mut asked, mut grace, mut told) = (None, self.setup.grace, false);
        loop {
            tokio::select! {
                answered = &mut answers => {
                    self.threads.put_back(thread);
                    let gone = Safe::fixed("its thread ended without an answer");
                    return answered.unwrap_or_else(|_| seats.iter().map(|_| Err(Fault::Panic(gone.clone()))).collect());
                }
                _ = look.tick() => {
                    for seat in &*seats {
                        seat.image.progress.stop_after(self.setup.page_timeout);
                    }
                    // While one may go on, the thread may be at that one.
                    let all = seats.iter().all(|seat| seat.image.progress.why().is_some());
                    if !all {
                        answer_unwanted(seats);
                    }
                    if all && asked.get_or_insert_with(Instant::now).elapsed() > grace {
                        self.threads.give_up(&thread);
                        return seats.iter().map(|_| Err(Fault::Stuck)).collect();
                    }
                }
                left = &mut stopping, if !told => {
                    for seat in &*seats {
                        seat.image.progress.stop(Why::Stop);
                    }
                    (asked, grace, told) = (Some(Instant::now()), left, true);
                }
            }
        }
    }
}

/// True for a failure that another image may have brought about.
fn is_anybodys(answer: &Answer, why: Option<Why>) -> bool {
    match why {
        Some(Why::Deadline { .. }) => answer.is_err(),
        Some(Why::Operator | Why::Stop | Why::Lost) => false,
        None => matches!(answer, Err(Fault::Panic(_) | Fault::Stuck | Fault::Ocr(OcrError::Cancelled))),
    }
}

/// Whoever cancelled one of several does not wait for the others.
fn answer_unwanted(seats: &mut [Seat]) {
    for seat in seats {
        if matches!(seat.image.progress.why(), Some(Why::Operator | Why::Lost)) {
            seat.answer(Err(Fault::Ocr(OcrError::Cancelled)));
        }
    }
}

/// Returns when the pages in hand are to be ended because the engine stops, with the time they have to follow.
pub async fn last_page(mut stop: watch::Receiver<Stop>) -> Duration {
    // An error means that the engine is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop != Stop::No).await;
    tokio::select! {
        _ = stop.wait_for(|stop| *stop == Stop::Now) => Duration::ZERO,
        () = tokio::time::sleep(LAST_PAGE) => LAST_STEP,
    }
}

#[cfg(test)]
mod tests;
