//! Lists of posts by keyset, one post with its history, and counts of a filter.
//! It changes nothing. A text filter is decided here in Rust, over pages of ids: SQLite's LIKE folds only ASCII, and an index of
//! lower-cased text would double the database for one search box. A common word fills its page at once; a rare one is read for
//! as long as [`Store::posts_within`] is allowed to.

mod order;

use std::collections::{HashMap, HashSet};

use super::base::Reader;
use super::link::{Row, args};
use super::types::{PostPage, PostsInOrder};
use super::{Store, StoreError, json_ids, sql, stamp};
use crate::domain::{
    Answer, Call, CallId, ChannelId, ImageId, ModelKey, PageKey, PostDetail, PostFilter, PostId, PostImage, PostLine, PostOrder,
    PostPlace, Status, StatusCounts, UserId,
};

/// More channels than this are not walked one by one: their posts are sifted out of the whole list.
const CHANNELS_WALKED: usize = 16;
/// Ids looked through at once when posts are sifted.
const SIFTED_AT_ONCE: u32 = 4096;

impl Store {
    /// Posts that fit, last changed first, after `after`. Reads on until the page is full or the list ends.
    pub async fn posts(&self, filter: &PostFilter, after: Option<PageKey>, limit: u32) -> Result<Vec<PostLine>, StoreError> {
        Ok(self.posts_within(filter, after, limit, u32::MAX).await?.lines)
    }

    /// As [`Store::posts`], but stops after looking through about `budget` posts and says where to go on: for a search that a
    /// person waits for.
    pub async fn posts_within(
        &self,
        filter: &PostFilter,
        after: Option<PageKey>,
        limit: u32,
        budget: u32,
    ) -> Result<PostPage, StoreError> {
        let (places, next) = self.places(filter, &[], PostOrder::Newest, after.map(PostPlace::Newest), limit, budget).await?;
        let next = match next {
            Some(PostPlace::Newest(key)) => Some(key),
            _ => None,
        };
        Ok(PostPage { lines: self.lines(&places).await?, next })
    }

    /// Posts that fit and have one of these statuses, in an order of choice, after `after`. Reads on until the page is full or the
    /// list ends.
    pub async fn posts_in_order(
        &self,
        filter: &PostFilter,
        statuses: &[Status],
        order: PostOrder,
        after: Option<PostPlace>,
        limit: u32,
    ) -> Result<PostsInOrder, StoreError> {
        let (places, next) = self.places(filter, statuses, order, after, limit, u32::MAX).await?;
        Ok(PostsInOrder { lines: self.lines(&places).await?, next })
    }

    /// The posts at these places, in their order; a job may have moved since, its time stays the one of its place.
    async fn lines(&self, places: &[PostPlace]) -> Result<Vec<PostLine>, StoreError> {
        let ids = json_ids(places.iter().map(|place| place.id().0));
        let mut lines = HashMap::new();
        for row in self.base.rows(&sql::LINES, args![&ids]).await? {
            let line = line(&row)?;
            lines.insert(line.id, line);
        }
        let placed = |place: &PostPlace| {
            let line = lines.remove(&place.id())?;
            Some(match place {
                PostPlace::Newest(key) => PostLine { updated_at: key.updated_at, ..line },
                _ => line,
            })
        };
        Ok(places.iter().filter_map(placed).collect())
    }

    /// Places of the posts that fit, and where to go on. `statuses`: instead of the filter's, unless empty.
    pub(super) async fn places(
        &self,
        filter: &PostFilter,
        statuses: &[Status],
        order: PostOrder,
        after: Option<PostPlace>,
        limit: u32,
        budget: u32,
    ) -> Result<(Vec<PostPlace>, Option<PostPlace>), StoreError> {
        let mut reader = self.base.reader(&sql::PAGE).await?;
        let Some(mut sieve) = Sieve::new(filter, &mut reader).await? else { return Ok((Vec::new(), None)) };
        if !statuses.is_empty() {
            sieve.states = statuses.to_vec();
        }
        // Only these two walk along channels; in the others they are sifted by.
        if !matches!(order, PostOrder::Newest | PostOrder::Channel)
            && let Some(channels) = sieve.channels.take()
        {
            sieve.among = Some(channels.into_iter().collect());
        }
        let (mut found, mut looked, mut at) = (Vec::new(), 0_u32, after);
        let mut chunk = if sieve.sifts() { limit.clamp(64, SIFTED_AT_ONCE) } else { limit };
        if limit == 0 {
            return Ok((Vec::new(), None));
        }
        loop {
            let keys = sieve.page(&mut reader, order, at, chunk).await?;
            let full = keys.len() as u64 >= u64::from(chunk);
            let last = keys.last().cloned();
            looked = looked.saturating_add(keys.len() as u32);
            found.extend(sieve.sift(&mut reader, keys).await?);
            if found.len() >= limit as usize {
                let more = full || found.len() > limit as usize;
                found.truncate(limit as usize);
                let next = found.last().cloned().filter(|_| more);
                return Ok((found, next));
            }
            if !full {
                return Ok((found, None));
            }
            at = last;
            if looked >= budget {
                return Ok((found, at));
            }
            chunk = (chunk * 4).min(SIFTED_AT_ONCE.max(limit));
        }
    }

    /// How many posts fit. Without text, class and channel it costs nothing; a text is searched for in every post.
    pub async fn count(&self, filter: &PostFilter) -> Result<i64, StoreError> {
        if filter.query.is_none() && filter.class.is_none() && filter.channel.is_none() && filter.model.is_none() {
            let counts = self.counts(filter.user).await?;
            match filter.status {
                None => return Ok(total(&counts)),
                // A NULL status is counted apart but listed under its job's state.
                Some(status) if counts.no_status == 0 => return Ok(counts.of(status)),
                Some(_) => {}
            }
        }
        let mut reader = self.base.reader(&sql::COUNT_STATE).await?;
        let Some(sieve) = Sieve::new(filter, &mut reader).await? else { return Ok(0) };
        if !sieve.sifts() {
            return sieve.count(&mut reader).await;
        }
        drop(reader);
        let (mut count, mut at) = (0, None);
        loop {
            let (keys, next) = self.places(filter, &[], PostOrder::Newest, at, SIFTED_AT_ONCE, u32::MAX).await?;
            count += keys.len() as i64;
            at = next;
            if at.is_none() {
                return Ok(count);
            }
        }
    }

    /// One post with its calls, `None` when there is no such post.
    pub async fn post(&self, id: PostId) -> Result<Option<PostDetail>, StoreError> {
        let mut reader = self.base.reader(&sql::DETAIL).await?;
        let mut link = reader.link();
        let Some(row) = link.row(&sql::DETAIL, args![id.0]).await? else { return Ok(None) };
        let mut calls = link.rows(&sql::CALLS, args![id.0]).await?.iter().map(call).collect::<Result<Vec<_>, _>>()?;
        calls.reverse();
        let images = link.rows(&sql::IMAGES, args![id.0]).await?;
        Ok(Some(PostDetail {
            line: line(&row)?,
            user_id: row.opt_int(14)?.map(UserId),
            text: row.text(15)?,
            url: row.opt_text(16)?,
            images: images.iter().map(image).collect::<Result<_, _>>()?,
            max_attempts: row.int(17)?,
            asked_model: row.opt_text(18)?.as_deref().and_then(ModelKey::parse),
            worker: row.opt_text(19)?,
            calls,
        }))
    }

    /// A call with the answer that came; `None`: no such call.
    pub async fn answer(&self, id: CallId) -> Result<Option<Answer>, StoreError> {
        let Some(row) = self.base.row(&sql::ANSWER, args![id.0]).await? else { return Ok(None) };
        let body = row.opt_bytes(18)?;
        Ok(Some(Answer {
            call: call(&row)?,
            post: PostId(row.int(13)?),
            worker: row.text(14)?,
            elapsed_ms: row.opt_int(15)?,
            request_id: row.opt_text(16)?,
            headers: row.opt_text(17)?.as_deref().and_then(|headers| serde_json::from_str(headers).ok()).unwrap_or_default(),
            cut: body.as_ref().is_some_and(|body| body.len() >= super::calls::BODY),
            body: body.map(|body| String::from_utf8_lossy(&body).into_owned()),
        }))
    }

    /// Tags of the channel's newest thousand tagged posts, most used first.
    pub async fn channel_tags(&self, channel: ChannelId, limit: u32) -> Result<Vec<String>, StoreError> {
        let mut uses: HashMap<String, usize> = HashMap::new();
        for row in self.base.rows(&sql::VOCABULARY, args![channel.0]).await? {
            for tag in tags(row.opt_text(0)?.as_deref()) {
                *uses.entry(tag).or_default() += 1;
            }
        }
        let mut uses: Vec<_> = uses.into_iter().collect();
        uses.sort_unstable_by(|(a, times_a), (b, times_b)| times_b.cmp(times_a).then_with(|| a.cmp(b)));
        uses.truncate(limit as usize);
        Ok(uses.into_iter().map(|(tag, _)| tag).collect())
    }
}

/// A filter, its channels looked up: lists to walk by index, and what is left to look at post by post.
struct Sieve {
    states: Vec<Status>,
    user: Option<i64>,
    class: Option<String>,
    /// Channels walked one by one; `None`: all, or too many to walk.
    channels: Option<Vec<i64>>,
    /// Channels to sift by.
    among: Option<HashSet<i64>>,
    /// Lower-cased text to sift by.
    needle: Option<String>,
    /// Lower-cased part of the name of a model to sift by.
    model: Option<String>,
}

impl Sieve {
    /// `None`: nothing can fit.
    async fn new(filter: &PostFilter, reader: &mut Reader) -> Result<Option<Self>, StoreError> {
        let mut sieve = Self {
            states: filter.status.map_or_else(|| Status::ALL.to_vec(), |status| vec![status]),
            user: filter.user.map(|user| user.0),
            class: filter.class.clone(),
            channels: None,
            among: None,
            needle: filter.query.as_deref().map(str::to_lowercase).filter(|needle| !needle.is_empty()),
            model: filter.model.as_deref().map(str::to_lowercase).filter(|model| !model.is_empty()),
        };
        if let Some(name) = &filter.channel {
            let name = name.trim().trim_start_matches('@').to_lowercase();
            let mut channels = Vec::new();
            for row in reader.link().rows(&sql::CHANNELS, args![]).await? {
                if row.text(1)?.to_lowercase().contains(&name) || row.text(2)?.to_lowercase().contains(&name) {
                    channels.push(row.int(0)?);
                }
            }
            if channels.is_empty() {
                return Ok(None);
            }
            if channels.len() <= CHANNELS_WALKED {
                sieve.channels = Some(channels);
            } else {
                sieve.among = Some(channels.into_iter().collect());
            }
        }
        Ok(Some(sieve))
    }

    fn sifts(&self) -> bool {
        self.needle.is_some() || self.among.is_some() || self.model.is_some()
    }

    /// Keeps the keys whose post fits.
    async fn sift(&self, reader: &mut Reader, keys: Vec<PostPlace>) -> Result<Vec<PostPlace>, StoreError> {
        if !self.sifts() || keys.is_empty() {
            return Ok(keys);
        }
        let ids = json_ids(keys.iter().map(|key| key.id().0));
        let asked = self.asked(reader, &ids).await?;
        let mut fit = HashSet::new();
        for row in reader.link().rows(&sql::TEXTS, args![&ids]).await? {
            let channel_fits = match &self.among {
                Some(among) => row.opt_int(1)?.is_some_and(|channel| among.contains(&channel)),
                None => true,
            };
            let text_fits = match &self.needle {
                Some(needle) => row.text(2)?.to_lowercase().contains(needle.as_str()),
                None => true,
            };
            if channel_fits && text_fits {
                fit.insert(PostId(row.int(0)?));
            }
        }
        let asked = |id: &PostId| asked.as_ref().is_none_or(|posts| posts.contains(id));
        Ok(keys.into_iter().filter(|key| fit.contains(&key.id()) && asked(&key.id())).collect())
    }

    /// Those of the posts that the model sifted by was asked about; `None`: any model will do.
    async fn asked(&self, reader: &mut Reader, ids: &str) -> Result<Option<HashSet<PostId>>, StoreError> {
        let Some(model) = &self.model else { return Ok(None) };
        let mut posts = HashSet::new();
        for row in reader.link().rows(&sql::ASKED, args![ids]).await? {
            if format!("{}/{}", row.text(1)?, row.text(2)?).to_lowercase().contains(model.as_str()) {
                posts.insert(PostId(row.int(0)?));
            }
        }
        Ok(Some(posts))
    }

    async fn count(&self, reader: &mut Reader) -> Result<i64, StoreError> {
        let mut link = reader.link();
        let class = self.class.as_deref();
        let mut count = 0;
        for state in &self.states {
            let state = state.as_str();
            match (&self.channels, self.user) {
                (Some(channels), user) => {
                    for channel in channels {
                        count += link.int(&sql::COUNT_CHANNEL, args![state, class, user, *channel]).await?.unwrap_or_default();
                    }
                }
                (None, Some(user)) => count += link.int(&sql::COUNT_USER, args![state, class, user]).await?.unwrap_or_default(),
                (None, None) => count += link.int(&sql::COUNT_STATE, args![state, class]).await?.unwrap_or_default(),
            }
        }
        Ok(count)
    }
}

/// All posts, whatever their status.
pub(super) fn total(counts: &StatusCounts) -> i64 {
    Status::ALL.iter().map(|status| counts.of(*status)).sum::<i64>() + counts.no_status
}

/// The first fourteen columns of `LINES` and `DETAIL`.
fn line(row: &Row) -> Result<PostLine, StoreError> {
    let title = row.text(1)?;
    let state = row.word::<Status>(8)?;
    // What the column says where there is no job yet; a NULL column stays NULL to the eye.
    let status = row.word::<Status>(5)?.map(|column| state.unwrap_or(column));
    let (updated_at, visible_at) = (row.int(12)?, row.int(13)?);
    Ok(PostLine {
        id: PostId(row.int(0)?),
        channel: if title.is_empty() { row.text(2)? } else { title },
        message_id: row.opt_int(3)?.unwrap_or_default(),
        posted_at: row.opt_text(4)?.as_deref().and_then(stamp::read),
        status,
        tags: tags(row.opt_text(6)?.as_deref()),
        excerpt: row.text(7)?,
        attempts: row.int(9)?,
        error_class: row.opt_text(10)?,
        error: row.opt_text(11)?,
        updated_at,
        // Asked for by an operator it is due at 0, before everything that only waits its turn: since the asking, to the eye.
        next_at: state.filter(|state| !state.is_final()).map(|_| visible_at.max(updated_at)),
    })
}

fn image(row: &Row) -> Result<PostImage, StoreError> {
    Ok(PostImage {
        id: ImageId(row.int(0)?),
        path: row.text(1)?,
        status: row.word(2)?,
        error_class: row.opt_text(3)?,
        error: row.opt_text(4)?,
        text: row.opt_text(5)?,
    })
}

fn call(row: &Row) -> Result<Call, StoreError> {
    Ok(Call {
        id: CallId(row.int(0)?),
        pass: row.int(1)?,
        model: ModelKey { provider: row.text(2)?, model: row.text(3)? },
        sent_at: row.int(4)?,
        ended_at: row.opt_int(5)?,
        outcome: row.word(6)?,
        http_status: row.opt_int(7)?,
        prompt_tokens: row.opt_int(8)?,
        completion_tokens: row.opt_int(9)?,
        cost_micros: row.opt_int(10)?,
        reason: row.opt_text(11)?,
        why: row.opt_text(12)?.as_deref().and_then(|why| serde_json::from_str(why).ok()),
    })
}

/// Tags of a column that may be NULL, JSON `null`, an array with `\u` escapes, or an array written as a JSON string.
pub(super) fn tags(column: Option<&str>) -> Vec<String> {
    use serde_json::Value;
    let mut value = column.and_then(|json| serde_json::from_str(json).ok()).unwrap_or(Value::Null);
    if let Value::String(inner) = &value {
        value = serde_json::from_str(inner).unwrap_or(Value::Null);
    }
    let Value::Array(items) = value else { return Vec::new() };
    items.into_iter().filter_map(|item| if let Value::String(tag) = item { Some(tag) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::tags;

    #[test]
    fn tags_are_read_in_every_dress_of_the_bot() {
        assert_eq!(tags(Some(r#"["\u043a\u043e\u0442", "дом"]"#)), ["кот", "дом"]);
        assert_eq!(tags(Some(r#""[\"кот\"]""#)), ["кот"]);
        for none in [None, Some("null"), Some("[]"), Some("nonsense"), Some(""), Some("{}")] {
            assert!(tags(none).is_empty());
        }
    }
}
