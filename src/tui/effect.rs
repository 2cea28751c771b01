//! What `update` asks for and cannot do itself, and how it is done: through `ops`, in a task, the answer coming back as a `Msg`.
//! It changes nothing of the model; leaving, suspending and drawing anew belong to the loop.

pub mod outputs;

use crate::domain::{PostFilter, PostId};
use crate::ops::{Ops, OpsError, RetryReport, RetryRequest};
use crate::text::Safe;
use crate::tui::model::failed::{Row, Wanted};
use crate::tui::model::post::Known;
use crate::tui::update::Msg;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A page of failed posts.
    Page(Wanted),
    /// A post, whole.
    Post(PostId),
    /// How many posts failed of which class.
    Classes,
    /// What these retries would do; comes back as a question.
    Ask(Vec<Retry>),
    /// Retry.
    Retry(Retry),
    /// Tag a post anew.
    Regenerate(PostId),
    /// Stop claiming.
    Pause,
    /// Go on after the operator's pause, or, without one, after the engine's own.
    Resume,
    /// End every pause, those of quotas too.
    ResumeAll,
    /// Something about outputs.
    Outputs(outputs::Wish),
    /// Put this on the clipboard of the terminal.
    Copy(String),
    /// Leave the dashboard.
    Quit,
    /// Draw every cell again.
    Redraw,
    /// Back to the shell until SIGCONT.
    Suspend,
}

/// Which posts to retry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retry {
    /// Narrowed to these.
    pub filter: PostFilter,
    /// Only this one.
    pub post: Option<PostId>,
    /// Give all passes back.
    pub force: bool,
}

impl Retry {
    fn request(&self, dry_run: bool) -> RetryRequest {
        RetryRequest { filter: self.filter.clone(), ids: self.post.map(|id| vec![id]), force: self.force, limit: None, dry_run }
    }
}

/// What a retry would do, or has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reckoning {
    /// Posts that fit and would be tried again.
    pub matched: i64,
    /// Posts due again; 0 while it is only a question.
    pub queued: i64,
    /// Most calls they can cost.
    pub calls: u64,
}

impl From<RetryReport> for Reckoning {
    fn from(report: RetryReport) -> Self {
        Self { matched: report.matched, queued: report.queued, calls: report.worst_case_calls }
    }
}

/// Does what is asked for; `None` for what the loop does itself.
pub async fn perform(ops: Ops, effect: Effect) -> Option<Msg> {
    Some(match effect {
        Effect::Page(wanted) => {
            let page = page(&ops, &wanted).await.map_err(|error| told(&error));
            Msg::Page(wanted, page)
        }
        Effect::Post(id) => {
            let post =
                ops.post(id).await.map_err(|error| told(&error)).map(|found| found.map(|detail| Box::new(Known::from(&detail))));
            Msg::Post(id, post)
        }
        Effect::Classes => Msg::Classes(ops.failures_by_class().await.map_err(|error| told(&error))),
        Effect::Ask(retries) => {
            let mut answers = Vec::with_capacity(retries.len());
            for retry in retries {
                match ops.retry(&retry.request(true)).await {
                    Ok(report) => answers.push((retry, report.into())),
                    Err(error) => return Some(Msg::Asked(Err(told(&error)))),
                }
            }
            Msg::Asked(Ok(answers))
        }
        Effect::Retry(retry) => {
            let done = ops.retry(&retry.request(false)).await.map(Reckoning::from).map_err(|error| told(&error));
            Msg::Retried(retry, done)
        }
        Effect::Regenerate(id) => {
            let done = ops.regenerate(id).await.map_err(|error| told(&error));
            Msg::Done(done.map(|()| Safe::line(&format!("Post {id} is due again and will be tagged anew."))))
        }
        Effect::Pause => {
            let done = ops.pause().await.map_err(|error| told(&error));
            Msg::Done(done.map(|()| Safe::fixed("Paused: what is in flight is finished, nothing new is claimed.")))
        }
        Effect::Resume => {
            let done = ops.resume().await.map_err(|error| told(&error));
            Msg::Done(done.map(|()| Safe::fixed("Going on.")))
        }
        Effect::ResumeAll => {
            let done = ops.resume_all().await.map_err(|error| told(&error));
            Msg::Done(done.map(|()| Safe::fixed("Going on: every pause has ended.")))
        }
        Effect::Outputs(wish) => Msg::Outputs(outputs::perform(&ops, wish).await),
        Effect::Copy(_) | Effect::Quit | Effect::Redraw | Effect::Suspend => return None,
    })
}

/// The lists of failed and of retrying posts merged into one page: each is asked for a whole page behind the same key.
async fn page(ops: &Ops, wanted: &Wanted) -> Result<Vec<Row>, OpsError> {
    let limit = u32::try_from(wanted.limit).unwrap_or(u32::MAX);
    let mut rows: Vec<Row> = Vec::with_capacity(wanted.limit * 2);
    for filter in wanted.filters() {
        rows.extend(ops.posts(&filter, wanted.after, limit).await?.iter().map(Row::from));
    }
    rows.sort_by_key(|row| std::cmp::Reverse((row.updated_at, row.id)));
    // A post that changed its status between the two questions is in both answers.
    let mut seen = std::collections::HashSet::with_capacity(rows.len());
    rows.retain(|row| seen.insert(row.id));
    rows.truncate(wanted.limit);
    Ok(rows)
}

fn told(error: &OpsError) -> Safe {
    Safe::line(&error.to_string())
}
