//! Routes about posts: counts, retries, lists, one post. The first three are the tagging service's own, key for key.
//! What they do is `ops`'s.
#![allow(unused_qualifications, reason = "what `utoipa` makes of the descriptions")]

use axum::extract::State;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::reply::{Asked, Named, Problem, Reply, flag, flags, ok};
use crate::domain::{PageKey, PostDetail, PostFilter, PostId, PostLine, Stats, Status, UserId};
use crate::ops::RetryRequest;
use crate::text::counted;

/// Posts looked through for one page of a search: a rare word costs a second, and `next` goes on from there.
const BUDGET: u32 = 50_000;
/// Posts of a page: when nothing is said, and at most.
const PAGE: (u32, u32) = (50, 500);
/// Posts retried by one request: when nothing is said, and at most.
const RETRY: (u32, u32) = (50, 10_000);

/// Counts of a user's posts.
#[utoipa::path(
    get, path = "/users/{user_id}/posts/tagging_stats", tag = "tagging",
    params(("user_id" = i64, Path, description = "users.id", minimum = 1, maximum = 9_223_372_036_854_775_807_isize)),
    responses((status = 200, body = Stats), (status = 404, description = "There is no such user", body = Problem))
)]
pub async fn tagging_stats(State(desk): State<Shared>, Named(user): Named<i64>) -> Result<Reply<Stats>, Problem> {
    desk.counts.of(&desk.ops, user).await?.map(ok).ok_or_else(|| no_such_user(user))
}

fn no_such_user(user: i64) -> Problem {
    Problem::not_found("no_such_user", &format!("there is no user {user}"))
}

/// How posts are retried.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Retry {
    /// Posts over the attempt limit too; their attempts are counted from 0 again.
    #[serde(default, deserialize_with = "as_a_flag")]
    #[param(schema_with = flags)]
    force: bool,
    /// At most this many posts [default: 50].
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}

fn as_a_flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let text = String::deserialize(from)?;
    flag(&text).ok_or_else(|| D::Error::custom("it is true or false"))
}

/// What was enqueued.
#[derive(Serialize, ToSchema)]
pub struct Retried {
    user_id: i64,
    /// Always `queued`.
    #[schema(value_type = String)]
    status: &'static str,
    force_mode: bool,
    requested_limit: u32,
    /// For people; how many posts that is.
    message: String,
}

/// Tags a user's failed and retrying posts again.
#[utoipa::path(
    post, path = "/users/{user_id}/posts/retry_tagging", tag = "tagging",
    params(("user_id" = i64, Path, description = "users.id", minimum = 1, maximum = 9_223_372_036_854_775_807_isize), Retry),
    responses(
        (status = 200, body = Retried),
        (status = 404, description = "There is no such user", body = Problem),
        (status = 503, description = "Tagging is switched off", body = Problem),
    )
)]
pub async fn retry_tagging(
    State(desk): State<Shared>,
    Named(user): Named<i64>,
    Asked(asked): Asked<Retry>,
) -> Result<Reply<Retried>, Problem> {
    let limit = within(asked.limit, RETRY)?;
    desk.ops.stats(Some(UserId(user))).await?.ok_or_else(|| no_such_user(user))?;
    let filter = PostFilter { user: Some(UserId(user)), ..PostFilter::default() };
    let request = RetryRequest { filter, ids: None, force: asked.force, limit: Some(limit), dry_run: false };
    let report = desk.ops.retry(&request).await?;
    desk.counts.forget();
    Ok(ok(Retried {
        user_id: user,
        status: "queued",
        force_mode: asked.force,
        requested_limit: limit,
        message: format!("{} enqueued", counted(report.queued, "post is", "posts are")),
    }))
}

/// How a post is tagged anew.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Anew {
    /// Ask this model first, `PROVIDER/MODEL`; the route follows only if it fails.
    #[param(max_length = 300)]
    model: Option<String>,
}

/// What was enqueued.
#[derive(Serialize, ToSchema)]
pub struct Regenerated {
    post_id: i64,
    /// Always `queued`.
    #[schema(value_type = String)]
    status: &'static str,
    /// For people.
    message: String,
}

/// Tags one post anew, whatever its status.
#[utoipa::path(
    post, path = "/posts/{post_id}/regenerate_tags", tag = "tagging",
    params(("post_id" = i64, Path, description = "posts.id", minimum = 1, maximum = 9_223_372_036_854_775_807_isize), Anew),
    responses(
        (status = 200, body = Regenerated),
        (status = 404, description = "There is no such post", body = Problem),
        (status = 409, description = "The post has no text to tag", body = Problem),
        (status = 422, description = "The model that was asked for cannot be asked", body = Problem),
        (status = 503, description = "Tagging is switched off", body = Problem),
    )
)]
pub async fn regenerate_tags(
    State(desk): State<Shared>,
    Named(post): Named<i64>,
    Asked(asked): Asked<Anew>,
) -> Result<Reply<Regenerated>, Problem> {
    let model = desk.ops.regenerate(PostId(post), asked.model.as_deref()).await?;
    desk.counts.forget();
    let first = model.map(|model| format!("; {model} is asked first")).unwrap_or_default();
    Ok(ok(Regenerated { post_id: post, status: "queued", message: format!("post {post} is tagged anew{first}") }))
}

/// What a list is narrowed to.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Only posts with this status.
    status: Option<Status>,
    /// Only channels whose title or @name contains this.
    channel: Option<String>,
    /// Only posts whose last error has this class.
    class: Option<String>,
    /// Only posts whose text contains this.
    query: Option<String>,
    /// Only this user's posts.
    #[param(minimum = 1, maximum = 9_223_372_036_854_775_807_isize)]
    user: Option<i64>,
    /// Posts of a page [default: 50].
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(pattern = "^[0-9]{1,18}-[0-9]{1,18}$")]
    after: Option<String>,
}

/// A page of posts.
#[derive(Serialize, ToSchema)]
pub struct Page {
    /// Last changed first.
    posts: Vec<PostLine>,
    /// Where the list goes on, as `after` of the next request; `null`: it ends here. A page of a search may hold fewer posts than
    /// asked for and go on all the same.
    next: Option<String>,
}

/// Posts, last changed first.
#[utoipa::path(
    get, path = "/posts", operation_id = "list_posts", tag = "posts", params(Listing), responses((status = 200, body = Page))
)]
pub async fn list(State(desk): State<Shared>, Asked(asked): Asked<Listing>) -> Result<Reply<Page>, Problem> {
    let limit = within(asked.limit, PAGE)?;
    let after = asked.after.as_deref().map(page_key).transpose()?;
    if asked.user.is_some_and(|user| user < 1) {
        return Err(Problem::unreadable("`user` is the id of a user, from 1"));
    }
    let filter = PostFilter {
        user: asked.user.map(UserId),
        status: asked.status,
        channel: asked.channel,
        class: asked.class,
        query: asked.query,
        ..PostFilter::default()
    };
    let page = desk.ops.posts_within(&filter, after, limit, BUDGET).await?;
    let next = page.next.map(|key| format!("{}-{}", key.updated_at, key.id));
    Ok(ok(Page { posts: page.lines, next }))
}

fn page_key(token: &str) -> Result<PageKey, Problem> {
    let number = |text: &str| {
        let plain = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let key = token
        .split_once('-')
        .and_then(|(updated_at, id)| Some(PageKey { updated_at: number(updated_at)?, id: PostId(number(id)?) }));
    key.ok_or_else(|| Problem::unreadable("`after` is the `next` of the page before"))
}

fn within(asked: Option<u32>, (default, most): (u32, u32)) -> Result<u32, Problem> {
    match asked.unwrap_or(default) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(Problem::unreadable(&format!("`limit` is a whole number from 1 to {most}"))),
    }
}

/// One post with its images and every call that was made for it.
#[utoipa::path(
    get, path = "/posts/{post_id}", operation_id = "post", tag = "posts",
    params(("post_id" = i64, Path, description = "posts.id", minimum = 1, maximum = 9_223_372_036_854_775_807_isize)),
    responses((status = 200, body = PostDetail), (status = 404, description = "There is no such post", body = Problem))
)]
pub async fn one(State(desk): State<Shared>, Named(post): Named<i64>) -> Result<Reply<PostDetail>, Problem> {
    let found = desk.ops.post(PostId(post)).await?;
    found.map(ok).ok_or_else(|| Problem::not_found("no_such_post", &format!("there is no post {post}")))
}
