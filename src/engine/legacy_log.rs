//! The few log lines of the service that tagdeck replaces, in its words, for the greps and alerts that people keep.
//! Where they go, and whether, is the log's own setting.

use std::time::Duration;

use crate::domain::{PostId, Totals};
use crate::text::Safe;

/// The logger's name there.
macro_rules! say {
    ($level:ident, $($words:tt)+) => { tracing::$level!(target: "TaggingService", $($words)+) };
}

/// The same model is asked again.
pub fn retry(post: PostId, wait: Duration, reason: &Safe) {
    say!(warn, post = post.0, "Retry через {:.1}с: {reason}", wait.as_secs_f64());
}

/// The route goes on with the next model.
pub fn fallback(post: PostId, to: &str, reason: &Safe) {
    say!(warn, post = post.0, "fallback модель: {}: {reason}", Safe::line(to));
}

/// Nothing is left to do for now; what was done since the line before.
pub fn done(totals: Totals, before: Totals) {
    let (success, failed) = (totals.success - before.success, totals.failed - before.failed);
    if success + failed > 0 {
        say!(info, "Обработка завершена. Успешно: {success}, Ошибок: {failed}");
    }
}
