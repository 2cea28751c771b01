//! Counts for many askers at once: whoever comes while they are being read shares the next reading. However many ask, the database is
//! asked by one at a time, and the engine keeps its connections.
//! Nobody gets counts that were read before they asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::reply::Problem;
use crate::domain::{Stats, UserId};
use crate::ops::Ops;

/// Users whose counts are kept apart; more are forgotten at once.
const USERS: usize = 1_000;

/// See the module.
#[derive(Default)]
pub struct Counts(Mutex<HashMap<i64, Arc<Reading>>>);

/// Of one user.
#[derive(Default)]
struct Reading {
    /// Askers so far.
    askers: AtomicU64,
    /// The last reading, and how many had asked when it began.
    last: tokio::sync::Mutex<(u64, Option<Stats>)>,
}

impl Counts {
    /// Counts of a user's posts, read after this was called; `None`: there is no such user.
    pub async fn of(&self, ops: &Ops, user: i64) -> Result<Option<Stats>, Problem> {
        let reading = {
            let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if users.len() >= USERS {
                users.clear();
            }
            Arc::clone(users.entry(user).or_default())
        };
        let place = reading.askers.fetch_add(1, Ordering::SeqCst);
        let mut last = reading.last.lock().await;
        if last.0 <= place {
            let askers = reading.askers.load(Ordering::SeqCst);
            let stats = ops.stats(Some(UserId(user))).await?;
            *last = (askers, stats);
        }
        Ok(last.1.clone())
    }
}
