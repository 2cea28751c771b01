//! The chain of directories of a TIFF file, and a view of the file as the decoder can read it.
//! It decodes no pixels.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Tags that are looked at here.
pub(super) mod tag {
    pub const SUBFILE: u16 = 254;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const HEIGHT: u16 = 257;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const COLOR_MAP: u16 = 320;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const EXTRA_SAMPLES: u16 = 338;
}

/// Values of one tag that are read at most: strips of a page with one strip a row.
const MAX_VALUES: u64 = 1 << 20;

/// The words of a file: byte order and width of its offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    little: bool,
    big: bool,
}

impl Words {
    /// From the file's first bytes; `None`: no TIFF.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let little = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let words = Self { little, big: false };
        match words.number(bytes, 2, 2)? {
            42 => Some(words),
            43 => Some(Self { big: true, ..words }),
            _ => None,
        }
    }

    fn number(self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(size)?)?;
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.little { field.iter().rev().fold(0, fold) } else { field.iter().fold(0, fold) })
    }

    fn field(self, number: u64, size: usize) -> Vec<u8> {
        if self.little { number.to_le_bytes()[..size].to_vec() } else { number.to_be_bytes()[8 - size..].to_vec() }
    }

    const fn offset_size(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// Where the file says its first directory lies.
    const fn first_at(self) -> usize {
        if self.big { 8 } else { 4 }
    }
}

/// One directory: one page.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    offset: u64,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u16,
    /// Bytes of one value.
    size: usize,
    count: u64,
    /// Where the values lie.
    at: usize,
}

/// All directories in the order of the file, at most so many. What the chain names and the file does not hold ends it.
pub(super) fn chain(bytes: &[u8], words: Words, most: usize) -> Vec<Directory> {
    let mut found: Vec<Directory> = Vec::new();
    let mut next = words.number(bytes, words.first_at(), words.offset_size());
    while let Some(offset) = next.filter(|&offset| offset != 0) {
        // A chain that leads back to itself would never end.
        if found.len() == most || found.iter().any(|directory| directory.offset == offset) {
            break;
        }
        let Some((directory, after)) = read(bytes, words, offset) else { break };
        found.push(directory);
        next = after;
    }
    found
}

fn read(bytes: &[u8], words: Words, offset: u64) -> Option<(Directory, Option<u64>)> {
    let at = usize::try_from(offset).ok()?;
    let (count_size, entry_size) = if words.big { (8, 20) } else { (2, 12) };
    let count = usize::try_from(words.number(bytes, at, count_size)?).ok()?;
    let first = at.checked_add(count_size)?;
    let after = first.checked_add(count.checked_mul(entry_size)?)?;
    if after > bytes.len() {
        return None;
    }
    let entries = (0..count).filter_map(|index| entry(bytes, words, first + index * entry_size)).collect();
    Some((Directory { offset, entries }, words.number(bytes, after, words.offset_size())))
}

fn entry(bytes: &[u8], words: Words, at: usize) -> Option<Entry> {
    let tag = u16::try_from(words.number(bytes, at, 2)?).ok()?;
    let size = match words.number(bytes, at + 2, 2)? {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        _ => 8,
    };
    let (count_size, slot_size) = if words.big { (8, 8) } else { (4, 4) };
    let count = words.number(bytes, at + 4, count_size)?;
    let slot = at + 4 + count_size;
    let fits = count.checked_mul(size as u64)? <= slot_size as u64;
    let at = if fits { slot } else { usize::try_from(words.number(bytes, slot, slot_size)?).ok()? };
    Some(Entry { tag, size, count, at })
}

impl Directory {
    fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// The first value of a tag.
    pub(super) fn value(&self, bytes: &[u8], words: Words, tag: u16) -> Option<u64> {
        let entry = self.entry(tag)?;
        words.number(bytes, entry.at, entry.size)
    }

    /// All values of a tag; empty when it is missing or damaged.
    pub(super) fn values(&self, bytes: &[u8], words: Words, tag: u16) -> Vec<u64> {
        let Some(entry) = self.entry(tag).filter(|entry| entry.count <= MAX_VALUES) else { return Vec::new() };
        let all = (0..entry.count as usize).map(|index| words.number(bytes, entry.at + index * entry.size, entry.size));
        all.collect::<Option<Vec<_>>>().unwrap_or_default()
    }

    /// True for thumbnails, layers of a pyramid and masks, which repeat a page.
    pub(super) fn is_page(&self, bytes: &[u8], words: Words) -> bool {
        self.value(bytes, words, tag::SUBFILE).unwrap_or(0) & 0b101 == 0
    }
}

/// The file with some fields written over and some stretches mirrored bit by bit, without a copy of it.
#[derive(Clone, Debug)]
pub(super) struct Mended<'a> {
    bytes: &'a [u8],
    at: u64,
    patches: Vec<(usize, Vec<u8>)>,
    mirrored: Vec<Range<usize>>,
}

impl<'a> Mended<'a> {
    /// The file as if `directory` were its first one, which is how one page is opened whatever the pages before it are like.
    pub(super) fn page(bytes: &'a [u8], words: Words, directory: &Directory) -> Self {
        let first = (words.first_at(), words.field(directory.offset, words.offset_size()));
        Self { bytes, at: 0, patches: vec![first], mirrored: Vec::new() }
    }

    /// Writes over the first value of a tag.
    pub(super) fn set(&mut self, directory: &Directory, words: Words, tag: u16, value: u64) {
        if let Some(entry) = directory.entry(tag) {
            self.patches.push((entry.at, words.field(value, entry.size)));
        }
    }

    /// Mirrors the bits of each byte of all strips and tiles.
    pub(super) fn mirror(&mut self, directory: &Directory, words: Words) {
        for (offsets, sizes) in [(tag::STRIP_OFFSETS, tag::STRIP_BYTES), (tag::TILE_OFFSETS, tag::TILE_BYTES)] {
            let offsets = directory.values(self.bytes, words, offsets);
            let sizes = directory.values(self.bytes, words, sizes);
            for (offset, size) in offsets.into_iter().zip(sizes) {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                self.mirrored.push(start..start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)));
            }
        }
    }
}

/// The part of `stretch` that lies in `window`, counted from the window's start.
fn inside(window: &Range<usize>, stretch: &Range<usize>) -> Range<usize> {
    let start = stretch.start.clamp(window.start, window.end);
    let end = stretch.end.clamp(start, window.end);
    start - window.start..end - window.start
}

impl Read for Mended<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(self.at).unwrap_or(usize::MAX).min(self.bytes.len());
        let count = into.len().min(self.bytes.len() - start);
        let window = start..start + count;
        into[..count].copy_from_slice(&self.bytes[window.clone()]);
        for stretch in &self.mirrored {
            for byte in &mut into[inside(&window, stretch)] {
                *byte = byte.reverse_bits();
            }
        }
        for (at, patch) in &self.patches {
            let part = inside(&window, &(*at..at + patch.len()));
            if !part.is_empty() {
                let from = window.start + part.start - at;
                let until = from + part.len();
                into[part].copy_from_slice(&patch[from..until]);
            }
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Mended<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (self.bytes.len() as u64).checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the start of the file"))?;
        Ok(self.at)
    }
}
