//! Flags of the commands about posts: `stats`, `posts`, `retry`, `regenerate`, `post`.
//! It runs nothing.

use clap::Args;

use crate::domain::{Outcome, Status};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck stats\n  tagdeck stats --user 1 --json")]
pub struct Stats {
    /// Only this user's posts (users.id)
    #[arg(long, value_name = "N")]
    pub user: Option<i64>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck posts --status failed\n  tagdeck posts --channel наука --query Луна --json")]
pub struct Posts {
    /// Only posts with this status: pending, retrying, success, failed or skipped
    #[arg(long, value_name = "S")]
    pub status: Option<Status>,
    /// Only channels whose title or @name contains this
    #[arg(long, value_name = "C")]
    pub channel: Option<String>,
    /// Only posts whose text contains this
    #[arg(long, value_name = "Q")]
    pub query: Option<String>,
    /// Only this user's posts (users.id)
    #[arg(long, value_name = "N")]
    pub user: Option<i64>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: u32,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck retry                        everything that failed and has attempts left\n  \
tagdeck retry --class server_error --force --dry-run\n\nThe posts are only enqueued; an engine (`tagdeck` or `tagdeck run`) does the work.")]
pub struct Retry {
    /// Only this user's posts (users.id)
    #[arg(long, value_name = "N")]
    pub user: Option<i64>,
    /// At most this many
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Posts over the attempt limit too; sets their attempts to 0
    #[arg(long)]
    pub force: bool,
    /// Only posts whose last error has this class, such as `server_error` or `rate_limited`
    #[arg(long, value_name = "OUTCOME")]
    pub class: Option<Outcome>,
    /// Count them, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck regenerate 42                id 42, as `tagdeck posts` shows it\n  \
tagdeck regenerate 42 43 44 --model openrouter/google/gemini-2.5-flash\n  \
tagdeck posts --query Луна --json | jq .id | tagdeck regenerate -\n\n\
Each post is answered for by itself. Exit codes: 0 all are enqueued, 1 none is, 3 some are not.")]
pub struct Regenerate {
    /// posts.id, any number of them; - reads them from stdin, one a line
    #[arg(required = true, value_name = "POST_ID", value_parser = which_post)]
    pub posts: Vec<WhichPost>,
    /// Ask this model first, of the route or of any configured provider; the route follows only if it fails
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub model: Option<String>,
}

/// One of the posts that a command names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichPost {
    /// By `posts.id`.
    Id(i64),
    /// Those whose ids stand in stdin, one a line.
    Stdin,
}

fn which_post(written: &str) -> Result<WhichPost, String> {
    match written {
        "-" => Ok(WhichPost::Stdin),
        id => id.parse().map(WhichPost::Id).map_err(|_| "an id is a number, as `tagdeck posts` shows it".to_owned()),
    }
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  tagdeck post 42\n  tagdeck post 42 --answers             with what each model answered, as it came"
)]
pub struct Post {
    /// posts.id
    #[arg(value_name = "POST_ID")]
    pub id: i64,
    /// With the answers to its calls: status, headers, body
    #[arg(long)]
    pub answers: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
