//! What holds for all engines of one database: pauses, the models' state.
//! It takes no decision from them.

use super::base::work;
use super::link::args;
use super::news::Topic;
use super::types::ModelState;
use super::{Store, StoreError, sql};
use crate::domain::{ModelKey, Pause, PauseScope};
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
