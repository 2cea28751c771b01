//! What a pass comes to that found no tags: put off, failed or skipped, and in which words.
//! It makes no call and changes nothing.

use super::{Pass, Said, is_keywords};
use crate::domain::{Millis, Outcome};
use crate::llm::route::PassEnd;
use crate::llm::route::health::{Availability, Cause, Health};
use crate::llm::route::sign::puts_off;
use crate::text::Safe;

impl Pass {
    /// The pass found no tags: put off when nobody could really be asked, otherwise failed, and then in which way.
    pub(super) fn finish(&self, used_up: Option<String>, health: &Health, now: Millis) -> PassEnd {
        let mut said: Vec<&Said> = self.over.iter().flatten().collect();
        said.sort_by_key(|said| said.order);
        let Some(last) = said.iter().rev().find(|said| !puts_off(said.outcome)) else {
            return put_off(said.last().copied(), health, now);
        };
        let serving = self.turns.iter().copied();
        let serving = serving
            .filter(|index| !is_keywords(health, *index) && !matches!(health.availability(*index, now), Availability::Off(_)));
        let serving: Vec<Option<Outcome>> = serving.map(|index| self.over[index].as_ref().map(|said| said.outcome)).collect();
        let all_say = |outcome| !serving.is_empty() && serving.iter().all(|said| *said == Some(outcome));
        if all_say(Outcome::Moderated) {
            return PassEnd::Skipped { class: "moderated", reason: last.reason.clone() };
        }
        let asked = match (said.len(), self.turns.len()) {
            (_, 1) => "the only model".to_owned(),
            (asked, all) if asked == all => format!("all {all} models"),
            (asked, all) => format!("{asked} of {all} models"),
        };
        // Told only when it kept a healthy model from its turn.
        let cut_short = used_up.filter(|_| self.others(health, now) > 0);
        let limit = cut_short.map(|words| format!("; {words}")).unwrap_or_default();
        PassEnd::Failed {
            outcome: last.outcome,
            reason: Safe::line(&format!("{}, {asked}{limit}", last.reason)),
            permanent: all_say(Outcome::BadRequest),
        }
    }
}

fn put_off(last: Option<&Said>, health: &Health, now: Millis) -> PassEnd {
    let closed = health.closed(now);
    // Something may be asked again already: it opened in this very moment, or the pass ran into its own limits.
    let until = closed.as_ref().map_or(now + 1000, |closed| closed.until);
    let cause = match (last, closed) {
        (Some(said), _) => Cause { outcome: said.outcome, reason: said.reason.clone() },
        (None, Some(closed)) => closed.cause,
        (None, None) => Cause { outcome: Outcome::Cancelled, reason: Safe::fixed("no model could be asked") },
    };
    PassEnd::PutOff { outcome: cause.outcome, reason: cause.reason, until }
}
