//! Posts written by an importer: new ones with their jobs, edited ones tagged anew, the others left alone.
//! It reads no file; a slice is one transaction, and doing it again changes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::base::work;
use super::jobs::adopt_posts;
use super::link::{Link, args, storable};
use super::news::Topic;
use super::{Store, StoreError, json_ids, millis, sql, stamp};
use crate::domain::{Imported, NewPost, UserId};

impl Store {
    /// Writes a slice of posts (some 500) for a user, who is made if missing. A post is known by channel and message id. Posts with
    /// images wait at most `wait_for_ocr` for their text. Answers in the order of `posts`.
    pub async fn import(
        &self,
        user: UserId,
        posts: &[NewPost],
        wait_for_ocr: Duration,
        max_attempts: u32,
    ) -> Result<Vec<Imported>, StoreError> {
        if posts.is_empty() {
            return Ok(Vec::new());
        }
        let posts = posts.to_vec();
        let slice = Slice { user: user.0, posts, wait: millis(wait_for_ocr), max_attempts: max_attempts.into() };
        let imported = self.base.write(sql::ADD_POSTS.doing, slice).await?;
        if imported.iter().any(|one| *one != Imported::Unchanged) {
            self.base.news.tell(Topic::Work).await;
        }
        Ok(imported)
    }
}

struct Slice {
    user: i64,
    posts: Vec<NewPost>,
    wait: i64,
    max_attempts: i64,
}

work!(Slice => Vec<Imported>, |me, link| {
    link.rows(&sql::IMPORT_LOCK, args![]).await?;
    if link.row(&sql::USER, args![me.user]).await?.is_none() {
        link.run(&sql::ADD_USER, args![me.user]).await.map_err(|error| match error {
            StoreError::Query { cause, .. } => StoreError::NoUser { user: me.user, cause },
            other => other,
        })?;
    }
    let mut channels: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (at, post) in me.posts.iter().enumerate() {
        channels.entry(post.channel_telegram_id).or_default().push(at);
    }
    let mut imported = vec![Imported::Unchanged; me.posts.len()];
    for places in channels.values() {
        import_channel(me, link, places, &mut imported).await?;
    }
    Ok(imported)
});

/// What is known of one message while a slice is compared: a row of the table, or a row about to be added.
enum Known {
    Row { id: i64, text: String },
    Added { at: usize },
}

async fn import_channel(me: &Slice, link: &mut Link<'_>, places: &[usize], imported: &mut [Imported]) -> Result<(), StoreError> {
    let channel = channel_id(me, link, &me.posts[places[0]]).await?;
    let mut known = known(link, channel, places.iter().map(|at| me.posts[*at].message_id)).await?;
    let with_images = places.iter().filter(|at| !me.posts[**at].images.is_empty());
    let mut images = known_images(link, &known, with_images.map(|at| me.posts[*at].message_id)).await?;

    let mut added: Vec<(&NewPost, String)> = Vec::new();
    let mut edits: BTreeMap<i64, String> = BTreeMap::new();
    let mut new_images: Vec<(i64, String)> = Vec::new();
    for at in places {
        let post = &me.posts[*at];
        let text = storable(&post.text).into_owned();
        imported[*at] = match known.get_mut(&post.message_id) {
            None => {
                known.insert(post.message_id, Known::Added { at: added.len() });
                added.push((post, text));
                new_images.extend(post.images.iter().map(|path| (post.message_id, path.clone())));
                Imported::New
            }
            Some(before) => {
                let old = match before {
                    Known::Row { text, .. } => text,
                    Known::Added { at } => &mut added[*at].1,
                };
                let mut changed = *old != text;
                if changed {
                    old.clone_from(&text);
                }
                if let (true, Known::Row { id, .. }) = (changed, &*before) {
                    edits.insert(*id, text);
                }
                for path in &post.images {
                    if images.entry(post.message_id).or_default().insert(path.clone()) {
                        new_images.push((post.message_id, path.clone()));
                        changed = true;
                    }
                }
                if changed { Imported::Updated } else { Imported::Unchanged }
            }
        };
        images.entry(post.message_id).or_default().extend(post.images.iter().cloned());
    }

    let mut ids: HashMap<i64, i64> = known
        .iter()
        .filter_map(|(message, known)| match known {
            Known::Row { id, .. } => Some((*message, *id)),
            Known::Added { .. } => None,
        })
        .collect();
    let fresh = add_posts(me, link, channel, &added).await?;
    ids.extend(&fresh);
    add_images(me, link, &ids, &new_images).await?;
    if !fresh.is_empty() {
        adopt_posts(link, fresh.into_values().collect(), me.max_attempts, me.wait).await?;
    }
    for (id, text) in &edits {
        link.run(&sql::EDIT_TEXT, args![*id, text]).await?;
        link.run(&sql::EDIT_POST, args![*id]).await?;
    }
    if !edits.is_empty() {
        link.run(&sql::RESTART_JOBS, args![&json_ids(edits.into_keys()), me.wait, me.max_attempts]).await?;
    }
    Ok(())
}

async fn channel_id(me: &Slice, link: &mut Link<'_>, post: &NewPost) -> Result<i64, StoreError> {
    let id = match link.int(&sql::CHANNEL, args![post.channel_telegram_id]).await? {
        Some(id) => id,
        None => link
            .int(&sql::ADD_CHANNEL, args![post.channel_username.as_deref(), post.channel_telegram_id, &post.channel_title])
            .await?
            .ok_or_else(|| StoreError::shape(sql::ADD_CHANNEL.doing, "no id came back"))?,
    };
    link.run(&sql::JOIN_CHANNEL, args![me.user, id]).await?;
    Ok(id)
}

/// The channel's posts with these message ids; where the bot has one twice, the older.
async fn known(
    link: &mut Link<'_>,
    channel: i64,
    messages: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Known>, StoreError> {
    let mut known = HashMap::new();
    for row in link.rows(&sql::KNOWN, args![channel, &json_ids(messages)]).await? {
        known.insert(row.int(1)?, Known::Row { id: row.int(0)?, text: row.text(2)? });
    }
    Ok(known)
}

/// Paths of the images of known posts, by message id.
async fn known_images(
    link: &mut Link<'_>,
    known: &HashMap<i64, Known>,
    messages: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, HashSet<String>>, StoreError> {
    let by_post: HashMap<i64, i64> = messages
        .filter_map(|message| match known.get(&message) {
            Some(Known::Row { id, .. }) => Some((*id, message)),
            Some(Known::Added { .. }) | None => None,
        })
        .collect();
    let mut images: HashMap<i64, HashSet<String>> = HashMap::new();
    if by_post.is_empty() {
        return Ok(images);
    }
    for row in link.rows(&sql::KNOWN_IMAGES, args![&json_ids(by_post.keys().copied())]).await? {
        if let Some(message) = by_post.get(&row.int(0)?) {
            images.entry(*message).or_default().insert(row.text(1)?);
        }
    }
    Ok(images)
}

/// Adds posts in one statement; returns their ids by message id.
async fn add_posts(
    me: &Slice,
    link: &mut Link<'_>,
    channel: i64,
    added: &[(&NewPost, String)],
) -> Result<HashMap<i64, i64>, StoreError> {
    let mut ids = HashMap::new();
    if added.is_empty() {
        return Ok(ids);
    }
    let rows: Vec<_> = added
        .iter()
        .map(|(post, text)| {
            let url = post.url.as_deref().map(storable);
            serde_json::json!([post.message_id, text, url, post.posted_at.and_then(stamp::written)])
        })
        .collect();
    let rows = serde_json::Value::from(rows).to_string();
    for row in link.rows(&sql::ADD_POSTS, args![&rows, me.user, channel]).await? {
        ids.insert(row.int(1)?, row.int(0)?);
    }
    Ok(ids)
}

async fn add_images(
    me: &Slice,
    link: &mut Link<'_>,
    ids: &HashMap<i64, i64>,
    images: &[(i64, String)],
) -> Result<(), StoreError> {
    let rows: Vec<_> =
        images.iter().filter_map(|(message, path)| ids.get(message).map(|id| serde_json::json!([id, storable(path)]))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::Value::from(rows).to_string();
    let rows = link.rows(&sql::ADD_IMAGES, args![&rows]).await?;
    let images = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
    link.run(&sql::ADD_OCR_JOBS, args![&json_ids(images), me.max_attempts]).await?;
    Ok(())
}
