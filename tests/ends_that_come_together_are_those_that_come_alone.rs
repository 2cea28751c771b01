//! Jobs that end at the same time are written in one transaction: each ends as it would have alone, and a lost lease stays lost.
//! How many a second that makes is measured in `tests/bench/store_million.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use std::time::Duration;

use databases::{Db, claim, everything, import};
use tagdeck::domain::{Fence, PostLine};
use tagdeck::store::{Claim, Finish, Store};

fn finish(n: usize) -> Finish {
    let (class, reason) = ("timeout".to_owned(), format!("no \"answer\"\0 in 30 s, {n}"));
    match n % 5 {
        0 => Finish::Tagged { tags: vec!["погода".to_owned(), "l'été \"x\"".to_owned()] },
        1 => Finish::Skipped { class: "no_topic".to_owned(), reason },
        2 => Finish::Retry { class, reason, after: Duration::from_hours(1) },
        3 => Finish::PutOff { class, reason, after: Duration::from_hours(1) },
        _ => Finish::Failed { class, reason },
    }
}

async fn ended(store: &Store, claims: Vec<Claim>, together: bool) -> Vec<bool> {
    let mut tasks = Vec::new();
    for (n, claim) in claims.into_iter().enumerate() {
        // Every seventh has lost its lease.
        let fence = if n % 7 == 6 { Fence(claim.fence.0 - 1) } else { claim.fence };
        let store = store.clone();
        let task = tokio::spawn(async move { store.finish(claim.job, fence, &finish(n)).await.unwrap() });
        if !together {
            while !task.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        tasks.push(task);
    }
    let mut kept = Vec::new();
    for task in tasks {
        kept.push(task.await.unwrap());
    }
    kept
}

async fn lines(store: &Store) -> Vec<PostLine> {
    let mut lines = store.posts(&everything(), None, 500).await.unwrap();
    lines.sort_by_key(|line| line.id);
    for line in &mut lines {
        line.updated_at = 0;
        // Whether it is due again, not when: the two were not written in one moment.
        line.next_at = line.next_at.map(|_| 0);
    }
    lines
}

on_both! {
    async fn together_as_alone(alone: Db) {
        const POSTS: usize = 150;
        let together = if alone.is_sqlite() { Db::sqlite() } else { Db::postgres().await.unwrap() };
        let mut seen = Vec::new();
        for (db, at_once) in [(&alone, false), (&together, true)] {
            let store = db.store().await;
            import(&store, POSTS as i64).await;
            let kept = ended(&store, claim(&store, POSTS as u32).await, at_once).await;
            let stats = store.stats(None, 5).await.unwrap();
            seen.push((kept, lines(&store).await, stats));
        }
        assert_eq!(seen[0].0, (0..POSTS).map(|n| n % 7 != 6).collect::<Vec<_>>());
        assert_eq!(seen[1], seen[0]);
    }
}
