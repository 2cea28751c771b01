//! Counts for many askers at once: those of the last tenth of a second are given again, and whoever comes while they are being read
//! shares the reading. However many ask, the database is asked some ten times a second, and the engine keeps its connections and its cores.
//! It does not hide what was asked for here: after a request that changed something they are read anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::reply::Problem;
use crate::domain::{Stats, UserId};
use crate::ops::Ops;

/// Users whose counts are kept apart; more are forgotten at once.
const USERS: usize = 1_000;
/// How old counts may be: a thousand posts a second change them a hundred times meanwhile, and nobody sees the difference.
const FRESH: Duration = Duration::from_millis(100);

/// Of one user: when they were read, and what was read; `None`: there is no such user.
type Reading = Arc<tokio::sync::Mutex<Option<(Instant, Option<Stats>)>>>;

/// See the module.
#[derive(Default)]
pub struct Counts(Mutex<HashMap<i64, Reading>>);

impl Counts {
    /// Counts of a user's posts; `None`: there is no such user.
    pub async fn of(&self, ops: &Ops, user: i64) -> Result<Option<Stats>, Problem> {
        let reading = {
            let mut users = self.users();
            if users.len() >= USERS {
                users.clear();
            }
            Arc::clone(users.entry(user).or_default())
        };
        let mut last = reading.lock().await;
        if let Some((at, stats)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(stats.clone());
        }
        let stats = ops.stats(Some(UserId(user))).await?;
        *last = Some((Instant::now(), stats.clone()));
        Ok(stats)
    }

    /// Something was changed: whoever asks from now on sees it.
    pub fn forget(&self) {
        self.users().clear();
    }

    fn users(&self) -> MutexGuard<'_, HashMap<i64, Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
