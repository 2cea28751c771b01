//! Crash safety: the engine is killed at random moments again and again, and nothing is lost, doubled or forgotten.
//! It does not measure speed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use program::{Home, json_lines};
use server::Server;

const POSTS: usize = 2500;
const KILLS: usize = 50;
const CONCURRENCY: usize = 8;

#[test]
fn fifty_kills_lose_no_post_and_repeat_only_calls_in_flight() {
    let home = Home::new();
    let server = Server::start(home.path(), "0.2", "20");
    home.write(
        "config.toml",
        server.settings("route = [\"demo/astra-large\", \"demo/tortoise-steady\"]\nretry_delay = 0.02\npass_delays = [0.001]\n"),
    );
    home.write("posts.jsonl", posts());
    home.ok(&["import", "posts.jsonl"]);

    let mut random = fastrand::Rng::with_seed(11);
    let arguments = ["run", "--until-idle", "--json", "--concurrency", "8"];
    let mut struck = 0;
    for _ in 0..KILLS {
        let mut child = home.tagdeck(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(10..400)));
        struck += usize::from(child.try_wait().unwrap().is_none());
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(struck >= KILLS - 5, "only {struck} kills struck a running engine: it is done too soon");
    // Posts whose crashes are used up are failed; that is an end, and the run says so by its exit code.
    let last = home.run(&arguments);
    assert!(matches!(last.status.code(), Some(0 | 3)), "{}\n{}", last.status, program::text(&last.stderr));

    let lines = json_lines(&home.ok(&["posts", "--limit", "100000", "--json"]));
    let mut by_status: BTreeMap<String, usize> = BTreeMap::new();
    for line in &lines {
        let status = line["status"].as_str().unwrap();
        *by_status.entry(status.to_owned()).or_default() += 1;
        assert!(matches!(status, "success" | "skipped" | "failed"), "{line}");
        assert!(line["attempts"].as_i64().unwrap() <= 5, "{line}");
        assert_eq!(status == "success", !line["tags"].as_array().unwrap().is_empty(), "{line}");
    }
    assert_eq!(lines.len(), POSTS, "{by_status:?}");
    assert!(by_status["success"] * 10 >= POSTS * 9, "{by_status:?}");

    let calls = recorded_calls(&home);
    let seen = server.requests();
    println!("{by_status:?}; the server saw {seen} requests, job_calls holds {calls}");
    // Recorded before it is sent: a call may be recorded and never go out, never the other way round.
    assert!(calls >= seen, "{calls} recorded, {seen} seen");
    assert!(calls <= seen + KILLS * CONCURRENCY, "{calls} recorded, {seen} seen");
}

fn posts() -> String {
    let line = |n| {
        let text = format!("Пост номер {n}: исследователи рассказали о новой находке возле озера, музей готовит выставку");
        serde_json::json!({
            "id": format!("p-{n}"), "channel": "Проба", "channel_id": -1_001_000_000_001_i64, "message_id": n + 1,
            "date": "2026-01-01T00:00:00Z", "text": text,
        })
        .to_string()
    };
    (0..POSTS).map(line).collect::<Vec<_>>().join("\n")
}

/// Rows of `job_calls`, each post's history as the program shows it.
fn recorded_calls(home: &Home) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = tagdeck::store::Store::open(&home.database(), tagdeck::store::Access::ReadOnly).await.unwrap();
        let mut calls = 0;
        let mut after = None;
        loop {
            let page = store.posts(&tagdeck::domain::PostFilter::default(), after, 200).await.unwrap();
            let Some(last) = page.last() else { break calls };
            after = Some(tagdeck::domain::PageKey { updated_at: last.updated_at, id: last.id });
            for line in &page {
                let post = store.post(line.id).await.unwrap().unwrap();
                calls += post.calls.len();
                let open = post.calls.iter().filter(|call| call.outcome.is_none()).count();
                assert_eq!(open, 0, "post {} has a call without an end", line.id);
            }
        }
    })
}
