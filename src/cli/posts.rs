//! `stats`, `posts`, `retry`, `regenerate`: thin faces over `ops`.
//! The dashboard calls the same functions with a key.

use std::io;

use color_eyre::eyre::{Result, WrapErr};
use serde_json::json;

use super::args::{Common, Posts, Regenerate, Retry, Stats, WhichPost};
use super::output::{self, Exit};
use super::session::with_ops;
use crate::domain::{PageKey, PostFilter, PostId, PostLine, Status, UserId};
use crate::ops::{Ops, OpsError, RetryRequest};
use crate::store::Access;
use crate::text::{Safe, counted, grouped};

/// Posts asked for at once.
const PAGE: u32 = 500;

/// `tagdeck stats`
pub fn stats(common: &Common, args: &Stats) -> Result<Exit> {
    with_ops(common, Access::ReadOnly, |ops, _| async move {
        let Some(stats) = ops.stats(args.user.map(UserId)).await? else {
            output::complain(&format!("tagdeck: there is no user {}", args.user.unwrap_or_default()));
            return Ok(Exit::Failed);
        };
        if args.json {
            output::json(&stats)?;
            return Ok(Exit::Done);
        }
        let mut rows: Vec<(String, i64)> =
            Status::ALL.iter().map(|status| (status.to_string(), stats.stats_by_status.of(*status))).collect();
        if stats.stats_by_status.no_status > 0 {
            rows.push(("no status".to_owned(), stats.stats_by_status.no_status));
        }
        rows.push(("posts".to_owned(), stats.total_posts));
        rows.push(("with tags".to_owned(), stats.posts_with_tags));
        rows.push(("to be retried".to_owned(), stats.posts_need_retry));
        for (name, count) in rows {
            output::line(&format!("{name:<14}{:>12}", grouped(count)))?;
        }
        if stats.total_posts == 0 {
            output::line("There are no posts yet: `tagdeck import FILE` takes some in.")?;
        }
        Ok(Exit::Done)
    })
}

/// `tagdeck posts`
pub fn list(common: &Common, args: &Posts) -> Result<Exit> {
    with_ops(common, Access::ReadOnly, |ops, _| async move {
        let filter = PostFilter {
            user: args.user.map(UserId),
            status: args.status,
            channel: args.channel.clone(),
            class: None,
            query: args.query.clone(),
            model: None,
        };
        let mut left = args.limit;
        let mut after: Option<PageKey> = None;
        let mut shown = 0;
        while left > 0 {
            let page = ops.posts(&filter, after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = Some(PageKey { updated_at: last.updated_at, id: last.id });
            for post in &page {
                if args.json { output::json(post)? } else { output::line(&in_words(post))? }
            }
            shown += page.len();
            left -= u32::try_from(page.len()).unwrap_or(left).min(left);
        }
        if shown == 0 && !args.json {
            output::line("No post fits. Without any filter this list is empty until `tagdeck import FILE`.")?;
        }
        Ok(Exit::Done)
    })
}

fn in_words(post: &PostLine) -> String {
    let status = post.status.map_or("no status", Status::as_str);
    let told = if post.tags.is_empty() {
        post.error.as_deref().map_or_else(|| post.excerpt.clone(), |error| format!("{error} · {}", post.excerpt))
    } else {
        post.tags.join(" · ")
    };
    format!("{:>8}  {:<9} {}  {}", post.id, status, padded(&post.channel, 20), Safe::line(&told).clipped(80))
}

/// Clipped or padded to exactly so many cells.
fn padded(text: &str, cells: usize) -> String {
    let clipped = Safe::line(text).clipped(cells);
    let gap = cells - clipped.cells().min(cells);
    format!("{clipped}{}", " ".repeat(gap))
}

/// `tagdeck retry`
pub fn retry(common: &Common, args: &Retry) -> Result<Exit> {
    with_ops(common, Access::ReadWrite, |ops, _| async move {
        let request = RetryRequest {
            filter: PostFilter {
                user: args.user.map(UserId),
                class: args.class.map(|class| class.as_str().to_owned()),
                ..PostFilter::default()
            },
            ids: None,
            force: args.force,
            limit: args.limit,
            dry_run: args.dry_run,
        };
        let report = ops.retry(&request).await?;
        if args.json {
            output::json(&json!({
                "matched": report.matched, "queued": report.queued, "worst_case_calls": report.worst_case_calls,
                "by_hand": report.by_hand, "force": args.force, "dry_run": args.dry_run,
            }))?;
        } else if report.matched == 0 {
            let hint = if args.force { "" } else { "; --force takes those that have used up their attempts" };
            output::line(&format!("Nothing to retry{hint}."))?;
        } else {
            let posts = if args.dry_run {
                counted(report.matched, "post would be", "posts would be")
            } else {
                counted(report.queued, "post is", "posts are")
            };
            output::line(&format!("{posts} enqueued; at worst {}.", counted(report.worst_case_calls as i64, "call", "calls")))?;
        }
        Ok(Exit::Done)
    })
}

/// `tagdeck regenerate`
pub fn regenerate(common: &Common, args: &Regenerate) -> Result<Exit> {
    with_ops(common, Access::ReadWrite, |ops, _| async move {
        let (mut enqueued, mut refused) = (0, 0);
        for post in &args.posts {
            let lines: Box<dyn Iterator<Item = io::Result<String>>> = match post {
                WhichPost::Id(id) => Box::new(std::iter::once(Ok(id.to_string()))),
                WhichPost::Stdin => Box::new(io::stdin().lines()),
            };
            for line in lines {
                let line = line.wrap_err("the ids cannot be read from stdin")?;
                let id = line.trim();
                if id.is_empty() {
                    continue;
                }
                match anew(&ops, id, args.model.as_deref()).await? {
                    Ok(said) => {
                        enqueued += 1;
                        output::line(&said)?;
                    }
                    Err(why) => {
                        refused += 1;
                        output::complain(&format!("tagdeck: {why}"));
                    }
                }
            }
        }
        if enqueued > 0 {
            let them = counted(enqueued, "post", "posts");
            output::line(&format!("{them} to be tagged anew by an engine: `tagdeck`, or `tagdeck run`."))?;
        }
        Ok(match (enqueued, refused) {
            (_, 0) => Exit::Done,
            (0, _) => Exit::Failed,
            _ => Exit::Partly,
        })
    })
}

/// What became of one post, in words, or why nothing did; an error where no other post would fare better.
async fn anew(ops: &Ops, id: &str, model: Option<&str>) -> Result<std::result::Result<String, String>> {
    let Ok(number) = id.parse() else {
        return Ok(Err(format!("`{}` is no id of a post: a number, as `tagdeck posts` shows it", Safe::line(id).clipped(40))));
    };
    match ops.regenerate(PostId(number), model).await {
        Ok(None) => Ok(Ok(format!("Post {number} is enqueued."))),
        Ok(Some(model)) => Ok(Ok(format!("Post {number} is enqueued; {} is asked first.", Safe::line(&model.to_string())))),
        Err(error @ (OpsError::NoPost(_) | OpsError::NoText(_))) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
