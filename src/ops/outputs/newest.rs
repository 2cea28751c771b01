//! The newest first in a store that lists by name: days walked backwards below the folder whose names hold them.
//! It keeps no state; where a walk stands travels with the page.

use super::{Entry, Listed, OURS, Outputs, OutputsError, PAGE};
use crate::blob::{self, List, Page};

/// Objects after which a page of several small days is full enough.
const ENOUGH: usize = 100;

/// Pages of folder names read before a walk begins: objects may lie between them.
const FOLDER_PAGES: usize = 10;

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After(Place);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Of a listing by name.
    Name(blob::Token),
    /// Of a walk: what is still to be visited, the next one last.
    Walk(Vec<Step>),
}

/// One thing to be visited.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A folder of folders: years, months or days.
    Folder(String),
    /// Everything that begins so, a page at a time.
    All(String, Option<blob::Token>),
    /// What lies in a folder beside its folders, a page at a time.
    Loose(String, Option<blob::Token>),
}

impl After {
    pub(super) fn token(token: blob::Token) -> Self {
        Self(Place::Name(token))
    }

    /// A place like no other of this number.
    #[cfg(test)]
    pub fn for_test(number: usize) -> Self {
        Self(Place::Walk(vec![Step::Folder(number.to_string())]))
    }

    pub(super) fn into_token(self) -> Option<blob::Token> {
        match self.0 {
            Place::Name(token) => Some(token),
            Place::Walk(_) => None,
        }
    }
}

impl Outputs {
    pub(super) async fn newest(&self, prefix: &str, after: Option<After>, limit: usize) -> Result<Listed, OutputsError> {
        let mut open = match after.map(|after| after.0) {
            Some(Place::Walk(open)) => open,
            Some(Place::Name(_)) | None => vec![first(prefix)],
        };
        let mut listed = Listed::default();
        while let Some(step) = open.pop() {
            match step {
                Step::Folder(prefix) => self.enter(&prefix, &mut open).await?,
                Step::All(prefix, token) => {
                    let page = self.page(&prefix, false, token, limit).await?;
                    open.extend(page.next.clone().map(|next| Step::All(prefix, Some(next))));
                    take(page, &mut listed);
                }
                Step::Loose(prefix, token) => {
                    let page = self.page(&prefix, true, token, limit).await?;
                    open.extend(page.next.clone().map(|next| Step::Loose(prefix, Some(next))));
                    take(page, &mut listed);
                }
            }
            if listed.entries.len() >= ENOUGH.min(limit) {
                break;
            }
        }
        listed.next = (!open.is_empty()).then_some(After(Place::Walk(open)));
        Ok(listed)
    }

    /// Puts what lies in a folder of folders on the stack, the newest on top.
    async fn enter(&self, prefix: &str, open: &mut Vec<Step>) -> Result<(), OutputsError> {
        let (mut folders, mut loose, mut token) = (Vec::new(), false, None);
        for _ in 0..FOLDER_PAGES {
            let page = self.page(prefix, true, token, PAGE).await?;
            loose |= !page.objects.is_empty();
            folders.extend(page.folders);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        if loose || token.is_some() {
            open.push(Step::Loose(prefix.to_owned(), None));
        }
        // Folders that are no numbers come after those that are; numbers of one length sort as text does.
        folders.sort_by_key(|folder| (is_number(last(folder)), folder.clone()));
        open.extend(
            folders.into_iter().map(|folder| if is_number(last(&folder)) { first(&folder) } else { Step::All(folder, None) }),
        );
        Ok(())
    }

    async fn page(&self, prefix: &str, folders: bool, after: Option<blob::Token>, limit: usize) -> Result<Page, OutputsError> {
        Ok(self.blobs.list(&List { prefix: prefix.to_owned(), folders, after, limit }).await?)
    }
}

/// How a prefix is visited: as folders of time while it is not yet a day, else as it is.
fn first(prefix: &str) -> Step {
    if prefix.is_empty() || OURS == format!("{prefix}/") {
        return Step::Folder(OURS.to_owned());
    }
    match prefix.strip_prefix(OURS) {
        Some(rest) if rest.is_empty() || rest.ends_with('/') => {
            let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
            let dated = parts.len() < 3 && parts.iter().all(|part| is_number(part));
            if dated { Step::Folder(prefix.to_owned()) } else { Step::All(prefix.to_owned(), None) }
        }
        _ => Step::All(prefix.to_owned(), None),
    }
}

fn last(folder: &str) -> &str {
    folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Adds the objects of a page, its newest first.
fn take(page: Page, listed: &mut Listed) {
    listed.looked += page.objects.len();
    let mut objects = page.objects;
    objects.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.key.cmp(&b.key)));
    listed.entries.extend(objects.into_iter().map(|object| Entry::Object(object.into())));
}
