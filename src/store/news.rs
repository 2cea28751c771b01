//! News between the processes on one database: NOTIFY, a few times a second at most and never inside a transaction of work; in
//! SQLite the number that changes with every commit.
//! It carries no data: who hears it reads the tables, and who hears nothing looks at them now and then.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use sqlx::sqlite::SqlitePool;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The channel; PostgreSQL keeps those of each database apart.
const CHANNEL: &str = "tagdeck";
/// After one message, what comes within this time goes into the next.
const COALESCED: Duration = Duration::from_millis(150);
/// A database in trouble keeps nobody waiting for a message that a poll makes up for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two tries to listen.
const AGAIN: Duration = Duration::from_secs(1);
/// How often SQLite is asked whether anything was committed: one number from shared memory.
const LOOK: Duration = Duration::from_millis(500);

/// What there is news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Jobs may be due: posts imported or retried, images read, leases given back.
    Work,
    /// What holds for all workers: pauses, the models' state.
    Rules,
    /// The log that all workers share.
    Events,
}

impl Topic {
    const ALL: [Self; 3] = [Self::Work, Self::Rules, Self::Events];

    const fn word(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Rules => "rules",
            Self::Events => "events",
        }
    }
}

/// How often there was news of each topic; a number that has grown means: read the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard([u64; Topic::ALL.len()]);

impl Heard {
    /// True when there was news of this since `before`.
    pub fn since(self, before: Self, topic: Topic) -> bool {
        self.0[topic as usize] != before.0[topic as usize]
    }
}

/// Where news of other processes come from.
pub(super) enum Wire {
    /// NOTIFY and LISTEN.
    Server(PgPool),
    /// `data_version`, which tells of commits but not of what they are about: all topics at once, our own commits too.
    File(SqlitePool),
}

/// One database's news, in this process and from others.
pub(super) struct Newsroom {
    heard: watch::Sender<Heard>,
    wire: Wire,
    /// In a message, who sent it: this process has heard its own news already.
    sender: String,
    outbox: Arc<Mutex<Outbox>>,
    listening: OnceLock<JoinHandle<()>>,
}

#[derive(Default)]
struct Outbox {
    topics: [bool; Topic::ALL.len()],
    /// Somebody is sending, or waits to send what has come meanwhile.
    busy: bool,
}

impl Newsroom {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            heard: watch::Sender::default(),
            wire,
            sender: format!("{:x}-{:x}", std::process::id(), fastrand::u64(..)),
            outbox: Arc::default(),
            listening: OnceLock::new(),
        }
    }

    /// Says it, after the commit of what it is about: in this process at once, to the others in one message for all that is said
    /// within a moment.
    pub(super) async fn tell(&self, topic: Topic) {
        self.heard.send_modify(|heard| heard.0[topic as usize] += 1);
        let Wire::Server(pool) = &self.wire else { return };
        {
            let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
            outbox.topics[topic as usize] = true;
            if std::mem::replace(&mut outbox.busy, true) {
                return;
            }
        }
        // The first waits for it to be sent: a command may end right after.
        send(pool, &self.sender, &self.outbox).await;
        let (pool, sender, outbox) = (pool.clone(), self.sender.clone(), Arc::clone(&self.outbox));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(COALESCED).await;
                {
                    let mut outbox = outbox.lock().unwrap_or_else(PoisonError::into_inner);
                    if outbox.topics == [false; Topic::ALL.len()] {
                        outbox.busy = false;
                        return;
                    }
                }
                send(&pool, &sender, &outbox).await;
            }
        });
    }

    /// Hears the news from now on.
    pub(super) fn hear(&self) -> watch::Receiver<Heard> {
        self.listening.get_or_init(|| match &self.wire {
            Wire::Server(pool) => tokio::spawn(listen(pool.clone(), self.sender.clone(), self.heard.clone())),
            Wire::File(pool) => tokio::spawn(watch_commits(pool.clone(), self.heard.clone())),
        });
        self.heard.subscribe()
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        if let Some(task) = self.listening.get() {
            task.abort();
        }
    }
}

/// Sends what there is; what does not get through is found by a poll.
async fn send(pool: &PgPool, sender: &str, outbox: &Mutex<Outbox>) {
    let topics = std::mem::take(&mut outbox.lock().unwrap_or_else(PoisonError::into_inner).topics);
    let words: Vec<_> = Topic::ALL.into_iter().filter(|topic| topics[*topic as usize]).map(Topic::word).collect();
    let message = format!("{sender} {}", words.join(" "));
    let sent = tokio::time::timeout(PATIENCE, sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(message).execute(pool));
    if !matches!(sent.await, Ok(Ok(_))) {
        tracing::debug!("other workers were not told; they look once a second");
    }
}

fn all(heard: &watch::Sender<Heard>) {
    heard.send_modify(|heard| heard.0.iter_mut().for_each(|count| *count += 1));
}

async fn watch_commits(pool: SqlitePool, heard: watch::Sender<Heard>) {
    let mut last = None;
    loop {
        // The number means something on one connection only.
        if let Ok(mut conn) = pool.acquire().await {
            while let Ok(version) = sqlx::query_scalar::<_, i64>("PRAGMA data_version").fetch_one(&mut *conn).await {
                if last.replace(version) != Some(version) {
                    all(&heard);
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        last = None;
        tokio::time::sleep(AGAIN).await;
    }
}

async fn listen(pool: PgPool, own: String, heard: watch::Sender<Heard>) {
    loop {
        if let Ok(mut listener) = PgListener::connect_with(&pool).await
            && listener.listen(CHANNEL).await.is_ok()
        {
            // What was said before is not known.
            all(&heard);
            loop {
                match listener.try_recv().await {
                    Ok(Some(message)) => take(message.payload(), &own, &heard),
                    // The connection was lost and is there again; an error means that it is not.
                    Ok(None) => all(&heard),
                    Err(_) => break,
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn take(message: &str, own: &str, heard: &watch::Sender<Heard>) {
    let mut words = message.split(' ');
    if words.next() == Some(own) {
        return;
    }
    let topics: Vec<Topic> = words.filter_map(|word| Topic::ALL.into_iter().find(|topic| topic.word() == word)).collect();
    heard.send_if_modified(|heard| {
        for topic in &topics {
            heard.0[*topic as usize] += 1;
        }
        !topics.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_heard_by_its_topics_and_not_by_who_sent_it() {
        let heard = watch::Sender::<Heard>::default();
        let before = *heard.borrow();
        take("other work events later-word", "own", &heard);
        let now = *heard.borrow();
        assert_eq!(Topic::ALL.map(|topic| now.since(before, topic)), [true, false, true]);
        take("own rules", "own", &heard);
        take("", "own", &heard);
        assert_eq!(*heard.borrow(), now);
    }
}
