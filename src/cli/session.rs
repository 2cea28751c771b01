//! What most commands begin with: settings, log, runtime, database, signals.
//! It does none of their work.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::future::Future;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;

use color_eyre::eyre::{Result, WrapErr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::args::Common;
use crate::blob::BlobStore;
use crate::config::{self, Config, sqlite_file};
use crate::engine::Stopper;
pub use crate::engine::reader::runtime_options as ocr_options;
use crate::ops::Ops;
use crate::store::{Access, Store};
use crate::text::Safe;

/// Reads the settings as this process sees them.
pub fn settings(common: &Common) -> Result<Config> {
    let environment: BTreeMap<String, String> =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    let folder = std::env::current_dir().wrap_err("the current folder cannot be read")?;
    let config = config::load(&common.overrides(), &environment, &folder)?;
    crate::tui::check_keys(&config)?;
    Ok(config)
}

/// Where log lines go.
pub enum LogTo<'a> {
    /// Commands.
    Stderr,
    /// The dashboard, which owns the screen.
    File(&'a Path),
    /// A dashboard that must write nothing anywhere.
    Nobody,
}

/// Where the engine's work is logged in the words of the service that tagdeck replaces.
const LEGACY_TARGET: &str = "TaggingService";

/// Starts the log of a command that asks and goes; a filter that cannot be read falls back to `info`.
pub fn start_log(level: &str, to: &LogTo<'_>) -> Result<()> {
    let writer = match to {
        LogTo::Stderr => BoxMakeWriter::new(std::io::stderr),
        LogTo::File(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .wrap_err_with(|| format!("cannot write the log file {}", Safe::line(&path.display().to_string())))?;
            BoxMakeWriter::new(Mutex::new(file))
        }
        LogTo::Nobody => return Ok(()),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter(level, None))
        .with_ansi(false)
        .with_writer(writer)
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Starts the log of a program that stays: in the folder and form of the settings, else as any other.
pub fn start_kept_log(config: &Config, to: &LogTo<'_>) -> Result<()> {
    let as_json = config.log.format == "json";
    let writer = match (&config.log.folder, to) {
        (_, LogTo::Nobody) => return Ok(()),
        (None, _) if !as_json => return start_log(&config.log_level, to),
        (None, LogTo::File(path)) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            BoxMakeWriter::new(Mutex::new(file.wrap_err("cannot write the log file")?))
        }
        (None, LogTo::Stderr) => BoxMakeWriter::new(std::io::stderr),
        (Some(folder), _) => {
            let files = RollingFileAppender::builder()
                .rotation(Rotation::DAILY)
                .filename_prefix("tagdeck")
                .filename_suffix("log")
                .max_log_files(config.log.files)
                .build(folder)
                .wrap_err_with(|| format!("cannot write log files in {}", Safe::line(&folder.display().to_string())))?;
            BoxMakeWriter::new(files)
        }
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.log_level, Some(LEGACY_TARGET)))
        .with_ansi(false)
        .with_writer(writer)
        .log_internal_errors(false);
    if as_json {
        builder.json().flatten_event(true).init();
    } else {
        builder.init();
    }
    Ok(())
}

/// Other crates' chatter (connections, statements) is only wanted when asked for by name.
fn filter(level: &str, besides: Option<&str>) -> EnvFilter {
    let besides = besides.map(|target| format!(",{target}=info")).unwrap_or_default();
    EnvFilter::try_new(format!("warn,tagdeck={level}{besides}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,tagdeck=info{besides}")))
}

/// Runs a command's asynchronous part.
pub fn block_on<F: Future>(work: F) -> Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().wrap_err("cannot start the tasks")?;
    let output = runtime.block_on(work);
    // A blocked read of the terminal must not hold up the end of the program.
    runtime.shutdown_background();
    Ok(output)
}

/// Opens the database; for writing, the embedded one's folder is made when missing.
pub async fn open(config: &Config, access: Access) -> Result<Store> {
    let address = config.database.expose();
    if access == Access::ReadWrite
        && let Some(folder) = sqlite_file(address).and_then(Path::parent)
        && !folder.as_os_str().is_empty()
    {
        std::fs::create_dir_all(folder)
            .wrap_err_with(|| format!("cannot make the folder {}", Safe::line(&folder.display().to_string())))?;
    }
    Ok(Store::open(address, access).await?)
}

/// For commands that ask and go: settings, log, database, and what can be asked of it.
pub fn with_ops<F>(common: &Common, access: Access, work: impl FnOnce(Ops, Config) -> F) -> Result<super::output::Exit>
where
    F: Future<Output = Result<super::output::Exit>>,
{
    let config = settings(common)?;
    start_log(&config.log_level, &LogTo::Stderr)?;
    block_on(async {
        // Before the first import the answers are those of an empty database, and asking leaves nothing behind.
        let empty = if access == Access::ReadOnly && is_new(&config) { Some(tempfile::tempdir()?) } else { None };
        let store = match &empty {
            Some(folder) => Store::open(&embedded(folder.path()), Access::ReadWrite).await?,
            None => open(&config, access).await?,
        };
        let ops = Ops::observing(store, &config.tagging).with_providers(&config.providers);
        work(ops, config).await
    })?
}

/// Adds what doctor looks at, and the blob store of the settings; without one the dashboard says why.
pub async fn with_blobs(ops: Ops, config: &Config) -> (Ops, std::result::Result<Safe, Safe>) {
    let ops = ops.with_patient(super::doctor::patient(config, false)).with_providers(&config.providers);
    match BlobStore::open(&config.blob).await {
        Ok(blobs) => {
            let place = blobs.place();
            (ops.with_blobs(blobs), Ok(place))
        }
        Err(error) => {
            tracing::warn!("{error}");
            (ops, Err(Safe::line(&error.to_string())))
        }
    }
}

/// Address of the embedded database in a data folder.
fn embedded(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("tagdeck.db").display())
}

/// True while nobody has named a database and the embedded one is still to be made; a named one that is missing is a mistake.
fn is_new(config: &Config) -> bool {
    let default = embedded(&config.data_dir);
    config.database.expose() == default && sqlite_file(&default).is_some_and(|file| !file.exists())
}

/// Ctrl-C, SIGTERM and SIGHUP stop the engine softly, the second one at once.
pub fn stop_on_signals(stopper: Stopper) -> Result<()> {
    on_signals(true, move || stopper.stop())
}

/// Calls `ask` for each Ctrl-C, SIGTERM and SIGHUP.
pub fn on_signals(hangup_too: bool, ask: impl Fn() + Send + 'static) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = hangup_too.then(|| signal(SignalKind::hangup())).transpose()?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = next(&mut hangup) => {}
            }
            ask();
        }
    });
    Ok(())
}

/// How often a stop was asked for so far.
pub fn stops(hangup_too: bool) -> Result<watch::Receiver<u32>> {
    let (count, stops) = watch::channel(0);
    on_signals(hangup_too, move || count.send_modify(|stops| *stops += 1))?;
    Ok(stops)
}

async fn next(signal: &mut Option<Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}

/// SIGHUP as services take it: the settings are read again. In a terminal it means that its window is gone, and without a
/// settings file there is nothing to read: then it stops the program.
pub struct Reloads(Option<Signal>);

impl Reloads {
    /// For a program with these settings.
    pub fn of(config: &Config) -> Result<Self> {
        let serves = config.file.is_some() && !std::io::stdin().is_terminal();
        Ok(Self(serves.then(|| signal(SignalKind::hangup())).transpose()?))
    }

    /// Whether SIGHUP is taken so.
    pub fn can(&self) -> bool {
        self.0.is_some()
    }

    /// The next settings that can be used; a mistake is told, and the old ones stay.
    pub async fn next<E: std::fmt::Display>(&mut self, common: &Common, admits: impl Fn(&Config) -> Result<(), E>) -> Config {
        loop {
            next(&mut self.0).await;
            let read = settings(common).map_err(|error| error.to_string());
            match read.and_then(|new| admits(&new).map(|()| new).map_err(|error| error.to_string())) {
                Ok(new) => {
                    tracing::info!("the settings were read again");
                    return new;
                }
                Err(why) => tracing::error!("the settings stay as they were: {}", Safe::line(&why)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::OCR_PROVIDERS;
    use crate::ocr::runtime::Provider;

    #[test]
    fn the_settings_and_the_runtime_know_the_same_providers() {
        assert_eq!(Provider::ALL.map(Provider::word), OCR_PROVIDERS);
    }
}
