//! `tagdeck ocr --store`: which inputs were read before, and what is kept and stored of the others.
//! What it prints stands on stderr, and in the lines of `--format json`; how things are kept is `ops`'s.

use std::path::{Path, PathBuf};

use color_eyre::eyre::Result;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::engine::reader::render;
use crate::ocr::Document;
use crate::ops;
use crate::ops::ocr::{Input, Keeping, Kept};
use crate::store::{NewDocument, Store};
use crate::text::{Safe, json_line};

/// See the module.
pub(super) struct Storing {
    keeping: Keeping,
    tasks: Handle,
    /// Of each input; `None`: it cannot be had, which is told when it is its turn to be read.
    hashes: Vec<Option<String>>,
    /// Inputs whose content was read before, or is read for an input before them.
    known: Vec<bool>,
}

/// What became of one document.
pub(super) struct Told {
    /// A sentence about it, without the input's name.
    pub words: Safe,
    /// For a line of JSON.
    pub json: Value,
    /// It is in the blob store.
    pub stored: bool,
}

impl Storing {
    /// Looks every input's content up.
    pub(super) async fn open(store: Store, config: &Config, inputs: &[Input]) -> Result<Self> {
        let keeping = Keeping::open(store, config).await?;
        let mut storing = Self { keeping, tasks: Handle::current(), hashes: Vec::new(), known: Vec::new() };
        for input in inputs {
            let hash = match file(input) {
                Some(path) => tokio::task::spawn_blocking(move || ops::hash(&path).ok()).await?,
                None => None,
            };
            let known = match &hash {
                Some(sha256) => storing.hashes.contains(&hash) || storing.keeping.known(sha256).await?.is_some(),
                None => false,
            };
            storing.hashes.push(hash);
            storing.known.push(known);
        }
        Ok(storing)
    }

    /// True when this input is not to be read: its content was before, or is for another input.
    pub(super) fn is_known(&self, at: usize) -> bool {
        self.known.get(at).copied().unwrap_or_default()
    }

    /// What was read in this input before; `None` where the reading of the same content has just failed.
    pub(super) fn known(&self, at: usize) -> Result<Option<NewDocument>> {
        let Some(Some(sha256)) = self.hashes.get(at) else { return Ok(None) };
        Ok(self.tasks.block_on(self.keeping.known(sha256))?)
    }

    /// A document as it is kept.
    pub(super) fn rendered(&self, at: usize, document: &Document) -> Option<NewDocument> {
        let sha256 = self.hashes.get(at)?.clone()?;
        let readout = render(document);
        Some(NewDocument { sha256, text: readout.text, markdown: readout.markdown, json: readout.json })
    }

    /// Keeps and stores it.
    pub(super) fn keep(&mut self, input: &Input, document: &NewDocument) -> Result<Told> {
        let kept = self.tasks.block_on(self.keeping.keep(&path(input), document))?;
        let place = self.keeping.place();
        Ok(match kept {
            Kept::Stored { key, already } => {
                let how = if already { "already stored" } else { "stored" };
                Told {
                    words: Safe::line(&format!("{how} as {key}.md and .json in {place}")),
                    json: json!({ "key": key, "place": place, "already": already }),
                    stored: true,
                }
            }
            Kept::Waiting { key, why } => Told {
                words: Safe::line(&format!("kept, but not stored yet: {why}")),
                json: json!({ "key": key, "place": place, "waiting": why }),
                stored: false,
            },
        })
    }
}

/// A document that was read before as a line of JSON, under the name of this input.
pub(super) fn json_of(document: &NewDocument, input: &Input) -> Result<String> {
    let mut value: Value = serde_json::from_str(&document.json)?;
    if let Some(source) = value.get_mut("source") {
        *source = json!(Safe::line(&input.source()));
    }
    Ok(json_line(&value)?)
}

/// A line of JSON with what became of the document.
pub(super) fn with_stored(line: &str, told: &Told) -> Result<String> {
    let stored = json_line(&told.json)?;
    Ok(match line.trim_end().strip_suffix('}') {
        Some(open) => format!("{open},\"stored\":{stored}}}\n"),
        None => line.to_owned(),
    })
}

/// The file that holds an input.
fn file(input: &Input) -> Option<PathBuf> {
    match input {
        Input::File(path) => Some(path.clone()),
        Input::Fetched { file, .. } => file.as_ref().ok().cloned(),
        Input::Stdin | Input::Object(_) => None,
    }
}

/// What the database calls an input: a file by its whole path, for an engine may run in another folder.
fn path(input: &Input) -> String {
    match input {
        Input::File(path) => std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned(),
        Input::Fetched { name, .. } | Input::Object(name) if name != "-" => name.clone(),
        Input::Fetched { .. } | Input::Object(_) | Input::Stdin => "stdin".to_owned(),
    }
}

/// Stdin as a file, for its content is looked at twice.
pub(super) fn laid_down(inputs: Vec<Input>, folder: &Path) -> std::io::Result<Vec<Input>> {
    let lay = |input| match input {
        Input::Stdin => {
            let to = folder.join("stdin");
            std::io::copy(&mut std::io::stdin().lock(), &mut std::fs::File::create(&to)?)?;
            Ok(Input::Fetched { name: "-".to_owned(), file: Ok(to) })
        }
        other => Ok(other),
    };
    inputs.into_iter().map(lay).collect()
}
