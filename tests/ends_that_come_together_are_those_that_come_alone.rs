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
use tagdeck::domain::{Fence, ModelKey, Outcome, PostLine, Turn, Why};
use tagdeck::store::{CallEnd, CallLimits, Claim, Finish, NewCall, Reserved, Store};

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

/// Beyond what the test uses, but counted.
const LIMITS: CallLimits = CallLimits { per_minute: None, per_day: Some(1000), budget_micros: Some(1_000_000) };

fn call(claim: &Claim) -> NewCall {
    NewCall {
        job: claim.job,
        post: claim.post.unwrap(),
        worker: "w1".to_owned(),
        pass: claim.attempts,
        model: ModelKey { provider: format!("p{}", claim.job.0 % 3), model: "m".to_owned() },
        reserve_micros: 100,
        why: (claim.job.0 % 2 == 0).then(|| Why {
            turn: Turn::Fallback,
            from: None,
            after: Some(Outcome::Timeout),
            passed_over: Vec::new(),
        }),
    }
}

fn call_end(n: usize) -> CallEnd {
    CallEnd {
        outcome: if n.is_multiple_of(3) { Outcome::Timeout } else { Outcome::Success },
        http_status: (!n.is_multiple_of(3)).then_some(200),
        elapsed_ms: n as i64,
        prompt_tokens: Some(10),
        completion_tokens: None,
        cost_micros: n.is_multiple_of(4).then_some(7),
        request_id: Some(format!("gen-\0{n}")),
        body: (!n.is_multiple_of(5)).then(|| vec![0, 255, b'"', b'\\', n as u8]),
        reason: Some(format!("no \"answer\" {n}")),
        headers: (n % 5 == 1).then(|| ("retry-after".to_owned(), n.to_string())).into_iter().collect(),
    }
}

/// Every call as it stands, but for its times.
async fn calls(db: &Db) -> Option<String> {
    let (body, all) = if db.is_sqlite() {
        ("hex(body)", "group_concat(c, '; ')")
    } else {
        ("upper(encode(body, 'hex'))", "string_agg(c, '; ')")
    };
    db.text(&format!(
        "SELECT {all} FROM (SELECT job_id || ' ' || provider || ' ' || COALESCE(outcome, '-') || ' ' || COALESCE(CAST(http_status AS TEXT), '-') || ' ' || elapsed_ms \
        || ' ' || prompt_tokens || ' ' || COALESCE(CAST(completion_tokens AS TEXT), '-') || ' ' || COALESCE(CAST(cost_micros AS TEXT), '-') || ' ' || request_id \
        || ' ' || reason || ' ' || COALESCE({body}, '-') || ' ' || COALESCE(why, '-') || ' ' || COALESCE(headers, '-') AS c FROM job_calls ORDER BY job_id) t"
    ))
    .await
}

async fn ended(store: &Store, claims: Vec<Claim>, together: bool) -> Vec<bool> {
    let mut tasks = Vec::new();
    for (n, claim) in claims.into_iter().enumerate() {
        // Every seventh has lost its lease.
        let fence = if n % 7 == 6 { Fence(claim.fence.0 - 1) } else { claim.fence };
        let store = store.clone();
        let task = tokio::spawn(async move {
            // Every second brings the end of its call along.
            if n % 2 == 0 {
                return store.finish(claim.job, fence, &finish(n)).await.unwrap();
            }
            let Reserved::Sent(call) = store.reserve_call(&call(&claim), &LIMITS).await.unwrap() else { panic!("denied") };
            store.finish_with_call((claim.job, fence), &finish(n), call, &call_end(n)).await.unwrap()
        });
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
            let mut spent = store.usage_today().await.unwrap();
            spent.sort_by(|a, b| a.provider.cmp(&b.provider));
            let spent: Vec<_> = spent.into_iter().map(|usage| (usage.provider, usage.calls, usage.spent_micros)).collect();
            assert_eq!(spent.iter().map(|(_, calls, _)| calls).sum::<i64>(), POSTS as i64 / 2);
            seen.push((kept, lines(&store).await, stats, spent, calls(db).await));
        }
        assert_eq!(seen[0].0, (0..POSTS).map(|n| n % 7 != 6).collect::<Vec<_>>());
        assert_eq!(seen[1], seen[0]);
    }
}
