//! Pages of a list of posts in each of its orders, each walked along an index of its own.
//! What fits a filter beyond its status, class and user is sifted by its caller.

use super::super::link::{Link, Row, args};
use super::super::{StoreError, json_texts, sql};
use super::Sieve;
use crate::domain::{ChannelId, Millis, PageKey, PostId, PostOrder, PostPlace, Status};
use crate::store::base::Reader;

impl Sieve {
    /// The next `limit` places of this order, the lists of all statuses merged.
    pub(super) async fn page(
        &self,
        reader: &mut Reader,
        order: PostOrder,
        after: Option<PostPlace>,
        limit: u32,
    ) -> Result<Vec<PostPlace>, StoreError> {
        let mut places = match order {
            PostOrder::Newest => self.newest(reader, after, limit).await?.into_iter().map(PostPlace::Newest).collect(),
            PostOrder::Channel => self.by_channel(reader, after, limit as usize).await?,
            PostOrder::Passes => self.by_passes(reader, after, limit).await?,
            PostOrder::Class => self.by_class(reader, after, limit).await?,
            PostOrder::Id => self.by_id(reader, after, limit).await?,
        };
        places.truncate(limit as usize);
        Ok(places)
    }

    /// The next `limit` keys: the top of each list, merged.
    async fn newest(&self, reader: &mut Reader, after: Option<PostPlace>, limit: u32) -> Result<Vec<PageKey>, StoreError> {
        let (updated_at, id) = match after {
            Some(PostPlace::Newest(key)) => (key.updated_at, key.id.0),
            _ => (Millis::MAX, i64::MAX),
        };
        let (class, limit) = (self.class.as_deref(), i64::from(limit));
        let mut link = reader.link();
        let mut keys = Vec::new();
        if self.states.len() == Status::ALL.len() && self.channels.is_none() && self.user.is_none() {
            for row in link.rows(&sql::PAGE_ALL, args![updated_at, id, class, limit]).await? {
                keys.push(key(&row)?);
            }
            return Ok(keys);
        }
        for state in &self.states {
            let state = state.as_str();
            let mut rows = Vec::new();
            match (&self.channels, self.user) {
                (Some(channels), user) => {
                    for channel in channels {
                        rows.extend(
                            link.rows(&sql::PAGE_CHANNEL, args![state, updated_at, id, class, limit, user, *channel]).await?,
                        );
                    }
                }
                (None, Some(user)) => rows = link.rows(&sql::PAGE_USER, args![state, updated_at, id, class, limit, user]).await?,
                (None, None) => rows = link.rows(&sql::PAGE, args![state, updated_at, id, class, limit]).await?,
            }
            for row in rows {
                keys.push(key(&row)?);
            }
        }
        keys.sort_unstable_by_key(|key| std::cmp::Reverse((key.updated_at, key.id)));
        keys.truncate(limit as usize);
        Ok(keys)
    }

    async fn by_passes(&self, reader: &mut Reader, after: Option<PostPlace>, limit: u32) -> Result<Vec<PostPlace>, StoreError> {
        let (passes, id) = match after {
            Some(PostPlace::Passes(passes, id)) => (passes, id.0),
            _ => (i64::MAX, i64::MAX),
        };
        let (mut link, mut found) = (reader.link(), Vec::new());
        for state in &self.states {
            let args = args![state.as_str(), passes, id, self.class.as_deref(), self.user, i64::from(limit)];
            for row in link.rows(&sql::BY_PASSES, args).await? {
                found.push((row.int(0)?, row.int(1)?));
            }
        }
        found.sort_unstable_by_key(|key| std::cmp::Reverse(*key));
        Ok(found.into_iter().map(|(passes, id)| PostPlace::Passes(passes, PostId(id))).collect())
    }

    /// Posts without a class come last.
    async fn by_class(&self, reader: &mut Reader, after: Option<PostPlace>, limit: u32) -> Result<Vec<PostPlace>, StoreError> {
        let (class, id) = match after {
            Some(PostPlace::Class(class, id)) => (class, id.0),
            _ => (Some(String::new()), i64::MIN),
        };
        let (mut link, mut found) = (reader.link(), Vec::new());
        if let Some(class) = &class {
            for state in &self.states {
                let args = args![state.as_str(), class, id, self.class.as_deref(), self.user, i64::from(limit)];
                for row in link.rows(&sql::BY_CLASS, args).await? {
                    found.push((row.text(0)?, row.int(1)?));
                }
            }
            found.sort_unstable();
        }
        let mut places: Vec<_> = found.into_iter().map(|(class, id)| PostPlace::Class(Some(class), PostId(id))).collect();
        if places.len() < limit as usize && self.class.is_none() {
            let from = if class.is_none() { id } else { i64::MIN };
            let mut ids = Vec::new();
            for state in &self.states {
                let rows = link.rows(&sql::WITHOUT_CLASS, args![state.as_str(), from, self.user, i64::from(limit)]).await?;
                ids.extend(rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?);
            }
            ids.sort_unstable();
            places.extend(ids.into_iter().map(|id| PostPlace::Class(None, PostId(id))));
        }
        Ok(places)
    }

    async fn by_id(&self, reader: &mut Reader, after: Option<PostPlace>, limit: u32) -> Result<Vec<PostPlace>, StoreError> {
        let id = after.map_or(i64::MIN, |place| place.id().0);
        let (mut link, mut ids) = (reader.link(), Vec::new());
        for state in &self.states {
            let args = args![state.as_str(), id, self.class.as_deref(), self.user, i64::from(limit)];
            ids.extend(link.rows(&sql::BY_ID, args).await?.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?);
        }
        ids.sort_unstable();
        Ok(ids.into_iter().map(|id| PostPlace::Id(PostId(id))).collect())
    }

    /// One channel's list after the other, by title, until the page is full; posts of no channel come last.
    async fn by_channel(
        &self,
        reader: &mut Reader,
        after: Option<PostPlace>,
        limit: usize,
    ) -> Result<Vec<PostPlace>, StoreError> {
        let (at, mut key) = match after {
            Some(PostPlace::Channel(channel, key)) => (Some(channel), Some(key)),
            _ => (None, None),
        };
        let mut link = reader.link();
        let walked = self.titled(&mut link, at.flatten()).await?;
        let begin = at.map_or(0, |at| walked.iter().position(|channel| *channel == at).unwrap_or(walked.len()));
        let mut places = Vec::new();
        for channel in &walked[begin..] {
            let rest = (limit - places.len()) as i64;
            let keys = self.of_channel(&mut link, *channel, key.take(), rest).await?;
            places.extend(keys.into_iter().map(|key| PostPlace::Channel(*channel, key)));
            if places.len() >= limit {
                break;
            }
        }
        Ok(places)
    }

    /// Channels that hold posts of these statuses, and the one the last page ended in, by title.
    async fn titled(&self, link: &mut Link<'_>, at: Option<ChannelId>) -> Result<Vec<Option<ChannelId>>, StoreError> {
        let states = json_texts(self.states.iter().map(|state| state.as_str()));
        let mut titled = Vec::new();
        for row in link.rows(&sql::CHANNELS_WITH, args![&states, at.map(|channel| channel.0)]).await? {
            let (id, title) = (row.int(0)?, row.text(1)?);
            let title = if title.is_empty() { row.text(2)? } else { title };
            let fits = match (&self.channels, &self.among) {
                (Some(channels), _) => channels.contains(&id),
                (None, Some(among)) => among.contains(&id),
                (None, None) => true,
            };
            if fits {
                titled.push((title.to_lowercase(), id));
            }
        }
        titled.sort_unstable();
        let any = self.channels.is_none() && self.among.is_none();
        let named = titled.into_iter().map(|(_, id)| Some(ChannelId(id)));
        Ok(named.chain(any.then_some(None)).collect())
    }

    async fn of_channel(
        &self,
        link: &mut Link<'_>,
        channel: Option<ChannelId>,
        after: Option<PageKey>,
        limit: i64,
    ) -> Result<Vec<PageKey>, StoreError> {
        let (updated_at, id) = after.map_or((Millis::MAX, i64::MAX), |key| (key.updated_at, key.id.0));
        let (class, user) = (self.class.as_deref(), self.user);
        let mut keys: Vec<PageKey> = Vec::new();
        for state in &self.states {
            let state = state.as_str();
            let rows = match channel {
                Some(channel) => {
                    link.rows(&sql::PAGE_CHANNEL, args![state, updated_at, id, class, limit, user, channel.0]).await?
                }
                None => link.rows(&sql::PAGE_NO_CHANNEL, args![state, updated_at, id, class, limit, user]).await?,
            };
            keys.extend(rows.iter().map(key).collect::<Result<Vec<_>, _>>()?);
        }
        keys.sort_unstable_by_key(|key| std::cmp::Reverse((key.updated_at, key.id)));
        keys.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(keys)
    }
}

fn key(row: &Row) -> Result<PageKey, StoreError> {
    Ok(PageKey { updated_at: row.int(0)?, id: PostId(row.int(1)?) })
}
