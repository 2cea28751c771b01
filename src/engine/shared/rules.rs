//! What holds for all engines of a database: pauses, and what any of them found out about models and providers.
//! Who pauses what, and when a breaker opens, is not decided here.

use super::{Shared, in_words, locked};
use crate::domain::{EventKind, ModelKey, Pause, PauseScope};
use crate::engine::event::Draft;
use crate::llm::route::Kept;
use crate::store::{ModelState, StoreError};
use crate::text::Safe;

impl Shared {
    /// Takes over what the database holds now.
    pub async fn follow_rules(&self) -> Result<(), StoreError> {
        self.follow_pauses(self.store.pauses().await?);
        // An embedded database has no other engine that could know more.
        if !self.store.is_embedded() {
            self.follow_models(&self.store.model_states().await?);
        }
        Ok(())
    }

    /// Brings the route's pauses in line with the database: new ones hold, those that somebody lifted end.
    pub fn follow_pauses(&self, stored: Vec<Pause>) {
        let mut known = locked(&self.stored_pauses);
        if *known == stored {
            return;
        }
        let mut route = self.route();
        for lifted in known.iter().filter(|old| !stored.iter().any(|new| new.scope == old.scope)) {
            route.health.clear_pause(&lifted.scope);
            let text = match lifted.scope {
                PauseScope::All => "the engine goes on".to_owned(),
                PauseScope::Provider(_) => format!("{} goes on", in_words(&lifted.scope)),
                PauseScope::Free(_) | PauseScope::Uploads => format!("{} go on", in_words(&lifted.scope)),
            };
            self.log.publish(Draft::new(EventKind::Resumed, Safe::line(&text)));
        }
        for pause in stored.iter().filter(|new| !known.contains(new)) {
            route.health.set_pause(pause);
            // The engine's own pauses were told when they were set.
            if pause.scope == PauseScope::All {
                self.log.publish(Draft::new(EventKind::Paused, pause.reason.clone()));
            }
        }
        *known = stored;
    }

    /// Pauses in force now.
    pub fn pauses(&self) -> Vec<Pause> {
        let stored = locked(&self.stored_pauses).clone();
        let now = self.now();
        let mut pauses = self.route().health.pauses(now);
        let known: Vec<PauseScope> = pauses.iter().map(|p| p.scope.clone()).collect();
        pauses.extend(stored.into_iter().filter(|p| !known.contains(&p.scope) && p.until.is_none_or(|until| now < until)));
        pauses
    }

    /// What to keep of a model whose state has changed.
    pub fn model_state(&self, index: usize) -> Option<ModelState> {
        let (model, kept) = {
            let route = self.route();
            (route.health.key(index)?.clone(), route.health.kept(index)?)
        };
        Some(self.state(model, kept))
    }

    /// What to keep of a provider whose breaker has changed.
    pub fn provider_state(&self, provider: &str) -> Option<ModelState> {
        let (model, kept) = self.route().health.kept_provider(provider)?;
        Some(self.state(model, kept))
    }

    fn state(&self, model: ModelKey, kept: Kept) -> ModelState {
        let state = ModelState { model, format: kept.format, breaker: kept.breaker, off_reason: kept.off_reason, updated_at: 0 };
        // Its own news comes back from the database and is none then.
        self.remember(std::slice::from_ref(&state));
        state
    }

    /// The database holds this, as far as this engine knows.
    pub(super) fn remember(&self, states: &[ModelState]) {
        let mut known = locked(&self.known_models);
        for state in states {
            known.insert(state.model.clone(), ModelState { updated_at: 0, ..state.clone() });
        }
    }

    /// Takes over what another engine has found out about models and providers since this one looked last.
    fn follow_models(&self, stored: &[ModelState]) {
        let news: Vec<ModelState> = {
            let known = locked(&self.known_models);
            let is_news =
                |state: &&ModelState| known.get(&state.model) != Some(&ModelState { updated_at: 0, ..(*state).clone() });
            stored.iter().filter(is_news).cloned().collect()
        };
        if news.is_empty() {
            return;
        }
        self.remember(&news);
        let kept: Vec<(ModelKey, Kept)> = news.into_iter().map(|state| (state.model.clone(), kept(state))).collect();
        self.route().health.load(&kept);
        self.board().changed();
    }
}

/// The columns of a state.
pub(super) fn kept(state: ModelState) -> Kept {
    Kept { format: state.format, breaker: state.breaker, off_reason: state.off_reason }
}
