//! `tagdeck` without a command: the dashboard, with an engine of its own unless it only watches.
//! Drawing is `tui`'s; this file starts and ends what is drawn.

use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};

use super::args::{Common, Dashboard};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::config::Config;
use crate::engine::lock::{EngineLock, LockError};
use crate::engine::{Engine, Options};
use crate::ops::Ops;
use crate::store::{Access, Store, StoreError};
use crate::text::Safe;
use crate::tui;

/// Time the engine gets to finish or release what is in flight.
const FAREWELL: Duration = Duration::from_secs(5);

/// See the module.
pub fn run(common: &Common, args: &Dashboard) -> Result<Exit> {
    let config = session::settings(common)?;
    start_log(&config, args.read_only)?;
    session::block_on(async {
        let store = open(&config, args.read_only).await?;
        let (lock, taken) = if args.observe || args.read_only { (None, None) } else { engine_lock(&config)? };
        let mut options = tui::Options {
            title: title(&config),
            read_only: args.read_only,
            observe: lock.is_none(),
            observing_because: taken,
            ui: config.ui.clone(),
            low_bandwidth: args.low_bandwidth,
            blobs: None,
        };
        let Some(_lock) = lock else {
            let ops = Ops::observing(store, &config.tagging);
            let ops = if args.read_only { ops.only_watching() } else { ops };
            let (ops, blobs) = session::with_blobs(ops, &config).await;
            options.blobs = Some(blobs);
            tui::run(ops, options).await?;
            return Ok(Exit::Done);
        };
        let engine = Engine::start(store.clone(), &config, Options::default());
        let (ops, blobs) = session::with_blobs(Ops::with_engine(store, &config.tagging, &engine), &config).await;
        options.blobs = Some(blobs);
        watch(engine, ops, options).await
    })?
}

/// In the data folder, which is made for it; whoever only watches writes no log and makes no folder.
fn start_log(config: &Config, read_only: bool) -> Result<()> {
    if read_only {
        return session::start_kept_log(config, &LogTo::Nobody);
    }
    std::fs::create_dir_all(&config.data_dir)
        .wrap_err_with(|| format!("cannot make the folder {}", Safe::line(&config.data_dir.display().to_string())))?;
    session::start_kept_log(config, &LogTo::File(&config.data_dir.join("tagdeck.log")))
}

/// A database that is only watched must be there, whole: nothing is created, attached or brought up to date for it.
async fn open(config: &Config, read_only: bool) -> Result<Store> {
    if !read_only {
        return session::open(config, Access::ReadWrite).await;
    }
    let store = session::open(config, Access::ReadOnly).await?;
    if store.is_unattached() { Err(StoreError::NotAttached { url: store.url().clone() }.into()) } else { Ok(store) }
}

/// Draws until the person leaves or the line drops, then ends the engine in order.
pub async fn watch(engine: Engine, ops: Ops, options: tui::Options) -> Result<Exit> {
    let stopper = engine.stopper();
    let drawn = tui::run(ops, options).await;
    stopper.stop();
    match tokio::time::timeout(FAREWELL, engine.ended()).await {
        Ok(ended) => {
            if let Some(trouble) = ended.trouble {
                output::complain(&format!("tagdeck: {trouble}"));
            }
        }
        Err(_) => output::complain("tagdeck: the engine did not end within 5 s; its leases run out by themselves"),
    }
    drawn?;
    Ok(Exit::Done)
}

/// The lock, or, when another engine works here, what to tell the person who now only watches.
fn engine_lock(config: &Config) -> Result<(Option<EngineLock>, Option<String>)> {
    match EngineLock::take(config.database.expose()) {
        Ok(lock) => Ok((Some(lock), None)),
        Err(LockError::Taken { holder }) => {
            let why = format!("Another engine ({holder}) works on this database: this window only watches.");
            tracing::warn!("{why}");
            Ok((None, Some(why)))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the header calls the database: a file's name, or host and name of a server's.
fn title(config: &Config) -> String {
    let address = config.database.expose();
    match address.strip_prefix("sqlite://") {
        Some(path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
        None => address.rsplit('@').next().unwrap_or_default().split('?').next().unwrap_or_default().to_owned(),
    }
}
