//! Jobs of the store: lease, fence, crashes, retries, calls and their limits, on both databases.
//! Lists, counts and imports are tested in `store_posts.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use std::collections::HashSet;
use std::time::Duration;

use databases::{Db, LEASE, MAX_ATTEMPTS, USER, claim, claim_one, everything, import, post};
use tagdeck::domain::{JobKind, ModelKey, Outcome, Pause, PauseScope, PostFilter, PostId, Status};
use tagdeck::store::{CallEnd, CallLimits, Claim, Finish, ModelState, NewCall, NewDocument, Requeue, Reserved, Store};
use tagdeck::text::Safe;

const MINUTE: Duration = Duration::from_mins(1);

fn tagged(tags: &[&str]) -> Finish {
    Finish::Tagged { tags: tags.iter().map(|tag| (*tag).to_owned()).collect() }
}

fn retry(after: Duration) -> Finish {
    Finish::Retry { class: "timeout".to_owned(), reason: "no answer in 30 s".to_owned(), after }
}

fn failed() -> Finish {
    Finish::Failed { class: "bad_request".to_owned(), reason: "every model refused".to_owned() }
}

fn call(claim: &Claim, reserve_micros: i64) -> NewCall {
    NewCall {
        job: claim.job,
        post: claim.post.unwrap(),
        worker: "w1".to_owned(),
        pass: claim.attempts,
        model: ModelKey { provider: "openrouter".to_owned(), model: "m/one".to_owned() },
        reserve_micros,
        why: None,
    }
}

fn end(outcome: Outcome, cost_micros: Option<i64>) -> CallEnd {
    CallEnd {
        outcome,
        http_status: Some(200),
        elapsed_ms: 12,
        prompt_tokens: Some(100),
        completion_tokens: Some(7),
        cost_micros,
        request_id: Some("gen-1".to_owned()),
        body: Some(vec![b'x'; 100_000]),
        reason: Some("as\0said".to_owned()),
        headers: std::collections::BTreeMap::default(),
    }
}

async fn sent(store: &Store, call: &NewCall, limits: &CallLimits) -> tagdeck::domain::CallId {
    match store.reserve_call(call, limits).await.unwrap() {
        Reserved::Sent(id) => id,
        Reserved::Denied { until, limit } => panic!("denied by {limit} until {until}"),
    }
}

on_both! {
    async fn a_claimed_job_is_nobody_elses_until_its_lease_ends(db: Db) {
        let store = db.store().await;
        import(&store, 3).await;
        let first = claim(&store, 2).await;
        assert_eq!(first.len(), 2);
        assert_eq!((first[0].attempts, first[0].max_attempts, first[0].user), (1, 5, Some(USER)));
        assert!(first[0].text.starts_with("Пост номер"));
        let second = store.claim(JobKind::Tag, "w2", 10, LEASE).await.unwrap();
        assert_eq!(second.len(), 1);
        assert!(!first.iter().any(|claim| claim.job == second[0].job));
        assert!(claim(&store, 10).await.is_empty());
    }

    async fn concurrent_workers_never_get_the_same_job(db: Db) {
        let store = db.store().await;
        import(&store, 200).await;
        let tasks: Vec<_> = (0..8).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claims = store.claim(JobKind::Tag, &format!("w{n}"), 7, LEASE).await.unwrap();
                    if claims.is_empty() {
                        return mine;
                    }
                    for claim in claims {
                        assert!(store.finish(claim.job, claim.fence, &tagged(&["погода"])).await.unwrap());
                        mine.push(claim.job);
                    }
                }
            })
        }).collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        assert_eq!(all.len(), 200);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 200);
        let stats = store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap();
        assert_eq!((stats.total_posts, stats.posts_with_tags, stats.stats_by_status.success), (200, 200, 200));
    }

    async fn expired_lease_is_claimed_again_and_the_old_owner_changes_nothing(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let lost = claim_one(&store).await;
        db.pass_time(LEASE * 2).await;
        let again = store.claim(JobKind::Tag, "w2", 1, LEASE).await.unwrap().pop().unwrap();
        assert!(again.fence > lost.fence);
        assert!(!store.finish(lost.job, lost.fence, &tagged(&["чужое"])).await.unwrap());
        assert_eq!(store.extend(&[(lost.job, lost.fence)], LEASE).await.unwrap(), [lost.job]);
        assert_eq!(store.extend(&[(again.job, again.fence)], LEASE).await.unwrap(), []);
        store.release(&[(lost.job, lost.fence)]).await.unwrap();
        assert!(store.finish(again.job, again.fence, &tagged(&["своё"])).await.unwrap());
        assert!(!store.finish(again.job, again.fence, &failed()).await.unwrap(), "a job ends once");
        let post = store.post(PostId(again.ref_id)).await.unwrap().unwrap();
        assert_eq!((post.line.tags, post.line.status, post.line.attempts), (vec!["своё".to_owned()], Some(Status::Success), 1));
    }

    async fn tags_are_plain_utf8_in_the_column_the_bot_reads(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let claim = claim_one(&store).await;
        store.finish(claim.job, claim.fence, &tagged(&["котики", "a \"b\""])).await.unwrap();
        let column = db.text("SELECT CAST(tags AS TEXT) FROM posts").await.unwrap();
        assert_eq!(column, r#"["котики","a \"b\""]"#);
        let status = db.text("SELECT tagging_status || ':' || tagging_attempts || ':' || (last_tagging_attempt IS NOT NULL) FROM posts").await;
        assert!(["success:1:1", "success:1:true"].contains(&status.as_deref().unwrap()), "{status:?}");
    }

    async fn a_crash_gives_the_pass_back_three_times_then_the_post_is_failed(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        for _ in 0..4 {
            assert_eq!(claim_one(&store).await.attempts, 1);
            db.pass_time(LEASE * 2).await;
        }
        assert!(claim(&store, 1).await.is_empty());
        let post = store.posts(&everything(), None, 10).await.unwrap().pop().unwrap();
        assert_eq!((post.status, post.error_class.as_deref()), (Some(Status::Failed), Some("crashes_engine")));
        assert_eq!(db.text("SELECT tagging_status FROM posts").await.as_deref(), Some("failed"));
        assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().stats_by_status.failed, 1);
    }

    async fn a_pass_that_ends_forgets_the_crashes_before_it(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        for attempts in 1..=3 {
            for _ in 0..3 {
                assert_eq!(claim_one(&store).await.attempts, attempts);
                db.pass_time(LEASE * 2).await;
            }
            let claim = claim_one(&store).await;
            assert!(store.finish(claim.job, claim.fence, &retry(Duration::ZERO)).await.unwrap());
        }
    }

    async fn a_retry_is_due_after_its_backoff_and_a_put_off_is_not_counted(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let first = claim_one(&store).await;
        store.finish(first.job, first.fence, &retry(MINUTE)).await.unwrap();
        assert!(claim(&store, 1).await.is_empty());
        let outlook = store.outlook(JobKind::Tag).await.unwrap();
        assert_eq!((outlook.due, outlook.later, outlook.leased), (0, 1, 0));
        let wait = outlook.next_at.unwrap() - store.now().await.unwrap();
        assert!((55_000..=61_000).contains(&wait), "{wait}");
        db.pass_time(MINUTE).await;
        let second = claim_one(&store).await;
        assert_eq!(second.attempts, 2);
        let put_off = Finish::PutOff { class: "rate_limited".to_owned(), reason: "429".to_owned(), after: Duration::ZERO };
        store.finish(second.job, second.fence, &put_off).await.unwrap();
        assert_eq!(claim_one(&store).await.attempts, 2);
        let post = store.posts(&everything(), None, 1).await.unwrap().pop().unwrap();
        assert_eq!((post.status, post.error_class.as_deref()), (Some(Status::Retrying), Some("rate_limited")));
    }

    async fn released_jobs_are_due_at_once_and_cost_no_attempt(db: Db) {
        let store = db.store().await;
        import(&store, 2).await;
        let held: Vec<_> = claim(&store, 2).await.iter().map(|claim| (claim.job, claim.fence)).collect();
        store.release(&held).await.unwrap();
        assert!(!store.finish(held[0].0, held[0].1, &failed()).await.unwrap());
        let again = claim(&store, 2).await;
        assert_eq!(again.iter().map(|claim| claim.attempts).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(db.text("SELECT CAST(SUM(crashes) AS TEXT) FROM jobs").await.as_deref(), Some("0"));
    }

    async fn after_a_crash_open_calls_become_unknown_and_jobs_are_due(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let claimed = claim_one(&store).await;
        let id = sent(&store, &call(&claimed, 0), &CallLimits::default()).await;
        if !db.is_sqlite() {
            // A live worker's jobs are left alone; only the end of the lease tells that it is dead.
            assert_eq!(store.recover().await.unwrap().calls, 0);
            db.pass_time(LEASE * 2).await;
        }
        let recovered = store.recover().await.unwrap();
        assert_eq!(recovered.calls, 1);
        let again = claim_one(&store).await;
        assert_eq!(again.attempts, 1);
        let calls = store.post(PostId(claimed.ref_id)).await.unwrap().unwrap().calls;
        assert_eq!((calls.len(), calls[0].outcome), (1, Some(Outcome::Unknown)));
        assert_eq!(store.usage_today().await.unwrap()[0].calls, 1, "it counts against the quota");
        // The owner was only slow: what it knows is worth more than `unknown`.
        store.end_call(id, &end(Outcome::Success, None)).await.unwrap();
        assert_eq!(store.post(PostId(claimed.ref_id)).await.unwrap().unwrap().calls[0].outcome, Some(Outcome::Success));
    }

    async fn a_posts_history_keeps_what_each_call_came_to(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let claimed = claim_one(&store).await;
        let first = sent(&store, &call(&claimed, 0), &CallLimits::default()).await;
        store.end_call(first, &end(Outcome::ServerError, None)).await.unwrap();
        let second = sent(&store, &call(&claimed, 0), &CallLimits::default()).await;
        store.end_call(second, &end(Outcome::Success, Some(42))).await.unwrap();
        store.end_call(second, &end(Outcome::Timeout, Some(1))).await.unwrap();
        let calls = store.post(PostId(claimed.ref_id)).await.unwrap().unwrap().calls;
        assert_eq!(calls.iter().map(|call| call.id).collect::<Vec<_>>(), [first, second]);
        assert_eq!((calls[1].outcome, calls[1].cost_micros, calls[1].prompt_tokens), (Some(Outcome::Success), Some(42), Some(100)));
        assert_eq!(calls[1].reason.as_deref(), Some("as\u{fffd}said"));
        assert_eq!(db.text("SELECT CAST(LENGTH(body) AS TEXT) FROM job_calls LIMIT 1").await.as_deref(), Some("65536"));
    }

    async fn the_minute_limit_holds_over_any_sixty_seconds(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let claimed = claim_one(&store).await;
        let limits = CallLimits { per_minute: Some(3), ..CallLimits::default() };
        sent(&store, &call(&claimed, 0), &limits).await;
        db.age_calls(Duration::from_secs(40)).await;
        sent(&store, &call(&claimed, 0), &limits).await;
        sent(&store, &call(&claimed, 0), &limits).await;
        let Reserved::Denied { until, limit } = store.reserve_call(&call(&claimed, 0), &limits).await.unwrap() else {
            panic!("a fourth call within a minute")
        };
        let wait = until - store.now().await.unwrap();
        assert_eq!(limit, "requests_per_minute");
        assert!((16_000..=21_000).contains(&wait), "the oldest leaves the window in 21 s, not in {wait} ms");
        db.age_calls(Duration::from_millis(21_001)).await;
        sent(&store, &call(&claimed, 0), &limits).await;
        assert!(matches!(store.reserve_call(&call(&claimed, 0), &limits).await.unwrap(), Reserved::Denied { .. }));
        let usage = store.usage_today().await.unwrap();
        assert_eq!((usage.len(), usage[0].calls), (1, 4), "what was denied is not counted");
    }

    async fn concurrent_calls_never_pass_a_limit(db: Db) {
        let store = db.store().await;
        let other = db.store().await;
        import(&store, 1).await;
        let claimed = claim_one(&store).await;
        let limits = CallLimits { per_minute: Some(9), per_day: Some(7), budget_micros: Some(1_000) };
        let tasks: Vec<_> = (0..40).map(|n| {
            let (store, call) = (if n % 2 == 0 { store.clone() } else { other.clone() }, call(&claimed, 10));
            tokio::spawn(async move { matches!(store.reserve_call(&call, &limits).await.unwrap(), Reserved::Sent(_)) })
        }).collect();
        let mut went_out = 0;
        for task in tasks {
            went_out += i32::from(task.await.unwrap());
        }
        assert_eq!(went_out, 7);
        let usage = store.usage_today().await.unwrap();
        assert_eq!((usage[0].calls, usage[0].spent_micros), (7, 70));
    }

    async fn the_budget_counts_reservations_and_settles_at_the_price(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let claimed = claim_one(&store).await;
        let limits = CallLimits { budget_micros: Some(100), ..CallLimits::default() };
        let first = sent(&store, &call(&claimed, 80), &limits).await;
        let Reserved::Denied { until, limit } = store.reserve_call(&call(&claimed, 30), &limits).await.unwrap() else {
            panic!("over the budget")
        };
        let now = store.now().await.unwrap();
        assert_eq!((limit, until % 86_400_000), ("budget_per_day", 0));
        assert!(until > now && until <= now + 86_400_000);
        sent(&store, &call(&claimed, 0), &limits).await;
        store.end_call(first, &end(Outcome::Success, Some(5))).await.unwrap();
        let second = sent(&store, &call(&claimed, 95), &limits).await;
        assert_eq!(store.usage_today().await.unwrap()[0].spent_micros, 100);
        store.end_call(second, &end(Outcome::ServerError, None)).await.unwrap();
        assert_eq!(store.usage_today().await.unwrap()[0].spent_micros, 5, "an error that no model worked for costs nothing");
    }

    async fn retry_takes_failed_posts_under_the_limit_and_force_starts_anew(db: Db) {
        let store = db.store().await;
        import(&store, 4).await;
        for claim in claim(&store, 3).await {
            store.finish(claim.job, claim.fence, &failed()).await.unwrap();
        }
        db.run("UPDATE jobs SET attempts = 5 WHERE ref_id = 1; UPDATE posts SET tagging_attempts = 5 WHERE id = 1; UPDATE posts SET text = ' ' WHERE id = 2").await;
        let what = Requeue { max_attempts: MAX_ATTEMPTS, ..Requeue::default() };
        let dry = store.requeue(&Requeue { dry_run: true, ..what.clone() }).await.unwrap();
        assert_eq!((dry.matched, dry.queued), (1, 0));
        assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().posts_need_retry, 2);
        let done = store.requeue(&what).await.unwrap();
        assert_eq!((done.matched, done.queued), (1, 1));
        let claimed = claim_one(&store).await;
        assert_eq!((claimed.post, claimed.attempts), (Some(PostId(3)), 2), "asked for, it comes before the post that only waits");
        let forced = store.requeue(&Requeue { force: true, filter: PostFilter { status: Some(Status::Failed), ..everything() }, ..what.clone() }).await.unwrap();
        assert_eq!((forced.matched, forced.queued), (1, 1));
        let claimed = claim(&store, 9).await;
        assert!(claimed.iter().any(|claim| claim.post == Some(PostId(1)) && claim.attempts == 1));
    }

    async fn regenerate_takes_a_tagged_post_even_from_its_worker(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let claimed = claim_one(&store).await;
        store.finish(claimed.job, claimed.fence, &tagged(&["старое"])).await.unwrap();
        let again = Requeue { ids: Some(vec![PostId(claimed.ref_id)]), force: true, max_attempts: MAX_ATTEMPTS, ..Requeue::default() };
        assert_eq!(store.requeue(&again).await.unwrap().queued, 1);
        let held = claim_one(&store).await;
        let stats = store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap();
        assert_eq!((stats.stats_by_status.retrying, stats.posts_with_tags), (1, 1), "it keeps its tags until there are new ones");
        assert_eq!(store.requeue(&again).await.unwrap().queued, 1);
        assert!(!store.finish(held.job, held.fence, &tagged(&["позднее"])).await.unwrap());
        let held = claim_one(&store).await;
        store.finish(held.job, held.fence, &tagged(&["новое"])).await.unwrap();
        assert_eq!(store.post(PostId(held.ref_id)).await.unwrap().unwrap().line.tags, ["новое"]);
    }

    async fn a_retry_of_everything_takes_each_post_once(db: Db) {
        let store = db.store().await;
        import(&store, 900).await;
        loop {
            let claims = claim(&store, 200).await;
            if claims.is_empty() {
                break;
            }
            for claim in claims {
                let finish = if claim.ref_id % 3 == 0 { retry(MINUTE) } else { failed() };
                store.finish(claim.job, claim.fence, &finish).await.unwrap();
            }
        }
        let what = Requeue { max_attempts: MAX_ATTEMPTS, ..Requeue::default() };
        assert_eq!(store.requeue(&Requeue { limit: Some(700), dry_run: true, ..what.clone() }).await.unwrap().matched, 700);
        let done = store.requeue(&what).await.unwrap();
        assert_eq!((done.matched, done.queued), (900, 900));
        assert_eq!(store.outlook(JobKind::Tag).await.unwrap().due, 900);
        assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().stats_by_status.retrying, 900);
    }

    async fn a_post_with_images_waits_for_their_text(db: Db) {
        let store = db.store().await;
        let mut with_images = post(1, "подпись");
        with_images.images = vec!["a.png".to_owned(), "b.png".to_owned()];
        store.import(USER, &[with_images], MINUTE * 10, MAX_ATTEMPTS).await.unwrap();
        assert!(claim(&store, 1).await.is_empty());
        let waiting = store.posts(&everything(), None, 1).await.unwrap().pop().unwrap();
        assert_eq!(waiting.error_class.as_deref(), Some("waiting_ocr"));
        let images = store.claim(JobKind::Ocr, "w1", 9, LEASE).await.unwrap();
        assert_eq!(images.iter().map(|claim| claim.image.clone().unwrap()).collect::<HashSet<_>>().len(), 2);
        let document = NewDocument { sha256: "00".to_owned(), text: "с картинки".to_owned(), markdown: String::new(), json: "{}".to_owned() };
        assert!(store.finish_ocr(images[0].job, images[0].fence, &document, None).await.unwrap());
        assert!(claim(&store, 1).await.is_empty(), "one image is still to be read");
        assert!(store.finish(images[1].job, images[1].fence, &failed()).await.unwrap());
        assert!(!store.finish(images[1].job, images[1].fence, &failed()).await.unwrap());
        assert!(!store.finish_ocr(images[1].job, images[1].fence, &document, None).await.unwrap(), "it has ended");
        assert_eq!(claim_one(&store).await.image_text, ["с картинки"]);
    }

    async fn waiting_for_images_can_be_given_up(db: Db) {
        let store = db.store().await;
        let mut with_images = post(1, "подпись");
        with_images.images = vec!["a.png".to_owned()];
        store.import(USER, &[with_images], MINUTE * 10, MAX_ATTEMPTS).await.unwrap();
        assert_eq!(store.stop_waiting_for_ocr().await.unwrap(), 1);
        assert_eq!(claim_one(&store).await.image_text, Vec::<String>::new());
    }

    async fn pauses_models_and_workers_are_shared(db: Db) {
        let (store, other) = (db.store().await, db.store().await);
        let now = store.now().await.unwrap();
        let pause = |scope: PauseScope, until| Pause { scope, until, reason: Safe::line("key") };
        let free = PauseScope::Free("openrouter".to_owned());
        store.set_pause(&pause(PauseScope::All, None)).await.unwrap();
        store.set_pause(&pause(free.clone(), Some(now + 60_000))).await.unwrap();
        store.set_pause(&pause(PauseScope::Provider("p".to_owned()), Some(now - 1))).await.unwrap();
        assert_eq!(other.pauses().await.unwrap(), [pause(PauseScope::All, None), pause(free.clone(), Some(now + 60_000))]);
        other.clear_pause(&free).await.unwrap();
        assert_eq!(store.pauses().await.unwrap().len(), 1);

        let state = ModelState {
            model: ModelKey { provider: "p".to_owned(), model: "m".to_owned() },
            format: "plain".to_owned(),
            breaker: "{}".to_owned(),
            off_reason: Some("gone".to_owned()),
            updated_at: 0,
        };
        store.save_model_state(&state).await.unwrap();
        store.save_model_state(&ModelState { off_reason: None, ..state.clone() }).await.unwrap();
        let states = other.model_states().await.unwrap();
        assert_eq!((states.len(), &states[0].model, &states[0].off_reason), (1, &state.model, &None));
        assert!(states[0].updated_at >= now);

        store.heartbeat("a", &[JobKind::Tag, JobKind::Ocr], "0.1").await.unwrap();
        store.heartbeat("b", &[JobKind::Upload], "0.1").await.unwrap();
        assert_eq!(other.live_workers(JobKind::Ocr).await.unwrap(), 1);
        store.farewell("a").await.unwrap();
        assert_eq!(other.live_workers(JobKind::Tag).await.unwrap(), 0);
    }

    async fn a_deleted_posts_job_goes_with_it(db: Db) {
        let store = db.store().await;
        import(&store, 2).await;
        db.run("DELETE FROM posts WHERE id = 1").await;
        let claims = claim(&store, 9).await;
        assert_eq!(claims.iter().map(|claim| claim.post).collect::<Vec<_>>(), [Some(PostId(2))]);
        assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().total_posts, 1);
    }
}
