//! The main loop from inside: what no test from outside can bring about.
//! Everything else is tested end to end in `tests/engine_*.rs`.

use std::collections::BTreeMap;

use super::*;
use crate::config::{Api, Blob, Config, Log, Ocr, Secret, Tagging, Ui};
use crate::domain::{NewPost, UserId};
use crate::engine::event::EventLog;
use crate::store::{Access, Store};

#[tokio::test]
async fn a_pass_that_panics_keeps_its_lease_no_longer_alive() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("a.db").display());
    let store = Store::open(&database, Access::ReadWrite).await.unwrap();
    let post = NewPost {
        channel_telegram_id: 1,
        channel_title: String::new(),
        channel_username: None,
        message_id: 1,
        text: "Пост о погоде".to_owned(),
        posted_at: None,
        url: None,
        images: Vec::new(),
    };
    store.import(UserId(1), &[post], Duration::ZERO, 5).await.unwrap();
    let config = Config {
        file: None,
        data_dir: folder.path().to_owned(),
        database: Secret::new(database),
        log_level: "info".to_owned(),
        log: Log::default(),
        api: Api::default(),
        tagging: Tagging::default(),
        ocr: Ocr::default(),
        ui: Ui::default(),
        blob: Blob { upload: false, ..Blob::default() },
        providers: Vec::new(),
    };
    let options = Options::default();
    let log = EventLog::new(Safe::fixed("w"));
    let (_stop, stopping) = watch::channel(Stop::No);
    let shared = Arc::new(Shared::new(store, &config, &options, "w".to_owned(), log.clone(), stopping));
    let mut cycle = Cycle::new(
        shared,
        options,
        Setup::of(&config),
        config.blob.clone(),
        watch::channel(Snapshot::default()).0,
        mpsc::channel(1).1,
    );

    let claim = cycle.claimer.held.claim(JobKind::Tag, 1).await.unwrap().0.remove(0);
    let task = cycle.passes.spawn(async { panic!("a bug") });
    cycle.doing.insert(task.id(), (claim.job, PostId(claim.ref_id)));
    let done = cycle.passes.join_next_with_id().await.unwrap();
    cycle.passed(done);
    assert!(!cycle.claimer.held.holds(claim.job, claim.fence), "the heartbeat would keep the post from everybody for ever");
    assert!(cycle.doing.is_empty());
    let told: BTreeMap<_, _> = log.since(0, 10).events.into_iter().map(|event| (event.seq, event.text)).collect();
    assert!(told[&0].contains(&format!("over post {} ended unexpectedly", claim.ref_id)), "{told:?}");
}
