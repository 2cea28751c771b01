//! What holds for all engines of one database: pauses, the models' state, who finds out whether a model is back.
//! It takes no decision from them.

use std::time::Duration;

use super::base::work;
use super::link::{Link, args};
use super::news::Topic;
use super::types::ModelState;
use super::{Store, StoreError, millis, sql};
use crate::domain::{Millis, ModelKey, Pause, PauseScope, Probe};
use crate::text::Safe;

impl Store {
    /// The pauses in force; those whose time is over are left out.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let mut pauses = Vec::new();
        for row in self.base.rows(&sql::PAUSES, args![]).await? {
            if let Some(scope) = row.word::<PauseScope>(0)? {
                pauses.push(Pause { scope, until: row.opt_int(1)?, reason: Safe::line(&row.text(2)?) });
            }
        }
        Ok(pauses)
    }

    /// Sets a pause, or replaces the one of the same scope.
    pub async fn set_pause(&self, pause: &Pause) -> Result<(), StoreError> {
        self.base.write(sql::SET_PAUSE.doing, SetPause(pause.clone())).await?;
        self.base.news.tell(Topic::Rules).await;
        Ok(())
    }

    /// Ends a pause, if there is one.
    pub async fn clear_pause(&self, scope: &PauseScope) -> Result<(), StoreError> {
        self.base.write(sql::CLEAR_PAUSE.doing, ClearPause(scope.to_string())).await?;
        self.base.news.tell(Topic::Rules).await;
        Ok(())
    }

    /// What is remembered of each model.
    pub async fn model_states(&self) -> Result<Vec<ModelState>, StoreError> {
        let rows = self.base.rows(&sql::MODELS, args![]).await?;
        rows.iter()
            .map(|row| {
                Ok(ModelState {
                    model: ModelKey { provider: row.text(0)?, model: row.text(1)? },
                    format: row.text(2)?,
                    breaker: row.text(3)?,
                    off_reason: row.opt_text(4)?,
                    updated_at: row.int(5)?,
                })
            })
            .collect()
    }

    /// Remembers a model's state.
    pub async fn save_model_state(&self, state: &ModelState) -> Result<(), StoreError> {
        self.base.write(sql::SAVE_MODEL.doing, SaveModel(state.clone())).await?;
        self.base.news.tell(Topic::Rules).await;
        Ok(())
    }
}

impl Store {
    /// Takes, for `worker`, the calls that find out about these openings; `Some`: another worker's call does, until then at most.
    /// What is taken is nobody else's until the lease ends, or the breaker opens anew.
    pub async fn take_probes(&self, probes: &[Probe], worker: &str, lease: Duration) -> Result<Option<Millis>, StoreError> {
        let take = TakeProbes { probes: probes.to_vec(), worker: worker.to_owned(), lease: millis(lease) };
        self.base.write(sql::TAKE_PROBE.doing, take).await
    }

    /// Gives such calls back that found nothing out: another may go at once.
    pub async fn give_back_probes(&self, probes: &[Probe], worker: &str) -> Result<(), StoreError> {
        let back = GiveBackProbes { probes: probes.to_vec(), worker: worker.to_owned() };
        self.base.write(sql::GIVE_BACK_PROBE.doing, back).await
    }
}

struct TakeProbes {
    probes: Vec<Probe>,
    worker: String,
    lease: Millis,
}
work!(TakeProbes => Option<Millis>, true, |me, link| {
    for (at, Probe { of, opening }) in me.probes.iter().enumerate() {
        let taken = link.row(&sql::TAKE_PROBE, args![&of.provider, &of.model, *opening, &me.worker, me.lease]).await?;
        if taken.is_none() {
            give_back(link, &me.probes[..at], &me.worker).await?;
            return link.int(&sql::PROBE_ENDS, args![&of.provider, &of.model]).await;
        }
    }
    Ok(None)
});

struct GiveBackProbes {
    probes: Vec<Probe>,
    worker: String,
}
work!(GiveBackProbes => (), |me, link| give_back(link, &me.probes, &me.worker).await);

async fn give_back(link: &mut Link<'_>, probes: &[Probe], worker: &str) -> Result<(), StoreError> {
    for Probe { of, opening } in probes {
        link.run(&sql::GIVE_BACK_PROBE, args![&of.provider, &of.model, *opening, worker]).await?;
    }
    Ok(())
}

struct SetPause(Pause);
work!(SetPause => (), |me, link| {
    link.run(&sql::SET_PAUSE, args![&me.0.scope.to_string(), me.0.until, &*me.0.reason]).await.map(drop)
});

struct ClearPause(String);
work!(ClearPause => (), |me, link| link.run(&sql::CLEAR_PAUSE, args![&me.0]).await.map(drop));

struct SaveModel(ModelState);
work!(SaveModel => (), |me, link| {
    let state = &me.0;
    let args = args![&state.model.provider, &state.model.model, &state.format, &state.breaker, state.off_reason.as_deref()];
    link.run(&sql::SAVE_MODEL, args).await.map(drop)
});
