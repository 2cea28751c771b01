//! A write that is repeated while the database is only busy or gone for a moment.
//! It knows no statement.

use std::future::Future;
use std::time::Duration;

use super::shared::{Shared, Stop};
use crate::domain::PostId;
use crate::store::StoreError;
use crate::text::Safe;

/// First and longest wait for a database that does not take a write.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Repeats a write until the database takes it, refuses it for good, or the engine is to end at once: what was paid for or
/// computed is not thrown away.
pub async fn persist<T, F>(shared: &Shared, post: Option<PostId>, write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let (mut wait, longest) = WAITS;
    let mut stop = shared.stop.clone();
    loop {
        match write().await {
            Err(error) if error.is_transient() => {
                tracing::warn!(post = post.map(|post| post.0), error = %Safe::line(&error.to_string()), "waiting for the database");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stop.wait_for(|stop| *stop == Stop::Now) => return Err(error),
                }
                wait = (wait * 2).min(longest);
            }
            other => return other,
        }
    }
}
