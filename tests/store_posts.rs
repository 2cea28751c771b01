//! Posts of the store: import, lists, counts and search, on both databases.
//! Jobs are tested in `store_jobs.rs`, a bot's databases in `store_legacy.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use std::collections::HashSet;
use std::time::Duration;

use databases::{Db, LEASE, MAX_ATTEMPTS, NO_CHANNEL, USER, claim, claim_one, everything, import, post};
use tagdeck::domain::{ChannelId, Imported, JobKind, NewPost, PageKey, PostFilter, PostId, PostLine, PostOrder, Status, UserId};
use tagdeck::store::{Access, Finish, Store, StoreError};

async fn add(store: &Store, posts: &[NewPost]) -> Vec<Imported> {
    store.import(USER, posts, Duration::ZERO, MAX_ATTEMPTS).await.unwrap()
}

async fn end(store: &Store, claim: &tagdeck::store::Claim, finish: Finish) {
    assert!(store.finish(claim.job, claim.fence, &finish).await.unwrap());
}

fn tagged(tags: &[&str]) -> Finish {
    Finish::Tagged { tags: tags.iter().map(|tag| (*tag).to_owned()).collect() }
}

async fn ids(store: &Store, filter: &PostFilter) -> Vec<i64> {
    store.posts(filter, None, 1000).await.unwrap().iter().map(|line| line.id.0).collect()
}

on_both! {
    async fn importing_twice_adds_nothing_and_edits_update(db: Db) {
        let store = db.store().await;
        let mut posts: Vec<_> = (1..=600).map(|n| post(n, &format!("текст {n}"))).collect();
        posts.push(post(-7, "отрицательный номер"));
        assert!(add(&store, &posts).await.iter().all(|done| *done == Imported::New));
        assert!(add(&store, &posts).await.iter().all(|done| *done == Imported::Unchanged));
        assert_eq!(store.count(&everything()).await.unwrap(), 601);

        let claimed = claim_one(&store).await;
        end(&store, &claimed, tagged(&["старое"])).await;
        let edited = post(posts[0].message_id, "другой текст");
        assert_eq!(add(&store, &[edited.clone(), posts[1].clone()]).await, [Imported::Updated, Imported::Unchanged]);
        let line = &store.posts(&everything(), None, 1).await.unwrap()[0];
        assert_eq!((line.excerpt.as_str(), line.status, line.attempts, line.tags.len()), ("другой текст", Some(Status::Pending), 0, 0));
        assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().stats_by_status.pending, 601);
    }

    async fn an_edit_takes_the_post_from_the_worker_that_tags_the_old_text(db: Db) {
        let store = db.store().await;
        add(&store, &[post(1, "старый текст")]).await;
        let held = claim_one(&store).await;
        add(&store, &[post(1, "новый текст")]).await;
        assert!(!store.finish(held.job, held.fence, &tagged(&["старое"])).await.unwrap());
        assert_eq!(claim_one(&store).await.text, "новый текст");
    }

    async fn one_message_twice_in_a_slice_is_one_post_with_the_last_text(db: Db) {
        let store = db.store().await;
        let done = add(&store, &[post(1, "раз"), post(2, "два"), post(1, "три"), post(2, "два")]).await;
        assert_eq!(done, [Imported::New, Imported::New, Imported::Updated, Imported::Unchanged]);
        let mut texts: Vec<_> = store.posts(&everything(), None, 9).await.unwrap().into_iter().map(|line| line.excerpt).collect();
        texts.sort();
        assert_eq!(texts, ["два", "три"]);
    }

    async fn a_post_is_stored_as_it_was_but_for_nul(db: Db) {
        let store = db.store().await;
        let mut hostile = post(1, "a\0b\u{1b}[31m\u{202e}'\"; DROP TABLE posts; -- ё😀\u{0301}");
        hostile.url = Some("https://t.me/news/1".to_owned());
        hostile.images = vec!["photos/\"1\".jpg".to_owned()];
        add(&store, &[hostile.clone()]).await;
        let read = store.post(PostId(1)).await.unwrap().unwrap();
        assert_eq!(read.text, hostile.text.replace('\0', "\u{fffd}"));
        let paths = read.images.into_iter().map(|image| image.path).collect();
        assert_eq!((read.url, paths, read.user_id), (hostile.url.clone(), hostile.images.clone(), Some(USER)));
        assert_eq!((read.line.posted_at, read.line.message_id, read.line.channel.as_str()), (hostile.posted_at, 1, "Новости"));
        assert_eq!(add(&store, &[hostile]).await, [Imported::Unchanged]);
        assert!(store.post(PostId(2)).await.unwrap().is_none());
    }

    async fn further_images_are_added_once(db: Db) {
        let store = db.store().await;
        let mut album = post(1, "альбом");
        album.images = vec!["a.jpg".to_owned()];
        add(&store, &[album.clone()]).await;
        album.images.push("b.jpg".to_owned());
        assert_eq!(add(&store, &[album.clone()]).await, [Imported::Updated]);
        assert_eq!(add(&store, &[album.clone()]).await, [Imported::Unchanged]);
        let images = store.post(PostId(1)).await.unwrap().unwrap().images;
        assert_eq!(images.into_iter().map(|image| image.path).collect::<Vec<_>>(), album.images);
        assert_eq!(store.claim(JobKind::Ocr, "w", 9, LEASE).await.unwrap().len(), 2);
    }

    async fn pages_by_key_hold_every_post_once_newest_first(db: Db) {
        let store = db.store().await;
        import(&store, 130).await;
        for claim in claim(&store, 40).await {
            end(&store, &claim, tagged(&["погода"])).await;
        }
        let (mut seen, mut at) = (Vec::new(), None);
        loop {
            let page = store.posts(&everything(), at, 17).await.unwrap();
            let Some(last) = page.last() else { break };
            at = Some(PageKey { updated_at: last.updated_at, id: last.id });
            seen.extend(page.iter().map(|line| (line.updated_at, line.id)));
        }
        assert_eq!(seen.len(), 130);
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
        let pending = PostFilter { status: Some(Status::Pending), ..everything() };
        assert_eq!((ids(&store, &pending).await.len(), store.count(&pending).await.unwrap()), (90, 90));
    }

    async fn every_order_holds_every_post_once_in_its_order_over_all_pages(db: Db) {
        let store = db.store().await;
        import(&store, 120).await;
        // Two thirds failed or retrying, of three channels and none, one of them without a row of its own; some without a class.
        db.run("INSERT INTO channels (id, channel_id, channel_title, channel_username) VALUES (50, 50, 'Астрономия', NULL), (51, 51, '', 'юмор')").await;
        db.run("UPDATE posts SET channel_id = CASE WHEN id % 4 = 0 THEN 50 WHEN id % 4 = 1 THEN 51 WHEN id % 4 = 2 THEN 77 END WHERE id % 5 > 0").await;
        db.run("UPDATE jobs SET channel_id = (SELECT p.channel_id FROM posts p WHERE p.id = ref_id), attempts = ref_id % 6, updated_at = 1000 + ref_id * 37 % 101, \
            state = CASE WHEN ref_id % 3 = 0 THEN 'pending' WHEN ref_id % 3 = 1 THEN 'failed' ELSE 'retrying' END, \
            error_class = CASE WHEN ref_id % 7 = 0 THEN NULL WHEN ref_id % 2 = 0 THEN 'server_error' WHEN ref_id % 5 = 0 THEN 'servers' ELSE 'Moderated' END").await;
        let (failed, all) = ([Status::Failed, Status::Retrying], Status::ALL);
        let walk = async |statuses: &[Status], order, filter: &PostFilter| {
            let (mut seen, mut at) = (Vec::new(), None);
            loop {
                let page = store.posts_in_order(filter, statuses, order, at, 7).await.unwrap();
                assert!(page.next.is_none() || page.lines.len() == 7, "{order:?}");
                seen.extend(page.lines);
                at = page.next;
                if at.is_none() {
                    return seen;
                }
            }
        };
        let title = |line: &PostLine| if line.channel.is_empty() { "\u{10ffff}".to_owned() } else { line.channel.to_lowercase() };
        for order in PostOrder::ALL {
            let lines = walk(&failed, order, &everything()).await;
            let ids: std::collections::BTreeSet<i64> = lines.iter().map(|line| line.id.0).collect();
            assert_eq!((lines.len(), ids.len()), (80, 80), "{order:?}");
            let sorted = match order {
                PostOrder::Newest => lines.is_sorted_by_key(|line| std::cmp::Reverse((line.updated_at, line.id))),
                // A channel without a row has no title to go by: it only has to stand together.
                PostOrder::Channel => {
                    let titled: Vec<_> = lines.iter().filter(|line| !line.channel.is_empty()).collect();
                    titled.is_sorted_by_key(|line| (title(line), std::cmp::Reverse((line.updated_at, line.id))))
                }
                PostOrder::Passes => lines.is_sorted_by_key(|line| std::cmp::Reverse((line.attempts, line.id))),
                PostOrder::Class => lines.is_sorted_by_key(|line| (line.error_class.is_none(), line.error_class.clone(), line.id)),
                PostOrder::Id => lines.is_sorted_by_key(|line| line.id),
            };
            assert!(sorted, "{order:?}: {:?}", lines.iter().map(|line| (line.id.0, line.attempts, &line.error_class)).collect::<Vec<_>>());
            for filter in [
                PostFilter { class: Some("servers".to_owned()), ..everything() },
                PostFilter { query: Some("номер 1".to_owned()), ..everything() },
                PostFilter { channel: Some("астро".to_owned()), ..everything() },
                PostFilter { user: Some(UserId(9)), ..everything() },
            ] {
                let mut narrowed: Vec<_> = walk(&failed, order, &filter).await.iter().map(|line| line.id).collect();
                let mut newest: Vec<_> = walk(&failed, PostOrder::Newest, &filter).await.iter().map(|line| line.id).collect();
                narrowed.sort_unstable();
                newest.sort_unstable();
                assert_eq!(narrowed, newest, "{order:?} {filter:?}");
            }
        }
        for order in PostOrder::ALL.into_iter().filter(|order| all.iter().all(|status| order.lists(*status))) {
            assert_eq!(walk(all, order, &everything()).await.len(), 120, "{order:?}");
        }
    }

    async fn filters_narrow_lists_and_counts_alike(db: Db) {
        let store = db.store().await;
        import(&store, 4).await;
        let mut elsewhere = post(1, "В лесу родилась ЁЛОЧКА");
        elsewhere.channel_telegram_id = -200;
        "Сад и Огород".clone_into(&mut elsewhere.channel_title);
        elsewhere.channel_username = Some("Garden".to_owned());
        store.import(UserId(2), &[elsewhere], Duration::ZERO, MAX_ATTEMPTS).await.unwrap();
        let claimed = claim_one(&store).await;
        end(&store, &claimed, Finish::Failed { class: "moderated".to_owned(), reason: String::new() }).await;

        let cases = [
            (PostFilter { user: Some(UserId(2)), ..everything() }, vec![5]),
            (PostFilter { user: Some(UserId(9)), ..everything() }, vec![]),
            (PostFilter { channel: Some("САД".to_owned()), ..everything() }, vec![5]),
            (PostFilter { channel: Some("@garden".to_owned()), ..everything() }, vec![5]),
            (PostFilter { channel: Some("сад".to_owned()), user: Some(USER), ..everything() }, vec![]),
            (PostFilter { channel: Some("нет такого".to_owned()), ..everything() }, vec![]),
            (PostFilter { query: Some("ёлочка".to_owned()), ..everything() }, vec![5]),
            (PostFilter { query: Some("НОМЕР 3".to_owned()), ..everything() }, vec![3]),
            (PostFilter { query: Some("100%_".to_owned()), ..everything() }, vec![]),
            (PostFilter { class: Some("moderated".to_owned()), ..everything() }, vec![1]),
            (PostFilter { status: Some(Status::Failed), user: Some(USER), ..everything() }, vec![1]),
            (PostFilter { status: Some(Status::Pending), query: Some("пост".to_owned()), ..everything() }, vec![2, 3, 4]),
        ];
        for (filter, expected) in cases {
            let mut found = ids(&store, &filter).await;
            found.sort_unstable();
            assert_eq!(found, expected, "{filter:?}");
            assert_eq!(store.count(&filter).await.unwrap(), expected.len() as i64, "{filter:?}");
        }
    }

    async fn a_search_reads_on_until_its_page_is_full_or_its_budget_spent(db: Db) {
        let store = db.store().await;
        let posts: Vec<_> = (1..=1500).map(|n| post(n, if n % 500 == 1 { "редкое слово" } else { "обычный пост" })).collect();
        for slice in posts.chunks(500) {
            add(&store, slice).await;
        }
        let rare = PostFilter { query: Some("РЕДКОЕ".to_owned()), ..everything() };
        assert_eq!(store.posts(&rare, None, 10).await.unwrap().len(), 3);
        let page = store.posts_within(&rare, None, 10, 300).await.unwrap();
        assert!(page.lines.len() < 3);
        let rest = store.posts_within(&rare, page.next, 10, u32::MAX).await.unwrap();
        assert_eq!((page.lines.len() + rest.lines.len(), rest.next), (3, None));
        let two = store.posts_within(&rare, None, 2, u32::MAX).await.unwrap();
        assert_eq!((two.lines.len(), store.posts(&rare, two.next, 9).await.unwrap().len()), (2, 1));
    }

    async fn many_channels_of_one_name_are_all_listed(db: Db) {
        let store = db.store().await;
        let posts: Vec<_> = (0..40).map(|n| {
            let mut post = post(n, "текст");
            post.channel_telegram_id = n % 20;
            post.channel_title = format!("Канал {}", n % 20);
            post
        }).collect();
        add(&store, &posts).await;
        assert_eq!(ids(&store, &PostFilter { channel: Some("канал".to_owned()), ..everything() }).await.len(), 40);
        assert_eq!(ids(&store, &PostFilter { channel: Some("канал 1".to_owned()), ..everything() }).await.len(), 22);
    }

    async fn counters_agree_with_the_posts_whoever_writes_them(db: Db) {
        let store = db.store().await;
        import(&store, 20).await;
        for (n, claim) in claim(&store, 12).await.iter().enumerate() {
            let finish = match n % 4 {
                0 => tagged(&["a"]),
                1 => Finish::Failed { class: "bad_request".to_owned(), reason: String::new() },
                2 => Finish::Skipped { class: "no_topic".to_owned(), reason: String::new() },
                _ => Finish::Retry { class: "timeout".to_owned(), reason: String::new(), after: LEASE },
            };
            end(&store, claim, finish).await;
        }
        db.run("UPDATE posts SET tagging_attempts = 5 WHERE tagging_status = 'failed' AND id < 3;
            UPDATE posts SET user_id = 2 WHERE id = 20; UPDATE posts SET tagging_status = NULL WHERE id = 19;
            UPDATE posts SET user_id = NULL WHERE id = 18; DELETE FROM posts WHERE id = 17;
            INSERT INTO posts (user_id, channel_id, text, tags) VALUES (2, 1, 'x', '[\"t\"]'), (2, 1, 'x', 'null'), (2, 1, 'x', '[ ]')").await;
        let all = store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap();
        let counts = all.stats_by_status;
        assert_eq!((counts.pending, counts.success, counts.failed, counts.skipped, counts.retrying, counts.no_status), (8, 4, 3, 3, 3, 1));
        assert_eq!((all.total_posts, all.posts_with_tags, all.posts_without_tags, all.posts_need_retry), (22, 4, 18, 5));
        assert_eq!(store.stats(Some(USER), MAX_ATTEMPTS).await.unwrap().unwrap().total_posts, 17);
        assert!(store.stats(Some(UserId(77)), MAX_ATTEMPTS).await.unwrap().is_none());
        assert_eq!(Store::plan(&db.url).await.unwrap().steps, ["make jobs for 3 posts that have none"]);
        assert_eq!(store.adopt(MAX_ATTEMPTS).await.unwrap(), 3);
        assert!(Store::plan(&db.url).await.unwrap().steps.is_empty());
        let of_two = PostFilter { user: Some(UserId(2)), ..everything() };
        assert_eq!(ids(&store, &of_two).await.len(), 4);
    }

    async fn counters_gone_astray_are_counted_anew_by_migrate(db: Db) {
        let store = db.store().await;
        import(&store, 3).await;
        db.run("UPDATE counters SET n = n + 5; DELETE FROM jobs WHERE ref_id = 2").await;
        let plan = Store::migrate(&db.url).await.unwrap();
        assert_eq!(plan.steps.len(), 2, "{plan:?}");
        assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().total_posts, 3);
        assert_eq!(claim(&store, 9).await.len(), 3);
        assert!(Store::migrate(&db.url).await.unwrap().steps.is_empty());
    }

    async fn posts_of_others_get_their_job_without_a_restart(db: Db) {
        let store = db.store().await;
        db.run("INSERT INTO posts (user_id, channel_id, text) VALUES (1, 1, 'от бота')").await;
        assert_eq!(store.adopt(3).await.unwrap(), 1);
        assert_eq!(store.adopt(3).await.unwrap(), 0);
        let claim = claim_one(&store).await;
        assert_eq!((claim.text.as_str(), claim.max_attempts), ("от бота", 3));
    }

    async fn a_post_names_its_worker_for_as_long_as_the_lease_lasts(db: Db) {
        let store = db.store().await;
        add(&store, &[post(1, "о погоде")]).await;
        let worker = async || store.post(PostId(1)).await.unwrap().unwrap().worker;
        assert_eq!(worker().await, None);
        let held = claim_one(&store).await;
        assert_eq!(worker().await.as_deref(), Some("w1"));
        db.pass_time(LEASE * 2).await;
        assert_eq!(worker().await, None, "whoever had it is gone");
        let again = claim_one(&store).await;
        assert!(again.fence > held.fence);
        end(&store, &again, Finish::Skipped { class: "too_short".to_owned(), reason: "short".to_owned() }).await;
        assert_eq!(worker().await, None);
    }

    async fn a_channels_most_used_tags_come_first(db: Db) {
        let store = db.store().await;
        import(&store, 4).await;
        let tags: [&[&str]; 4] = [&["кот", "дом"], &["кот", "сад"], &["кот", "дом"], &["сад"]];
        for (claim, tags) in claim(&store, 4).await.iter().zip(tags) {
            end(&store, claim, tagged(tags)).await;
        }
        assert_eq!(store.channel_tags(ChannelId(1), 2).await.unwrap(), ["кот", "дом"]);
        assert!(store.channel_tags(NO_CHANNEL, 2).await.unwrap().is_empty());
    }

    async fn a_store_opened_for_reading_writes_nothing_and_says_so(db: Db) {
        let missing = Store::open(&db.url, Access::ReadOnly).await.err().unwrap();
        assert!(matches!(missing, StoreError::Empty { .. }), "{missing}");
        let store = db.store().await;
        import(&store, 1).await;
        let reader = Store::open(&db.url, Access::ReadOnly).await.unwrap();
        assert_eq!(reader.posts(&everything(), None, 9).await.unwrap().len(), 1);
        let error = reader.claim(JobKind::Tag, "w", 1, LEASE).await.unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }) && !error.is_transient());
        assert!(error.to_string().contains("claim jobs"), "{error}");
        assert_eq!(claim(&store, 1).await.len(), 1);
    }

    async fn several_programs_may_open_one_new_database_at_once(db: Db) {
        let stores = futures_util::future::join_all((0..4).map(|_| Store::open(&db.url, Access::ReadWrite))).await;
        for store in &stores {
            assert!(store.is_ok(), "{:?}", store.as_ref().err().map(ToString::to_string));
        }
        let slices = stores.iter().flatten().map(|store| async move { add(store, &[post(1, "один"), post(2, "два")]).await });
        let new = futures_util::future::join_all(slices).await.into_iter().flatten().filter(|done| *done == Imported::New).count();
        assert_eq!(new, 2, "imports side by side do not write a post twice");
        assert_eq!(stores[0].as_ref().unwrap().count(&everything()).await.unwrap(), 2);
    }

    async fn a_database_of_a_newer_version_is_left_alone(db: Db) {
        drop(db.store().await);
        db.run("INSERT INTO _tagdeck_migrations (version, description, success, checksum, execution_time) VALUES (99999, 'x', TRUE, 'x', 0)").await;
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let error = Store::open(&db.url, access).await.err().unwrap();
            assert!(matches!(error, StoreError::Newer { .. }), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_piece_of_work_does_not_hurt_its_neighbours_in_a_batch() {
    let db = Db::sqlite();
    let store = db.store().await;
    import(&store, 1).await;
    // A user that cannot be added makes its import fail, in whatever batch it is.
    db.run("DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY, telegram_id BIGINT, secret TEXT NOT NULL); INSERT INTO users VALUES (1, 1, 's')").await;
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let user = if n % 10 == 3 { UserId(99) } else { USER };
                (user, store.import(user, &[post(100 + n, "текст")], Duration::ZERO, MAX_ATTEMPTS).await)
            })
        })
        .collect();
    let mut failed = HashSet::new();
    for (n, task) in tasks.into_iter().enumerate() {
        let (user, done) = task.await.unwrap();
        match done {
            Ok(done) => assert_eq!((user, done), (USER, vec![Imported::New])),
            Err(error) => {
                assert!(matches!(error, StoreError::NoUser { user: 99, .. }), "{error}");
                failed.insert(n);
            }
        }
    }
    assert_eq!(failed.len(), 6);
    assert_eq!(store.count(&everything()).await.unwrap(), 55);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_and_a_bad_address_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    std::fs::write(&file, "this is no database, but it is long enough to be taken for one; ".repeat(100)).unwrap();
    let error = Store::open(&format!("sqlite://{}", file.display()), Access::ReadWrite).await.err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let error = Store::open("mysql://u:secret@h/d", Access::ReadWrite).await.err().unwrap().to_string();
    assert!(error.contains("sqlite://PATH") && !error.contains("secret"), "{error}");
    let error = Store::open("postgres://bot:secret@127.0.0.1:1/d", Access::ReadWrite).await.err().unwrap().to_string();
    assert!(error.contains("bot@127.0.0.1") && !error.contains("secret"), "{error}");
}
