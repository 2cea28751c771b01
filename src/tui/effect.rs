//! What `update` asks for and cannot do itself, and how it is done: through `ops`, in a task, the answer coming back as a `Msg`.
//! It changes nothing of the model; leaving, suspending and drawing anew belong to the loop.

mod export;
pub mod outputs;

use std::path::PathBuf;

use crate::domain::{CallId, ImageId, ModelKey, PostFilter, PostId, PostPlace};
use crate::ops::{Ops, OpsError, RetryReport, RetryRequest, WhichImages};
use crate::text::Safe;
use crate::tui::locale::count;
use crate::tui::model::failed::{Row, Wanted};
use crate::tui::model::images;
use crate::tui::model::list::Came;
use crate::tui::model::post::Known;
use crate::tui::update::Msg;
pub use export::Export;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A page of failed posts.
    Page(Wanted),
    /// A post, whole.
    Post(PostId),
    /// How many posts failed of which class.
    Classes,
    /// A page of images.
    Images(images::Wanted),
    /// An image, whole.
    Image(ImageId),
    /// What these retries would do; comes back as a question.
    Ask(Vec<Retry>),
    /// Retry.
    Retry(Retry),
    /// Tag a post anew, with a model that was asked for or with the route.
    Regenerate(PostId, Option<String>),
    /// The models that can be asked for by name.
    Models,
    /// A call with its answer.
    Answer(CallId),
    /// These tags and no others, written by hand.
    SetTags(PostId, Vec<String>),
    /// How many posts would be passed over; comes back as a question.
    CountSkip(Retry),
    /// Pass over these posts.
    Skip(Retry),
    /// How many images would be changed so; comes back as a question.
    CountImages(ImageChange, WhichImages),
    /// Read images again, or cancel their reading.
    ChangeImages(ImageChange, WhichImages),
    /// Write something to a file.
    Export(String, Export),
    /// Paths that begin with this.
    Paths(String),
    /// Have the images at this path read.
    Submit(String),
    /// Stop claiming.
    Pause,
    /// Go on after the operator's pause, or, without one, after the engine's own.
    Resume,
    /// End every pause, those of quotas too.
    ResumeAll,
    /// End the pause that draining has set, then leave.
    Drained,
    /// Something about outputs.
    Outputs(outputs::Wish),
    /// Put this on the clipboard of the terminal.
    Copy(String),
    /// Look at everything that is needed.
    Doctor,
    /// Leave the dashboard.
    Quit,
    /// Draw every cell again.
    Redraw,
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Back to the shell until SIGCONT.
    Suspend,
}

/// What is done to images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageChange {
    /// They are read again.
    Reread,
    /// Their reading is cancelled.
    Cancel,
}

impl ImageChange {
    /// What is done to so many, in words.
    pub fn told(self, n: i64) -> Safe {
        match self {
            Self::Reread => count("read again {} image", "read again {} images", n),
            Self::Cancel => count("cancel {} reading", "cancel {} readings", n),
        }
    }
}

/// Which posts to retry, or to pass over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retry {
    /// Narrowed to these.
    pub filter: PostFilter,
    /// Only these.
    pub posts: Option<Vec<PostId>>,
    /// Give all passes back.
    pub force: bool,
}

impl Retry {
    /// One post.
    pub fn one(id: PostId) -> Self {
        Self { posts: Some(vec![id]), ..Self::default() }
    }

    /// The post, when it is only one.
    pub fn only(&self) -> Option<PostId> {
        self.posts.as_ref().filter(|posts| posts.len() == 1).map(|posts| posts[0])
    }

    /// True when it surely means posts that `all` means as well: one of its list, or one class of what it is narrowed to.
    pub fn is_part_of(&self, all: &Self) -> bool {
        let narrowed = || PostFilter { class: self.filter.class.clone(), ..all.filter.clone() };
        all.posts.is_none() && (self.only().is_some() || (self.posts.is_none() && self.filter == narrowed()))
    }

    fn request(&self, dry_run: bool) -> RetryRequest {
        RetryRequest { filter: self.filter.clone(), ids: self.posts.clone(), force: self.force, limit: None, dry_run }
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
    /// Posts left out because a person decided about them by hand.
    pub by_hand: i64,
}

impl From<RetryReport> for Reckoning {
    fn from(report: RetryReport) -> Self {
        Self { matched: report.matched, queued: report.queued, calls: report.worst_case_calls, by_hand: report.by_hand }
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
        Effect::Images(wanted) => {
            let limit = u32::try_from(wanted.fetch.limit).unwrap_or(u32::MAX);
            let page = ops.images(&wanted.filter, wanted.fetch.after, limit).await;
            let page = page.map(|lines| wanted.page(lines.iter().map(images::Row::from).collect())).map_err(|error| told(&error));
            Msg::Images(wanted, page)
        }
        Effect::Image(id) => {
            let image = ops.reading(id).await.map_err(|error| told(&error));
            Msg::Image(id, image.map(|found| found.map(|detail| Box::new(images::Known::from(&detail)))))
        }
        Effect::Regenerate(id, with) => {
            let asked = ops.regenerate(id, with.as_deref()).await;
            Msg::Done(asked.map(|model| Done::Regenerated(id, model)).map_err(|error| told(&error)))
        }
        Effect::Models => Msg::Models(ops.models().await),
        Effect::Answer(id) => {
            let answer = ops.answer(id).await.map_err(|error| told(&error));
            Msg::Answer(id, answer.map(|found| found.map(Box::new)))
        }
        Effect::SetTags(id, tags) => {
            let written = tags.len();
            done(ops.set_tags(id, &tags).await, Done::Tagged(id, written))
        }
        Effect::CountSkip(which) => {
            let counted = match &which.posts {
                Some(posts) => Ok(posts.len() as i64),
                None => ops.count(&which.filter).await.map_err(|error| told(&error)),
            };
            Msg::Skippable(which, counted)
        }
        Effect::Skip(which) => match ops.skip(&which.filter, which.posts.as_deref()).await {
            Ok(skipped) => Msg::Done(Ok(Done::Skipped(skipped))),
            Err(error) => Msg::Done(Err(told(&error))),
        },
        Effect::CountImages(change, which) => {
            let counted = match change {
                ImageChange::Reread => ops.rereadable(&which).await,
                ImageChange::Cancel => ops.cancellable(&which).await,
            };
            Msg::ImagesCounted(change, which, counted.map_err(|error| told(&error)))
        }
        Effect::ChangeImages(change, which) => {
            let changed = match change {
                ImageChange::Reread => ops.reread(&which).await.map(Done::Reread),
                ImageChange::Cancel => ops.cancel_readings(&which).await.map(Done::Cancelled),
            };
            Msg::Done(changed.map_err(|error| told(&error)))
        }
        Effect::Paths(begun) => {
            let typed = begun.clone();
            // A folder on a network drive may answer late or never; the dashboard goes on meanwhile.
            let found = tokio::task::spawn_blocking(move || paths(&typed)).await.unwrap_or_default();
            Msg::Paths(begun, found)
        }
        Effect::Export(path, what) => {
            let at = at_home(&path);
            let shown = Safe::line(&path);
            let written = export::write(&ops, &at, what).await;
            Msg::Done(written.map(|lines| Done::Written(lines, shown)).map_err(|error| Safe::line(&error.to_string())))
        }
        Effect::Submit(path) => Msg::Done(submit(&ops, &path).await.map_err(|error| told(&error))),
        Effect::Pause => done(ops.pause().await, Done::Paused),
        Effect::Resume => done(ops.resume().await, Done::Resumed),
        Effect::ResumeAll => done(ops.resume_all().await, Done::ResumedAll),
        Effect::Drained => done(ops.resume().await, Done::Drained),
        Effect::Doctor => Msg::Examined(ops.examine().await),
        Effect::Outputs(wish) => Msg::Outputs(outputs::perform(&ops, wish).await),
        Effect::Copy(_) | Effect::Quit | Effect::Redraw | Effect::Mouse(_) | Effect::Suspend => return None,
    })
}

/// What was done, for the sentence that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// A post is tagged anew, by this model first where one was asked for.
    Regenerated(PostId, Option<ModelKey>),
    /// A post has so many tags by hand.
    Tagged(PostId, usize),
    /// So many posts are passed over.
    Skipped(u64),
    /// So many images are read again.
    Reread(u64),
    /// The reading of so many images was cancelled.
    Cancelled(u64),
    /// So many images are to be read, and so many files were refused, the first for this reason.
    Submitted(usize, usize, Safe),
    /// Nothing is claimed any more.
    Paused,
    /// Claiming goes on.
    Resumed,
    /// Every pause has ended.
    ResumedAll,
    /// What draining had paused goes on; the dashboard may end.
    Drained,
    /// So many lines are in this file.
    Written(usize, Safe),
}

fn done(result: Result<(), OpsError>, what: Done) -> Msg {
    Msg::Done(result.map(|()| what).map_err(|error| told(&error)))
}

/// Files and folders that begin with what was typed, folders with a `/` at their end.
fn paths(begun: &str) -> Vec<String> {
    const MOST: usize = 200;
    const LOOKED_AT: usize = 50_000;
    let expanded = at_home(begun);
    let typed = expanded.to_string_lossy().into_owned();
    let (folder, name) = typed.rsplit_once('/').map_or(("", typed.as_str()), |(folder, name)| (folder, name));
    let at = if typed.contains('/') { format!("{folder}/") } else { String::new() };
    let Ok(entries) = std::fs::read_dir(if at.is_empty() { "." } else { &at }) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten().take(LOOKED_AT) {
        let Ok(entry_name) = entry.file_name().into_string() else { continue };
        if !entry_name.starts_with(name) || (entry_name.starts_with('.') && !name.starts_with('.')) {
            continue;
        }
        found.push(entry_name);
    }
    // A folder gives its names in no order: cut off before they are sorted, any of them could be missing.
    found.sort();
    found.truncate(MOST);
    let shown = |name: String| {
        let path = format!("{at}{name}");
        if std::fs::metadata(&path).is_ok_and(|about| about.is_dir()) { format!("{path}/") } else { path }
    };
    found.into_iter().map(shown).collect()
}

/// `~/` stands for the home folder, as in a shell.
fn at_home(path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").zip(directories::BaseDirs::new());
    home.map_or_else(|| PathBuf::from(path), |(rest, dirs)| dirs.home_dir().join(rest))
}

async fn submit(ops: &Ops, path: &str) -> Result<Done, OpsError> {
    let came = ops.submit(&[at_home(path)]).await?;
    let taken = came.files.iter().filter(|file| file.came.is_ok()).count();
    let refused = came.files.len() - taken + came.troubles.len();
    let why = came.files.iter().find_map(|file| file.came.as_ref().err().map(|fault| Safe::line(&fault.to_string())));
    Ok(Done::Submitted(taken, refused, why.or_else(|| came.troubles.first().cloned()).unwrap_or_default()))
}

async fn page(ops: &Ops, wanted: &Wanted) -> Result<Came<Row, PostPlace>, OpsError> {
    let limit = u32::try_from(wanted.fetch.limit).unwrap_or(u32::MAX);
    let after = wanted.fetch.after.clone();
    let page = ops.posts_in_order(&wanted.filter(), wanted.statuses(), wanted.order, after, limit).await?;
    Ok(Came { rows: page.lines.iter().map(Row::from).collect(), next: page.next })
}

fn told(error: &OpsError) -> Safe {
    Safe::line(&error.to_string())
}
