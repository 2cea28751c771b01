//! `tagdeck demo`: everything on embedded defaults: bundled posts, a server that fails on purpose, a throw-away database.
//! It reads no settings and leaves nothing behind.

use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, WrapErr};

use super::args::Demo;
use super::output::{self, Exit};
use super::session::{self, LogTo};
use super::{dashboard, run};
use crate::demo;
use crate::domain::UserId;
use crate::engine::{Engine, Options};
use crate::ops::Ops;
use crate::store::{Access, Store};
use crate::text::counted;
use crate::tui;

/// See the module.
pub fn run(args: &Demo) -> Result<Exit> {
    let folder = tempfile::Builder::new().prefix("tagdeck-demo-").tempdir().wrap_err("cannot make a folder for the demo")?;
    let log_to = folder.path().join("tagdeck.log");
    session::start_log("info", &if args.headless { LogTo::Stderr } else { LogTo::File(&log_to) })?;
    session::block_on(async {
        let started = Instant::now();
        let mut posts = demo::posts().wrap_err("the bundled posts cannot be read")?;
        demo::lay_images(folder.path(), &mut posts).wrap_err("cannot lay out the demo's images")?;
        let server = demo::start(args.seed, &posts).await.wrap_err("cannot start the demo's server on 127.0.0.1")?;
        let config = demo::config(folder.path(), &server);
        let store = Store::open(config.database.expose(), Access::ReadWrite).await?;
        store.import(UserId(1), &posts, config.tagging.wait_for_ocr, config.tagging.max_attempts).await?;
        // Headless it ends when every post is in a final state, however far off the next pass is.
        let until_idle = args.headless.then_some(Duration::MAX);
        let engine = Engine::start(store.clone(), &config, Options { until_idle, ..Options::default() });
        let ops = Ops::with_engine(store, &config.tagging, &engine);
        if !args.headless {
            let (ops, blobs) = session::with_blobs(ops, &config).await;
            let options = tui::Options { title: "demo".to_owned(), blobs: Some(blobs), ..tui::Options::default() };
            return dashboard::watch(engine, ops, options).await;
        }
        session::stop_on_signals(engine.stopper())?;
        let ended = run::print_until_end(engine, args.json).await?;
        run::summary(&ended, started.elapsed(), args.json)?;
        let unfinished = ended.left.due + ended.left.later;
        if unfinished > 0 {
            output::complain(&format!("tagdeck: {} not in a final state", counted(unfinished, "post is", "posts are")));
        }
        Ok(if unfinished > 0 || ended.trouble.is_some() { Exit::Failed } else { Exit::Done })
    })?
}
