//! One page of a folder's listing, in the order and with the folders that S3 would give.
//! It reads names and sizes only, and follows no link.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::super::{List, Object, Page, Token, key};
use super::{OURS, millis};

/// The objects and folders asked for.
pub(super) fn page(root: &Path, ask: &List) -> io::Result<Page> {
    let limit = ask.limit.clamp(1, 1000);
    let mut walk =
        Walk { ask, after: ask.after.as_ref().map(|token| token.0.as_str()), limit, page: Page::default(), last: None };
    walk.folder(root, "")?;
    Ok(walk.page)
}

struct Walk<'a> {
    ask: &'a List,
    after: Option<&'a str>,
    limit: usize,
    page: Page,
    /// The newest entry of the page.
    last: Option<String>,
}

impl Walk<'_> {
    /// True when the page is full and there is more.
    fn folder(&mut self, folder: &Path, base: &str) -> io::Result<bool> {
        for (name, is_folder) in self.names(folder, base)? {
            let path = folder.join(name.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
            let gathered = is_folder && self.ask.folders && name.len() > self.ask.prefix.len();
            if is_folder && !gathered {
                if self.folder(&path, &name)? {
                    return Ok(true);
                }
                continue;
            }
            let about = match fs::symlink_metadata(&path) {
                Ok(about) => about,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if self.page.folders.len() + self.page.objects.len() == self.limit {
                self.page.next = self.last.take().map(Token);
                return Ok(true);
            }
            self.last = Some(name.clone());
            if gathered {
                self.page.folders.push(name);
            } else {
                let modified = about.modified().ok().and_then(millis);
                self.page.objects.push(Object { key: name, size: about.len(), modified });
            }
        }
        Ok(false)
    }

    /// Keys in one folder that the page may hold, in order; those of folders end in `/`.
    fn names(&self, folder: &Path, base: &str) -> io::Result<Vec<(String, bool)>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| key::check(name).is_ok() && !(base.is_empty() && *name == OURS)) else {
                continue;
            };
            let name = if kind.is_dir() { format!("{base}{name}/") } else { format!("{base}{name}") };
            if (kind.is_dir() || kind.is_file()) && self.wanted(&name, kind.is_dir()) {
                names.push((name, kind.is_dir()));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn wanted(&self, name: &str, is_folder: bool) -> bool {
        let prefix = self.ask.prefix.as_str();
        let leads_there = is_folder && prefix.starts_with(name);
        if !leads_there && !name.starts_with(prefix) {
            return false;
        }
        let Some(after) = self.after else { return true };
        let gathered = is_folder && self.ask.folders && !leads_there;
        name > after || (is_folder && !gathered && after.starts_with(name))
    }
}
