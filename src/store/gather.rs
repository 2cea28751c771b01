//! Writing that comes at the same time, done together: one transaction and a few statements for all that queue up while the
//! one before is under way. What comes alone waits for nobody.
//! What is written, and how much of it alike, is the pieces' own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};

use super::StoreError;
use super::base::{Base, Boxed, Work};
use super::link::Link;
use crate::text::Safe;

/// Most pieces in one transaction.
const MOST: usize = 64;
/// Transactions of one kind of piece at once: a server works on one while the next is put together.
const TURNS: usize = 2;

/// One piece of such writing.
pub(super) trait Piece: Clone + Send + Sync + 'static {
    /// What it answers with.
    type Out: Send + 'static;
    /// In words that follow "trying to".
    const DOING: &'static str;
    /// True when it must not be done once nobody waits for the answer.
    const ONLY_WHEN_AWAITED: bool;

    /// The statements for one.
    fn alone<'a>(&'a self, link: &'a mut Link<'_>) -> Boxed<'a, Result<Self::Out, StoreError>>;

    /// The statements for many; the answers in the order of the pieces.
    fn together<'a>(pieces: &'a [Self], link: &'a mut Link<'_>) -> Boxed<'a, Result<Vec<Self::Out>, StoreError>>;
}

/// Pieces of one kind that wait for their transaction.
pub(super) struct Lane<P: Piece> {
    waiting: Mutex<Vec<Waiting<P>>>,
    /// Held by whoever writes.
    turns: Semaphore,
}

struct Waiting<P: Piece> {
    piece: P,
    reply: oneshot::Sender<Result<P::Out, StoreError>>,
}

impl<P: Piece> Default for Lane<P> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turns: Semaphore::new(TURNS) }
    }
}

impl<P: Piece> Lane<P> {
    /// Writes a piece with those that wait as well; answers after the commit.
    pub(super) async fn write(base: &Arc<Base>, lane: fn(&Base) -> &Self, piece: P) -> Result<P::Out, StoreError> {
        let gone = || StoreError::Lost { doing: P::DOING, cause: Safe::fixed("its writer has ended") };
        let (reply, mut answer) = oneshot::channel();
        let here = lane(base);
        here.lock().push(Waiting { piece, reply });
        loop {
            // Another one's turn may bring the answer; else this is the turn to write what has gathered.
            let turn = tokio::select! {
                biased;
                answer = &mut answer => return answer.map_err(|_| gone())?,
                turn = here.turns.acquire() => turn.map_err(|_| gone())?,
            };
            let batch = here.take();
            if batch.is_empty() {
                // It is being written; the turn is for those whose pieces wait.
                drop(turn);
                return answer.await.map_err(|_| gone())?;
            }
            let base = Arc::clone(base);
            // A caller that is dropped takes nobody's writing with it; what it came to is in the answers.
            let _ = tokio::spawn(async move { write(&base, batch).await }).await;
        }
    }

    fn take(&self) -> Vec<Waiting<P>> {
        let mut waiting = self.lock();
        if P::ONLY_WHEN_AWAITED {
            waiting.retain(|one| !one.reply.is_closed());
        }
        let count = waiting.len().min(MOST);
        waiting.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting<P>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write<P: Piece>(base: &Base, batch: Vec<Waiting<P>>) {
    if batch.len() > 1 {
        let pieces = batch.iter().map(|waiting| waiting.piece.clone()).collect();
        match base.write(P::DOING, Together::<P>(pieces)).await {
            Ok(answers) => {
                for (waiting, out) in batch.into_iter().zip(answers) {
                    // Nobody waits any more: what was written stays written.
                    let _ = waiting.reply.send(Ok(out));
                }
                return;
            }
            // Nobody gets through now: to let each wait for the same would take 10 s a piece.
            Err(error) if error.is_transient() && !matches!(error, StoreError::Conflict { .. }) => {
                for waiting in batch {
                    let _ = waiting.reply.send(Err(error.again(P::DOING)));
                }
                return;
            }
            Err(_) => {}
        }
    }
    // One that fails takes its neighbours' writing back with it: then each is written alone, and one failure hurts only itself.
    for Waiting { piece, reply } in batch {
        let _ = reply.send(base.write(P::DOING, Alone(piece)).await);
    }
}

/// One piece as a transaction.
pub(super) struct Alone<P>(pub(super) P);

impl<P: Piece> Work for Alone<P> {
    type Out = P::Out;

    fn run<'a>(&'a self, link: &'a mut Link<'_>) -> Boxed<'a, Result<P::Out, StoreError>> {
        self.0.alone(link)
    }

    fn only_when_awaited(&self) -> bool {
        P::ONLY_WHEN_AWAITED
    }
}

/// Many as a transaction.
struct Together<P>(Vec<P>);

impl<P: Piece> Work for Together<P> {
    type Out = Vec<P::Out>;

    fn run<'a>(&'a self, link: &'a mut Link<'_>) -> Boxed<'a, Result<Vec<P::Out>, StoreError>> {
        P::together(&self.0, link)
    }
}
