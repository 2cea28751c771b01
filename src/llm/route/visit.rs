//! A pass's stay at one model: what was tried there.
//! It ends with the stay; what outlives it is in `health`.

use crate::domain::{Outcome, Probe, Turn, Why};

/// A change of the request that is made once in a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Correction {
    /// Half the text.
    Shorter,
    /// Twice the tokens.
    MoreTokens,
    /// Reasoning off and twice the tokens.
    NoReasoning,
    /// The same after our other calls have ended.
    BudgetWait,
}

/// The stay at one model.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub model: usize,
    pub calls: u32,
    /// Retries spent; calls that only correct the request are none.
    pub retries: u32,
    pub in_flight: bool,
    /// The call was let through to find out whether the model is back.
    pub probe: bool,
    /// Of the call in flight.
    pub probes: Vec<Probe>,
    pub text_chars: usize,
    pub reasoning_off: bool,
    /// Why this stay began.
    pub why: Why,
    /// What its last call came to, and whether the next corrects the request.
    pub last: Option<(Outcome, bool)>,
    /// The answer that the repair prompt shows.
    pub repair: Option<String>,
    tried: Vec<Correction>,
}

impl Visit {
    pub fn new(model: usize, text_chars: usize, reasoning_off: bool, why: Why) -> Self {
        Self {
            model,
            calls: 0,
            retries: 0,
            in_flight: false,
            probe: false,
            probes: Vec::new(),
            text_chars,
            reasoning_off,
            why,
            last: None,
            repair: None,
            tried: Vec::new(),
        }
    }

    /// Why the next call of the stay goes out.
    pub fn why(&self) -> Why {
        match self.last {
            None => self.why.clone(),
            Some((after, corrected)) => {
                let turn = if corrected { Turn::Corrected } else { Turn::Retry };
                Why { after: Some(after), ..Why::of(turn) }
            }
        }
    }

    /// True the first time.
    pub fn first(&mut self, correction: Correction) -> bool {
        let first = !self.has_tried(correction);
        if first {
            self.tried.push(correction);
        }
        first
    }

    pub fn has_tried(&self, correction: Correction) -> bool {
        self.tried.contains(&correction)
    }

    pub fn wants_more_tokens(&self) -> bool {
        self.has_tried(Correction::MoreTokens) || self.has_tried(Correction::NoReasoning)
    }
}
