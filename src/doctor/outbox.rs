//! What the database says of documents on their way into the blob store: how many wait, and what keeps them.
//! It asks no blob store; that is another check's.

use super::{Check, State, apart};
use crate::config::Config;
use crate::domain::PauseScope;
use crate::store::{Access, Store, StoreError};
use crate::text::{counted, grouped};

const NAME: &str = "uploads";

/// None where nothing is to be stored, or there is no database to ask: other checks tell of both.
pub(super) async fn checks(config: Config) -> Vec<Check> {
    if !config.blob.upload {
        return Vec::new();
    }
    let looked = apart(move || async move {
        let store = Store::open(config.database.expose(), Access::ReadOnly).await.ok()?;
        look(&store, &config).await.ok()
    });
    looked.await.flatten().into_iter().collect()
}

async fn look(store: &Store, config: &Config) -> Result<Check, StoreError> {
    let (waiting, (stored, failed)) = (store.waiting_uploads().await?, store.output_counts().await?);
    let saw = format!(
        "{} ({} of {} MB); stored: {}, given up: {}",
        counted(waiting.documents, "document waits", "documents wait"),
        grouped(waiting.bytes >> 20),
        grouped(i64::try_from(config.blob.spool_mb).unwrap_or(i64::MAX)),
        grouped(stored),
        grouped(failed)
    );
    let pause = store.pauses().await?.into_iter().find(|pause| pause.scope == PauseScope::Uploads);
    Ok(if let Some(pause) = pause {
        let saw = format!("{saw}; paused: {}", pause.reason);
        Check::new(
            NAME,
            State::Warn,
            &saw,
            Some("do what stands behind the reason; then P in the dashboard, or start the engine again"),
        )
    } else if waiting.bytes >> 20 >= i64::try_from(config.blob.spool_mb).unwrap_or(i64::MAX) {
        let saw = format!("{saw}; the spool is full, no further image is read");
        Check::new(NAME, State::Warn, &saw, Some("start `tagdeck run --kind upload`, or raise blob.spool_mb"))
    } else if failed > 0 {
        Check::new(NAME, State::Warn, &saw, Some("the next start of an engine tries them again; its log says what was wrong"))
    } else {
        Check::ok(NAME, &saw)
    })
}
