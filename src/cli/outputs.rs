//! `tagdeck outputs ls|cat|get|rm|verify`: thin faces over `ops::outputs`.
//! The dashboard's fifth pane calls the same functions.

use std::io::{self, BufRead, IsTerminal, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use color_eyre::eyre::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::io::AsyncWrite;

use super::args::{Common, Get, Ls, Outputs as Arguments, OutputsCommand, Rm, Verify};
use super::output::{self, Exit};
use super::session::with_ops;
use crate::blob::BlobStore;
use crate::domain::Millis;
use crate::ops::outputs::{Ask, Entry, Order, Outputs, Progress, Shelf, Trouble, Verified};
use crate::store::Access;
use crate::text::{Safe, counted, grouped};

/// The word that has to be typed before something is deleted.
const DELETE: &str = "delete";

/// How often a person hears how far a comparison is.
const TELL: Duration = Duration::from_secs(2);

/// See the module.
pub fn run(common: &Common, args: &Arguments) -> Result<Exit> {
    let access = match &args.what {
        OutputsCommand::Rm(_) | OutputsCommand::Verify(Verify { repair: true, .. }) => Access::ReadWrite,
        _ => Access::ReadOnly,
    };
    with_ops(common, access, |ops, config| async move {
        let outputs = Outputs::of(&ops.with_blobs(BlobStore::open(&config.blob).await?))?;
        match &args.what {
            OutputsCommand::Ls(args) => list(&outputs, args).await,
            OutputsCommand::Cat { key } => cat(&outputs, key).await,
            OutputsCommand::Get(args) => get(&outputs, args).await,
            OutputsCommand::Rm(args) => remove(&outputs, args).await,
            OutputsCommand::Verify(args) => verify(&outputs, args).await,
        }
    })
}

async fn list(outputs: &Outputs, args: &Ls) -> Result<Exit> {
    let order = match (args.newest, args.flat) {
        (true, _) => Order::Newest,
        (false, true) => Order::Flat,
        (false, false) => Order::Folders,
    };
    let mut ask = Ask { prefix: args.prefix.clone(), order, contains: args.filter.clone(), after: None, limit: 0 };
    let mut shown = 0;
    while shown < args.limit {
        ask.limit = args.limit - shown;
        let listed = outputs.list(&ask).await?;
        for entry in listed.entries.iter().take(args.limit - shown) {
            shown += 1;
            match entry {
                Entry::Folder(folder) if args.json => output::json(&json!({ "folder": folder }))?,
                Entry::Object(object) if args.json => output::json(object)?,
                entry => output::line(&in_words(entry))?,
            }
        }
        ask.after = listed.next;
        if ask.after.is_none() {
            break;
        }
    }
    if shown == 0 && !args.json {
        let place = outputs.place();
        output::line(&match (args.prefix.is_empty(), &args.filter) {
            (_, Some(_)) => "No name holds this text.".to_owned(),
            (true, None) => format!("Nothing is stored in {place}; `tagdeck ocr FILE --store` reads and stores."),
            (false, None) => format!("Nothing in {place} begins with {}.", Safe::line(&args.prefix)),
        })?;
    } else if ask.after.is_some() && !args.json && args.limit > 0 {
        output::complain("There is more; --limit N shows it.");
    }
    Ok(Exit::Done)
}

/// `2026-11-22 14:07      4 096  name`; folders without time and size.
fn in_words(entry: &Entry) -> String {
    let name = Safe::line(entry.key());
    match entry {
        Entry::Folder(_) => format!("{:<16}  {:>13}  {name}", "", "folder"),
        Entry::Object(object) => {
            let size = grouped(i64::try_from(object.size).unwrap_or(i64::MAX));
            format!("{:<16}  {size:>13}  {name}", when(object.modified))
        }
    }
}

fn when(at: Option<Millis>) -> String {
    let time = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    time.map_or_else(String::new, |time| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}

async fn cat(outputs: &Outputs, key: &str) -> Result<Exit> {
    if io::stdout().is_terminal() {
        let bytes = outputs.get(key).await?;
        output::line(String::from_utf8_lossy(&bytes).trim_end_matches('\n'))?;
        return Ok(Exit::Done);
    }
    outputs.copy(key, &mut Stdout).await?;
    Ok(Exit::Done)
}

/// Standard output for what is streamed: a reader that has gone away has read all it wants.
struct Stdout;

impl AsyncWrite for Stdout {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match output::try_write(bytes) {
            Ok(true) => Poll::Ready(Ok(bytes.len())),
            Ok(false) => std::process::exit(0),
            Err(error) => Poll::Ready(Err(io::Error::other(error.to_string()))),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn get(outputs: &Outputs, args: &Get) -> Result<Exit> {
    let mut shelf = Shelf::make(&args.out)?;
    let mut failed = 0;
    for key in &args.keys {
        match shelf.save(outputs, key).await {
            Ok(saved) if args.json => {
                let file = saved.file.to_string_lossy();
                output::json(&json!({ "key": key, "file": file, "size": saved.size, "was_there": saved.was_there }))?;
            }
            Ok(saved) => {
                let there = if saved.was_there { "  was there already, the same" } else { "" };
                output::line(&format!("{}{there}", Safe::line(&saved.file.to_string_lossy())))?;
            }
            Err(error) => {
                failed += 1;
                fault(key, &error, args.json)?;
            }
        }
    }
    Ok(ended(failed, args.keys.len()))
}

fn fault(key: &str, error: &dyn std::error::Error, as_json: bool) -> Result<()> {
    if as_json {
        output::json(&json!({ "key": key, "error": error.to_string() }))?;
    }
    output::complain(&format!("tagdeck: {}: {error}", Safe::line(key).clipped(200)));
    Ok(())
}

fn ended(failed: usize, all: usize) -> Exit {
    match failed {
        0 => Exit::Done,
        failed if failed == all => Exit::Failed,
        _ => Exit::Partly,
    }
}

async fn remove(outputs: &Outputs, args: &Rm) -> Result<Exit> {
    if !args.yes && !asked(outputs, &args.keys)? {
        return Ok(Exit::Usage);
    }
    let mut failed = 0;
    for key in &args.keys {
        match outputs.remove(key).await {
            Ok(true) if args.json => output::json(&json!({ "key": key, "deleted": true }))?,
            Ok(true) => output::line(&format!("Deleted {}.", Safe::line(key)))?,
            Ok(false) => {
                failed += 1;
                if args.json {
                    output::json(&json!({ "key": key, "deleted": false }))?;
                }
                output::complain(&format!("tagdeck: {}: there is no such object", Safe::line(key).clipped(200)));
            }
            Err(error) => {
                failed += 1;
                fault(key, &error, args.json)?;
            }
        }
    }
    Ok(ended(failed, args.keys.len()))
}

/// Whether the person typed the word. Without a terminal there is nobody to ask.
fn asked(outputs: &Outputs, keys: &[String]) -> Result<bool> {
    if !io::stdin().is_terminal() {
        output::complain("tagdeck: nothing was deleted: there is no terminal to ask on; --yes deletes without asking");
        return Ok(false);
    }
    for key in keys {
        output::complain(&format!("  {}", Safe::line(key)));
    }
    let question = format!("To delete this from {}, which cannot be undone, type the word {DELETE}: ", outputs.place());
    write!(io::stderr(), "{question}")?;
    io::stderr().flush()?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    let yes = typed.trim() == DELETE;
    if !yes {
        output::complain("Nothing was deleted.");
    }
    Ok(yes)
}

async fn verify(outputs: &Outputs, args: &Verify) -> Result<Exit> {
    let progress = Progress::default();
    let mut again: Vec<String> = Vec::new();
    let (mut listed, mut written) = (0, Ok(()));
    let mut told = |trouble: Trouble| {
        if let Trouble::Missing { sha256, .. } | Trouble::Differs { sha256, .. } = &trouble
            && args.repair
        {
            again.push(sha256.clone());
        }
        listed += 1;
        if listed <= args.limit && written.is_ok() {
            written = if args.json { output::json(&trouble) } else { output::line(&trouble_in_words(&trouble)) };
        }
    };
    let teller = io::stderr().is_terminal().then(|| tokio::spawn(tell(progress.clone())));
    let verified = outputs.verify(args.deep, &progress, &mut told).await;
    if let Some(teller) = teller {
        teller.abort();
    }
    let verified = verified?;
    written?;
    again.dedup();
    let repaired = if again.is_empty() { 0 } else { outputs.upload_again(&again).await? };
    if args.json {
        output::json(&json!({ "verified": verified, "enqueued_again": repaired, "right": verified.is_right() }))?;
    } else {
        summary(&verified, listed.saturating_sub(args.limit), repaired)?;
    }
    Ok(if verified.is_right() { Exit::Done } else { Exit::Partly })
}

/// On a terminal: how far it is, now and then.
async fn tell(progress: Progress) {
    loop {
        tokio::time::sleep(TELL).await;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let of = |count: u64| grouped(number(count));
        let (done, total, listed) = progress.numbers();
        output::complain(&match listed {
            0 => format!("{} of {} compared", of(done), counted(number(total), "document", "documents")),
            listed => format!("{} gone through", counted(number(listed), "name", "names")),
        });
    }
}

fn trouble_in_words(trouble: &Trouble) -> String {
    let key = Safe::line(trouble.key());
    match trouble {
        Trouble::Missing { .. } => format!("missing  {key}"),
        Trouble::Differs { expected, found, .. } => {
            let found = found.as_deref().map_or("by its size", |hash| hash.get(..12).unwrap_or(hash));
            format!("differs  {key}  is {found}, was {}", Safe::line(expected.get(..12).unwrap_or(expected)))
        }
        Trouble::Orphan { .. } => format!("orphan   {key}"),
    }
}

fn summary(verified: &Verified, unlisted: usize, repaired: usize) -> Result<()> {
    if unlisted > 0 {
        output::line(&format!("… and {} more; --limit N lists them", grouped(i64::try_from(unlisted).unwrap_or(i64::MAX))))?;
    }
    let rows = [
        ("right", verified.right),
        ("missing", verified.missing),
        ("different", verified.differing),
        ("waiting", verified.waiting),
        ("failed", verified.failed),
        ("removed", verified.removed),
        ("elsewhere", verified.elsewhere),
        ("not to be stored", verified.unsent),
        ("orphaned", verified.orphaned),
    ];
    for (name, count) in rows {
        output::line(&format!("{name:<17}{:>12}", grouped(i64::try_from(count).unwrap_or(i64::MAX))))?;
    }
    if repaired > 0 {
        let documents = counted(i64::try_from(repaired).unwrap_or(i64::MAX), "document is", "documents are");
        output::line(&format!("{documents} enqueued again; an engine (`tagdeck` or `tagdeck run`) does the uploading."))?;
    }
    Ok(())
}
