//! Images as a person looks at them: listed by place in an index, one with its document, and made due again.
//! The ends of their readings are `ocr`'s.

use std::collections::HashMap;

use super::base::work;
use super::link::{Row, args};
use super::{Store, StoreError, json_ids, sql};
use crate::domain::{ImageFilter, ImageId, ImageKey, ImageLine, ImageReading, Millis, PostId, Reading, Status};

/// Images looked through at once when paths are searched.
const SIFTED_AT_ONCE: u32 = 4096;

impl Store {
    /// Images that fit and that somebody was asked to read, last changed first, after `after`.
    pub async fn images(&self, filter: &ImageFilter, after: Option<ImageKey>, limit: u32) -> Result<Vec<ImageLine>, StoreError> {
        let needle = filter.query.as_deref().map(str::to_lowercase).filter(|needle| !needle.is_empty());
        let chunk = if needle.is_some() { SIFTED_AT_ONCE.max(limit) } else { limit };
        let (mut found, mut at) = (Vec::new(), after);
        while found.len() < limit as usize {
            let keys = self.image_keys(filter, at, chunk).await?;
            let full = keys.len() >= chunk as usize;
            at = keys.last().copied();
            let lines = self.image_lines(&keys).await?;
            found.extend(lines.into_iter().filter(|line| match &needle {
                Some(needle) => line.path.to_lowercase().contains(needle.as_str()),
                None => true,
            }));
            if !full {
                break;
            }
        }
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn image_keys(&self, filter: &ImageFilter, after: Option<ImageKey>, limit: u32) -> Result<Vec<ImageKey>, StoreError> {
        let (updated_at, id) = after.map_or((Millis::MAX, i64::MAX), |key| (key.updated_at, key.id.0));
        let statuses = if filter.statuses.is_empty() { Status::ALL } else { &filter.statuses };
        let mut reader = self.base.reader(&sql::IMAGE_PAGE).await?;
        let mut link = reader.link();
        let mut keys = Vec::new();
        for status in statuses {
            let args = args![status.as_str(), updated_at, id, filter.class.as_deref(), i64::from(limit)];
            for row in link.rows(&sql::IMAGE_PAGE, args).await? {
                keys.push(ImageKey { updated_at: row.int(0)?, id: ImageId(row.int(1)?) });
            }
        }
        keys.sort_unstable_by_key(|key| std::cmp::Reverse((key.updated_at, key.id)));
        keys.truncate(limit as usize);
        Ok(keys)
    }

    /// In the order of the keys; an image whose job has moved since keeps the place of its key.
    async fn image_lines(&self, keys: &[ImageKey]) -> Result<Vec<ImageLine>, StoreError> {
        let ids = json_ids(keys.iter().map(|key| key.id.0));
        let mut lines = HashMap::with_capacity(keys.len());
        for row in self.base.rows(&sql::IMAGE_LINES, args![&ids]).await? {
            let line = image_line(&row)?;
            lines.insert(line.id, line);
        }
        let lines = keys.iter().filter_map(|key| lines.remove(&key.id).map(|line| (key.updated_at, line)));
        Ok(lines.map(|(updated_at, line)| ImageLine { updated_at, ..line }).collect())
    }

    /// One image with its document; `None`: no such image, or nobody was asked to read it.
    pub async fn reading(&self, id: ImageId) -> Result<Option<ImageReading>, StoreError> {
        let Some(row) = self.base.row(&sql::IMAGE_LINES, args![&json_ids([id.0])]).await? else { return Ok(None) };
        let document = self.base.row(&sql::IMAGE_DOCUMENT, args![id.0]).await?;
        let read = document.map(|row| Ok::<_, StoreError>(read_image(row.text(0)?, &row.text(1)?))).transpose()?;
        Ok(Some(ImageReading { line: image_line(&row)?, read }))
    }

    /// Makes images due again that failed, were cancelled or wait, and that nobody reads now; returns how many.
    pub async fn reread(&self, images: &[ImageId]) -> Result<u64, StoreError> {
        let ids = json_ids(images.iter().map(|image| image.0));
        self.base.write(sql::REREAD.doing, Reread { ids }).await
    }
}

struct Reread {
    ids: String,
}

work!(Reread => u64, |me, link| Ok(link.rows(&sql::REREAD, args![&me.ids]).await?.len() as u64));

fn image_line(row: &Row) -> Result<ImageLine, StoreError> {
    let status = row.word::<Status>(3)?.unwrap_or(Status::Pending);
    let (updated_at, visible_at, leased) = (row.int(8)?, row.int(9)?, row.int(10)? == 1);
    Ok(ImageLine {
        id: ImageId(row.int(0)?),
        post: row.opt_int(1)?.map(PostId),
        path: row.text(2)?,
        status,
        attempts: row.int(4)?,
        max_attempts: row.int(5)?,
        error_class: row.opt_text(6)?,
        error: row.opt_text(7)?,
        updated_at,
        // A leased job's time is the end of its lease, not of a wait.
        next_at: (!status.is_final() && !leased).then_some(visible_at.max(updated_at)),
        leased,
    })
}

/// What the JSON of a document tells about its reading; a document of another shape tells its text alone.
fn read_image(text: String, json: &str) -> Reading {
    let document: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let timings = document["timings_ms"].as_object();
    Reading {
        text,
        provider: document["engine"]["provider"].as_str().map(str::to_owned),
        timings_ms: timings
            .map(|stages| stages.iter().filter_map(|(stage, ms)| Some((stage.clone(), ms.as_f64()?))).collect())
            .unwrap_or_default(),
        warnings: document["warnings"]
            .as_array()
            .map(|all| all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect())
            .unwrap_or_default(),
    }
}
