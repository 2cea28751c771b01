//! Commands that change something: retry, regenerate, import of a folder; what they answer, and what then stands in the database.
//! The statements beneath are tested in `store_posts.rs` and `import_run.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/import.rs"]
mod made_up;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use databases::{Db, LEASE};
use engines::{import_plain, posts};
use program::{Home, json_lines, text};
use serde_json::{Value, json};
use tagdeck::domain::{JobKind, Status};
use tagdeck::store::{Finish, Store};

/// Six posts: two failed by a server (one has used up its passes), one by its key, one retrying, one tagged, one waiting.
async fn home() -> (Home, Store, Db) {
    let db = Db::sqlite();
    let store = db.store().await;
    import_plain(&store, 6).await;
    let failed = |class: &str| Finish::Failed { class: class.to_owned(), reason: "отказ".to_owned() };
    let ends = [
        failed("server_error"),
        failed("server_error"),
        failed("bad_request"),
        Finish::Retry { class: "timeout".to_owned(), reason: "долго".to_owned(), after: Duration::from_hours(1) },
        Finish::Tagged { tags: vec!["погода".to_owned()] },
    ];
    let claims = store.claim(JobKind::Tag, "w", 5, LEASE).await.unwrap();
    for (claim, end) in claims.iter().zip(ends) {
        assert!(store.finish(claim.job, claim.fence, &end).await.unwrap());
    }
    db.run("UPDATE jobs SET attempts = 5 WHERE ref_id = 2").await;
    let home = Home::new();
    home.write("config.toml", format!("database = \"{}\"\n[tagging]\nroute = [\"local/keywords\"]\n", db.url));
    (home, store, db)
}

fn answer(home: &Home, args: &[&str]) -> Value {
    json_lines(&home.ok(args)).remove(0)
}

async fn statuses(store: &Store) -> Vec<Status> {
    posts(store).await.iter().map(|post| post.line.status.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_takes_what_failed_and_has_passes_left_and_a_dry_run_only_counts() {
    use Status::{Failed, Pending, Retrying, Success};
    let (home, store, _db) = home().await;
    let before = statuses(&store).await;
    assert_eq!(before, [Failed, Failed, Failed, Retrying, Success, Pending]);
    let planned = answer(&home, &["retry", "--dry-run", "--json"]);
    // The route holds no model that would be called.
    assert_eq!(planned, json!({"matched": 3, "by_hand": 0, "queued": 0, "worst_case_calls": 0, "force": false, "dry_run": true}));
    assert_eq!(statuses(&store).await, before);

    assert_eq!(answer(&home, &["retry", "--class", "server_error", "--dry-run", "--json"])["matched"], 1);
    assert_eq!(answer(&home, &["retry", "--class", "server_error", "--force", "--dry-run", "--json"])["matched"], 2);
    assert_eq!(answer(&home, &["retry", "--limit", "2", "--dry-run", "--json"])["matched"], 2);
    assert_eq!(answer(&home, &["retry", "--user", "1", "--dry-run", "--json"])["matched"], 3);
    assert_eq!(answer(&home, &["retry", "--user", "2", "--dry-run", "--json"])["matched"], 0);
    assert_eq!(home.run(&["retry", "--class", "nonsense"]).status.code(), Some(2));

    let done = answer(&home, &["retry", "--json"]);
    assert_eq!((&done["matched"], &done["queued"]), (&json!(3), &json!(3)));
    assert_eq!(statuses(&store).await, [Retrying, Failed, Retrying, Retrying, Success, Pending]);
    assert_eq!(answer(&home, &["retry", "--force", "--class", "server_error", "--json"])["queued"], 2);
    assert_eq!(posts(&store).await[1].line.attempts, 0, "force counts anew");

    home.ok(&["run", "--until-idle"]);
    assert_eq!(statuses(&store).await, [Success; 6]);
    assert!(home.ok(&["retry"]).starts_with("Nothing to retry"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regenerate_tags_one_post_anew_whatever_its_status() {
    let (home, store, db) = home().await;
    let ids: Vec<i64> = posts(&store).await.iter().map(|post| post.line.id.0).collect();
    for place in [1, 4] {
        assert!(home.ok(&["regenerate", &ids[place].to_string()]).contains("is enqueued"));
    }
    assert_eq!(posts(&store).await[4].line.tags, ["погода"], "it keeps its tags until it has new ones");
    home.ok(&["run", "--until-idle"]);
    let after = posts(&store).await;
    assert_eq!((after[1].line.status, after[1].line.attempts), (Some(Status::Success), 1));
    assert_ne!(after[4].line.tags, ["погода"]);

    let output = home.run(&["regenerate", "4711"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "tagdeck: there is no post 4711; `tagdeck posts` lists them\n");
    db.run(&format!("UPDATE posts SET text = NULL WHERE id = {}", ids[0])).await;
    let output = home.run(&["regenerate", &ids[0].to_string()]);
    assert_eq!((output.status.code(), text(&output.stderr).contains("has no text to tag")), (Some(1), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_posts_to_be_tagged_anew_each_is_answered_for_and_none_stops_the_others() {
    let (home, store, db) = home().await;
    let ids: Vec<String> = posts(&store).await.iter().map(|post| post.line.id.0.to_string()).collect();
    db.run(&format!("UPDATE posts SET text = NULL WHERE id = {}", ids[2])).await;
    let output = home.run(&["regenerate", &ids[4], "4711", &ids[2], &ids[1], "--model", "local/keywords"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let asked = |id: &String| format!("Post {id} is enqueued; local/keywords is asked first.\n");
    let both = "2 posts to be tagged anew by an engine: `tagdeck`, or `tagdeck run`.\n";
    assert_eq!(text(&output.stdout), asked(&ids[4]) + &asked(&ids[1]) + both);
    let refused =
        format!("tagdeck: there is no post 4711; `tagdeck posts` lists them\ntagdeck: post {} has no text to tag\n", ids[2]);
    assert_eq!(text(&output.stderr), refused);

    let from_stdin = |lines: &str| {
        let mut child = home.tagdeck(&["regenerate", "-"]);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = from_stdin(&format!("{}\r\n\n no\u{1b}[2J id\n{}\n", ids[0], ids[3]));
    assert_eq!((output.status.code(), text(&output.stdout).lines().count()), (Some(3), 3));
    assert_eq!(text(&output.stderr), "tagdeck: `no␛[2J id` is no id of a post: a number, as `tagdeck posts` shows it\n");
    assert_eq!(from_stdin("").status.code(), Some(0), "nothing was asked for");
    let output = home.run(&["regenerate", &ids[0], "--model", "local/elsewhere", "4711"]);
    assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(1), 1), "a wrong model is said once");

    home.ok(&["run", "--until-idle"]);
    let after = posts(&store).await;
    assert!([0, 1, 3, 4].iter().all(|at| after[*at].line.status == Some(Status::Success)), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_enqueued_while_tagging_is_switched_off() {
    let (home, store, db) = home().await;
    let before = statuses(&store).await;
    home.write("config.toml", format!("database = \"{}\"\n[tagging]\nenabled = false\n", db.url));
    for args in [&["retry"][..], &["regenerate", "1"], &["run", "--until-idle"]] {
        let output = home.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains("tagging is switched off"), "{args:?}: {}", text(&output.stderr));
    }
    assert_eq!(statuses(&store).await, before);
    assert_eq!(answer(&home, &["stats", "--json"])["tagging_enabled"], false);
}

#[test]
fn a_folder_stands_for_the_exports_in_it() {
    let export = |id: i64| {
        let message = made_up::message(id, 1_700_000_000 + id, "\"text\": \"Пост о погоде на завтра\"");
        made_up::channel(&[message]).replace("1032086354,", &format!("{},", 1_032_086_354 + id))
    };
    let home = Home::new();
    let make = |folder: &str, files: &[(&str, String)]| {
        std::fs::create_dir(home.path().join(folder)).unwrap();
        for (name, content) in files {
            home.write(&format!("{folder}/{name}"), content);
        }
    };
    make("plain", &[("result.json", export(1))]);
    make("named", &[("result_habr_300.json", export(2)), ("notes.json", "not ours".to_owned()), ("photo.jpg", String::new())]);
    make("several", &[("result.json", export(3)), ("result_2.JSON", export(4))]);
    make("none", &[("messages.html", String::new())]);
    for (folder, files) in [("plain", 1), ("named", 1), ("several", 2)] {
        let summary = json_lines(&home.ok(&["import", folder, "--json"])).remove(0);
        assert_eq!(summary["files"].as_array().unwrap().len(), files, "{folder}: {summary}");
    }
    assert_eq!(json_lines(&home.ok(&["stats", "--json"]))[0]["total_posts"], 4);

    let output = home.run(&["import", "none"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("is a folder without any result*.json in it"), "{said}");
    let output = home.run(&["import", "none", "plain"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
}
