//! Every fault of the demo's server, sent over loopback to the real wire, is judged as the catalogue says.
//! What the route then does about it is tested where the route is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use tagdeck::config::{Provider, Secret};
use tagdeck::demo::server::catalogue::{FAULTS, When};
use tagdeck::demo::server::{Faults, Server, Setup};
use tagdeck::domain::Outcome;
use tagdeck::engine::event::wall_clock;
use tagdeck::llm::prompt::{self, PromptParts};
use tagdeck::llm::wire::Wire;
use tagdeck::llm::{Ask, Format};

const POST: &str = "Спутник прислал снимки обратной стороны Луны.\nСмотрим вместе.";

fn ask(format: Format) -> Ask {
    let parts = PromptParts { text: POST, image_text: &[], vocabulary: &["луна".to_owned()], max_chars: 2000 };
    Ask {
        messages: prompt::messages(&parts),
        format,
        max_tokens: 150,
        temperature: 0.3,
        reasoning_off: false,
        without: Vec::new(),
    }
}

fn wire(server: &Server, key: &str) -> Wire {
    let provider = Provider {
        name: "demo".to_owned(),
        base_url: server.base_url(),
        key: Some(Secret::new(key)),
        headers: [].into(),
        requests_per_minute: None,
        requests_per_day: None,
        budget_micros_per_day: None,
    };
    Wire::new(&provider, Duration::from_millis(700)).unwrap()
}

async fn server() -> Server {
    let answer = Arc::new(|text: &str| {
        assert_eq!(text, POST, "the post is found in the real prompt");
        vec!["космос".to_owned(), "луна".to_owned(), "снимки".to_owned()]
    });
    Server::start(Setup { key: "sk-demo".to_owned(), faults: Faults::none(), answer, count_file: None }).await.unwrap()
}

#[tokio::test]
async fn every_fault_is_judged_as_the_catalogue_says() {
    let server = server().await;
    let wire = wire(&server, "sk-demo");
    let mut wrong = Vec::new();
    for format in [Format::JsonSchema, Format::Plain] {
        for fault in FAULTS {
            let verdict = wire.send(&format!("fault/{}", fault.name), &ask(format)).await.verdict(wall_clock());
            let hostile = verdict.tags.iter().any(|tag| tag.chars().any(char::is_control));
            if verdict.outcome != fault.outcome || hostile {
                wrong.push(format!(
                    "{} {format:?}: {} instead of {}: {} {:?}",
                    fault.name, verdict.outcome, fault.outcome, verdict.reason, verdict.tags
                ));
            }
            if verdict.outcome == Outcome::Success {
                println!("{}: {:?}", fault.name, verdict.tags);
            }
            if fault.name.starts_with("free_per") || fault.headers.iter().any(|(name, _)| *name == "Retry-After") {
                println!("{}: {:?}", fault.name, verdict.wait);
                assert!(verdict.wait.is_some(), "{}: the hint is heard", fault.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_good_answer_brings_the_tags_and_its_price_and_a_wrong_key_is_told_as_such() {
    let server = server().await;
    let verdict = wire(&server, "sk-demo").send("demo/astra-large", &ask(Format::JsonObject)).await.verdict(wall_clock());
    assert_eq!((verdict.outcome, verdict.tags.join(" ").as_str()), (Outcome::Success, "космос луна снимки"));
    assert!(verdict.usage.cost_micros.is_some_and(|cost| cost > 0));
    let wrong = wire(&server, "sk-somebody").send("demo/astra-large", &ask(Format::Plain)).await.verdict(wall_clock());
    assert_eq!(wrong.outcome, Outcome::BadKey);
    assert!(FAULTS.iter().any(|fault| fault.when == When::Key));
    let listings = wire(&server, "sk-demo").models().await.unwrap();
    assert!(
        listings.len() >= 12
            && listings.iter().any(|listing| listing.structured && listing.completion_micros_per_mtok == Some(2_400_000))
    );
}
