//! Where every reader puts what it found: counts it, resolves its images, and hands posts on in slices of bounded size.
//! It knows no file format and no database.

use std::ops::ControlFlow;

use jiff::tz::TimeZone;

use super::date::When;
use super::fault::Fault;
use super::image::Folder;
use super::summary::{EMPTY, FileSummary};
use crate::domain::NewPost;

/// Posts in a slice; the store writes one in one transaction.
pub(super) const SLICE_POSTS: usize = 500;
/// Text in a slice, bytes: long posts make short slices, so memory does not depend on what the posts look like.
const SLICE_BYTES: usize = 4 << 20;
/// Bytes of the file after which progress is told even when no slice is full.
const TELL_EVERY: u64 = 4 << 20;

/// Posts to be written, and how far the reading has come.
#[derive(Debug)]
pub struct Slice {
    /// At most 500 posts; may be empty when only progress is told.
    pub posts: Vec<NewPost>,
    /// Bytes of this file read so far.
    pub bytes_done: u64,
    /// Records of this file read so far.
    pub read: u64,
}

/// Takes a slice; `Break` when no more is wanted.
pub type OnSlice<'a> = dyn FnMut(Slice) -> ControlFlow<()> + 'a;

/// A post as a reader found it, its images still as named in the file.
#[derive(Debug)]
pub(super) struct Found {
    /// The post; its `images` are names relative to the export's folder.
    pub(super) post: NewPost,
    /// Its date, if any, before it goes into the post.
    pub(super) when: When,
    /// Whether it had been edited.
    pub(super) edited: bool,
    /// Records it was made of: more than one for an album.
    pub(super) records: u64,
}

/// The state of reading one file.
pub(super) struct Intake<'a> {
    /// What was found so far.
    pub(super) file: FileSummary,
    /// The zone of dates that name none.
    pub(super) zone: TimeZone,
    folder: Folder,
    slice: Vec<NewPost>,
    slice_bytes: usize,
    told: u64,
    on_slice: &'a mut OnSlice<'a>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(file: FileSummary, folder: Folder, zone: TimeZone, on_slice: &'a mut OnSlice<'a>) -> Self {
        Self { file, zone, folder, slice: Vec::new(), slice_bytes: 0, told: 0, on_slice }
    }

    /// Notes how far the reading has come; tells progress now and then.
    pub(super) fn advance(&mut self, bytes_done: u64) -> Result<(), Fault> {
        self.file.bytes = bytes_done;
        if bytes_done.saturating_sub(self.told) >= TELL_EVERY { self.hand_on() } else { Ok(()) }
    }

    /// Takes a post, or counts why it is none.
    pub(super) fn take(&mut self, found: Found) -> Result<(), Fault> {
        let Found { mut post, when, edited, records } = found;
        let named = std::mem::take(&mut post.images);
        for name in named {
            match self.folder.find(&name) {
                Ok(path) if post.images.contains(&path) => {}
                Ok(path) => post.images.push(path),
                Err(reason) => self.file.counts.images_refused.add(reason, 1),
            }
        }
        let counts = &mut self.file.counts;
        if post.text.trim().is_empty() && post.images.is_empty() {
            counts.skipped.add(EMPTY, records);
            return Ok(());
        }
        match when {
            When::Local(_) => counts.local_dates += 1,
            When::Unreadable => counts.unreadable_dates += 1,
            When::At(_) | When::Missing => {}
        }
        counts.posts += 1;
        counts.merged += records.saturating_sub(1);
        counts.edited += u64::from(edited);
        counts.images += post.images.len() as u64;
        post.posted_at = when.millis();
        // PostgreSQL stores no NUL in a text; both databases are to hold the same.
        for text in
            [&mut post.text, &mut post.channel_title].into_iter().chain(post.channel_username.as_mut()).chain(post.url.as_mut())
        {
            if text.contains('\0') {
                *text = text.replace('\0', "\u{fffd}");
            }
        }
        self.slice_bytes += post.text.len();
        self.slice.push(post);
        if self.slice.len() >= SLICE_POSTS || self.slice_bytes >= SLICE_BYTES { self.hand_on() } else { Ok(()) }
    }

    /// Hands on what is left; call it at the end, whatever that end was.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        self.hand_on()
    }

    fn hand_on(&mut self) -> Result<(), Fault> {
        self.told = self.file.bytes;
        self.slice_bytes = 0;
        let posts = std::mem::take(&mut self.slice);
        let slice = Slice { posts, bytes_done: self.file.bytes, read: self.file.counts.read };
        match (self.on_slice)(slice) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Fault::Stopped),
        }
    }
}
