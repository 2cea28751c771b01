//! What a person decides about posts by hand: their tags, or that they are passed over. No engine touches them afterwards.
//! Trying again is `requeue`'s.

use super::base::work;
use super::jobs::{adopt_posts, tags_json};
use super::link::args;
use super::{Store, StoreError, json_ids, sql};
use crate::domain::{PostFilter, PostId, PostOrder, PostPlace};

/// Posts changed in one transaction.
const SLICE: usize = 500;

impl Store {
    /// Gives a post these tags and no others; whoever works on it loses it. `false`: there is no such post.
    pub async fn set_tags(&self, post: PostId, tags: &[String], max_attempts: u32) -> Result<bool, StoreError> {
        let work = SetTags { post: post.0, tags: tags_json(tags), max_attempts: max_attempts.into() };
        self.base.write(sql::TAGS_BY_HAND.doing, work).await
    }

    /// Passes over posts that are not tagged: those with these ids, or all that fit. Returns how many.
    pub async fn skip(&self, filter: &PostFilter, ids: Option<&[PostId]>) -> Result<u64, StoreError> {
        let mut skipped = 0;
        if let Some(ids) = ids {
            for slice in ids.chunks(SLICE) {
                skipped += self.skip_slice(slice).await?;
            }
            return Ok(skipped);
        }
        let mut at = None;
        loop {
            // What is skipped moves to the top of another list: the walk goes down from where it began.
            let (places, next) = self.places(filter, &[], PostOrder::Newest, at, SLICE as u32, u32::MAX).await?;
            skipped += self.skip_slice(&places.iter().map(PostPlace::id).collect::<Vec<_>>()).await?;
            at = next;
            if at.is_none() {
                return Ok(skipped);
            }
        }
    }

    async fn skip_slice(&self, posts: &[PostId]) -> Result<u64, StoreError> {
        self.base.write(sql::SKIP_POSTS.doing, Skip { ids: json_ids(posts.iter().map(|post| post.0)) }).await
    }
}

struct SetTags {
    post: i64,
    tags: String,
    max_attempts: i64,
}

work!(SetTags => bool, |me, link| {
    if link.run(&sql::TAGS_BY_HAND, args![me.post, &me.tags]).await? == 0 {
        return Ok(false);
    }
    adopt_posts(link, vec![me.post], me.max_attempts, 0).await?;
    link.rows(&sql::BY_HAND, args![&json_ids([me.post]), "tagged by hand", 1_i64]).await?;
    Ok(true)
});

struct Skip {
    ids: String,
}

work!(Skip => u64, |me, link| {
    let rows = link.rows(&sql::BY_HAND, args![&me.ids, "passed over by hand", 0_i64]).await?;
    let ids = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
    let skipped = ids.len() as u64;
    link.run(&sql::SKIP_POSTS, args![&json_ids(ids)]).await?;
    Ok(skipped)
});
