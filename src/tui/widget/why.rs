//! Why a model was asked, in words.
//! What made it its turn is `llm::route`'s to say.

use crate::domain::{Turn, Unfit, Why};
use crate::text::Safe;
use crate::tui::locale::{t, tell};
use crate::tui::widget::outcome;

/// `first of the route; openrouter/a: breaker open`.
pub fn words(why: &Why) -> Safe {
    let after = why.after.map(|after| t(outcome::outcome(after)));
    let turn = match (why.turn, &why.from, after) {
        (Turn::First, _, _) if why.passed_over.is_empty() => Safe::fixed(t("first of the route")),
        (Turn::First, _, _) => Safe::fixed(t("first of the route that could be asked")),
        (Turn::Asked, _, _) => Safe::fixed(t("asked for by the operator")),
        (Turn::Fallback, Some(from), Some(after)) => tell!("in place of {}, which ended with: {}", from, after),
        (Turn::Fallback, _, _) => Safe::fixed(t("in place of the model before")),
        (Turn::Retry, _, Some(after)) => tell!("once more after: {}", after),
        (Turn::Retry, _, None) => Safe::fixed(t("once more")),
        (Turn::Corrected, _, Some(after)) => tell!("with a corrected request after: {}", after),
        (Turn::Corrected, _, None) => Safe::fixed(t("with a corrected request")),
    };
    let passed_over = why.passed_over.iter().map(|over| {
        let because = match over.because {
            Unfit::Open => t("breaker open"),
            Unfit::Off => t("off"),
            Unfit::Paused => t("paused"),
        };
        format!("; {}: {because}", over.model)
    });
    Safe::line(&format!("{turn}{}", passed_over.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ModelKey, Outcome, PassedOver};

    #[test]
    fn every_turn_names_what_led_to_it() {
        let model = |name: &str| ModelKey { provider: "p".to_owned(), model: name.to_owned() };
        let over = |name, because| PassedOver { model: model(name), because };
        let first = Why { passed_over: vec![over("a", Unfit::Open), over("b:free", Unfit::Paused)], ..Why::of(Turn::First) };
        assert_eq!(&*words(&first), "first of the route that could be asked; p/a: breaker open; p/b:free: paused");
        assert_eq!(&*words(&Why::of(Turn::Asked)), "asked for by the operator");
        let after = Some(Outcome::RateLimited);
        let fallback = Why { from: Some(model("a\u{1b}[2J")), after, ..Why::of(Turn::Fallback) };
        assert_eq!(&*words(&fallback), "in place of p/a␛[2J, which ended with: rate limited");
        assert_eq!(&*words(&Why { after, ..Why::of(Turn::Retry) }), "once more after: rate limited");
    }
}
