//! Deals the kinds of faults out over posts that are known beforehand, so that one run of some sixty posts meets most of them.
//! It only arranges what a draw could have brought as well; posts it does not know are left to the draw.

use std::collections::{HashMap, HashSet};

use super::catalogue::{FAULTS, Fault, When};
use super::draw::{below, name_hash, number};
use super::fault::{Faults, SHUFFLE, WHICH, kinds, serving};
use super::roster::Model;
use crate::domain::Outcome;

/// By model, post and count of asking: what strikes it, `None` when it is spared.
pub(super) type Dealt = HashMap<(u64, u64, u32), Option<&'static Fault>>;

/// The eighth of the posts during which the first model is out of order, so that its breaker opens at a known time:
/// late enough that most posts have met it before.
const OUTAGE: usize = 6;

struct Dealer {
    seed: u64,
    /// Kinds that have not been dealt yet.
    fresh: Vec<&'static Fault>,
    /// Whether the next kind is to be one that a breaker counts.
    hard: bool,
}

/// Deals for every model in the roster's order.
///
/// Kinds that have not been dealt yet go first, and to the posts that the faults of the model before pass on to this one,
/// since most calls go to the first model. Kinds that a breaker counts take turns with the others, and failing posts are
/// spread evenly, so that no breaker opens by mere chance and hides the rest from view.
pub(super) fn deal(faults: &Faults) -> Dealt {
    let mut dealer = Dealer { seed: faults.seed, fresh: drawable(), hard: true };
    // What only free models can show comes first where it can come at all.
    dealer.fresh.sort_by_key(|kind| (kind.when != When::DrawFree, number(faults.seed, 0, name_hash(kind.name), 0, SHUFFLE)));
    let mut known = HashSet::new();
    let row: Vec<u64> = faults.posts.iter().copied().filter(|&post| known.insert(post)).collect();
    let mut dealt = Dealt::new();
    let mut passed_on = HashSet::new();
    for (place, model) in serving().enumerate() {
        let outage = |at: usize| place == 0 && at * 8 / row.len() == OUTAGE;
        passed_on = dealer.deal_model(&mut dealt, model, &row, &passed_on, (faults.share * model.calm).min(1.0), outage);
    }
    dealt
}

impl Dealer {
    /// Deals one model's first and second askings; returns the posts that are sure to go on to the next model.
    fn deal_model(
        &mut self,
        dealt: &mut Dealt,
        model: &Model,
        row: &[u64],
        before: &HashSet<u64>,
        share: f64,
        outage: impl Fn(usize) -> bool,
    ) -> HashSet<u64> {
        let name = name_hash(model.id);
        let failing = (row.len() as f64 * share).round() as usize;
        let spread = Spread { share: failing.saturating_sub(before.len()) as f64 / (row.len() - before.len()).max(1) as f64 };
        let mut passed_on = HashSet::new();
        let mut again = 0;
        let mut others = 0;
        // Those first that are sure to come, so that they get what has not been dealt yet.
        let (sure, rest): (Vec<_>, Vec<_>) = row.iter().copied().enumerate().partition(|(_, post)| before.contains(post));
        for (at, post) in sure.into_iter().chain(rest) {
            let fails = if before.contains(&post) {
                true
            } else {
                others += 1;
                spread.picks(others)
            };
            let first = (fails || outage(at)).then(|| self.next_kind(model, post, 0, outage(at))).flatten();
            dealt.insert((name, post, 0), first);
            let Some(first) = first.filter(|fault| fault.outcome != Outcome::Success) else { continue };
            if moves_on(first.outcome) {
                passed_on.insert(post);
                continue;
            }
            again += 1;
            let fails = outage(at) || Spread { share }.picks(again);
            let second = fails.then(|| self.next_kind(model, post, 1, outage(at))).flatten();
            dealt.insert((name, post, 1), second);
            if second.is_some_and(|fault| fault.outcome != Outcome::Success) {
                passed_on.insert(post);
            }
        }
        passed_on
    }

    /// A kind that has not been dealt yet, or else one by the draw; during an outage only what a breaker counts.
    fn next_kind(&mut self, model: &Model, post: u64, nth: u32, outage: bool) -> Option<&'static Fault> {
        let mut kinds = kinds(model, nth);
        if outage {
            kinds.retain(|kind| is_hard(kind.outcome));
        }
        let hard = self.hard;
        self.hard = !hard;
        let possible = |fault: &&'static Fault| kinds.contains(fault);
        let wanted = self.fresh.iter().position(|kind| possible(kind) && is_hard(kind.outcome) == hard);
        if let Some(at) = wanted.or_else(|| self.fresh.iter().position(possible)) {
            return Some(self.fresh.remove(at));
        }
        kinds.get(below(number(self.seed, name_hash(model.id), post, nth, WHICH), kinds.len())).copied()
    }
}

/// Spreads picks evenly over a row.
struct Spread {
    share: f64,
}

impl Spread {
    /// Whether the `nth` of the row, from 1, is picked.
    fn picks(&self, nth: usize) -> bool {
        (nth as f64 * self.share).floor() > ((nth - 1) as f64 * self.share).floor()
    }
}

fn drawable() -> Vec<&'static Fault> {
    FAULTS.iter().filter(|fault| matches!(fault.when, When::Draw | When::DrawOnce | When::DrawFree)).collect()
}

/// True for outcomes after which the same model is not asked again.
const fn moves_on(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::ProviderRejected | Outcome::Html | Outcome::BodyTooLarge | Outcome::RateLimited)
}

/// True for outcomes that count as failures for a model's breaker.
const fn is_hard(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Timeout
            | Outcome::ServerError
            | Outcome::EmptyAnswer
            | Outcome::AnswerError
            | Outcome::NotUtf8
            | Outcome::BodyTooLarge
    )
}
