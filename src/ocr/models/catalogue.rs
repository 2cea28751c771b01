//! The list of models in force: the embedded manifest, and over it one in the data folder; a model's bytes only with the right hash.
//! It does not judge what a model says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Model;
use crate::ocr::OcrError;
use crate::text::{Safe, hex};

const EMBEDDED: &str = include_str!("../../../assets/models/manifest.toml");
/// Name of the manifest in a folder of models.
const MANIFEST: &str = "manifest.toml";

/// The models in force, one for each role.
#[derive(Clone, Debug)]
pub struct Catalogue {
    entries: BTreeMap<Model, Entry>,
}

/// One model as its manifest tells it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// What it does; one entry a role.
    pub role: &'static str,
    /// File name.
    pub file: Safe,
    /// Lower-case hex, of the file.
    pub sha256: Safe,
    /// SPDX name.
    pub licence: Safe,
    /// Who made it.
    pub source: Safe,
    /// What its input must look like.
    pub input: Safe,
    /// ISO 639 codes; empty for models that read no text.
    pub languages: Vec<Safe>,
    /// `None`: part of the program; else the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    #[serde(skip)]
    charset: Option<PathBuf>,
}

/// A model's bytes, hash checked.
pub(in crate::ocr) struct ModelBytes {
    pub(in crate::ocr) bytes: Cow<'static, [u8]>,
    /// One character a line; empty for models that read no text.
    pub(in crate::ocr) charset: Cow<'static, str>,
    /// True when it is no part of the program.
    pub(in crate::ocr) is_foreign: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileManifest {
    #[serde(default)]
    model: Vec<FileEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    role: String,
    file: String,
    sha256: String,
    charset: Option<String>,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    input: String,
    #[serde(default)]
    languages: Vec<String>,
}

impl Catalogue {
    /// The models that are part of the program.
    pub fn embedded() -> Result<Self, OcrError> {
        let found = entries(EMBEDDED, None).map_err(|why| engine(&format!("the manifest inside the program is wrong: {why}")))?;
        Ok(Self { entries: found })
    }

    /// The same, with those of `folder` over them; a folder without a manifest changes nothing.
    pub fn with_folder(folder: &Path) -> Result<Self, OcrError> {
        let mut catalogue = Self::embedded()?;
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(catalogue),
            Err(error) => return Err(engine(&format!("cannot read {}: {error}", path.display()))),
        };
        let further = entries(&text, Some(folder)).map_err(|why| engine(&format!("{} is wrong: {why}", path.display())))?;
        catalogue.entries.extend(further);
        Ok(catalogue)
    }

    /// One a role, in the order of [`Model`].
    pub fn entries(&self) -> impl Iterator<Item = (Model, &Entry)> {
        self.entries.iter().map(|(model, entry)| (*model, entry))
    }

    /// File name → SHA-256, for the label of a document.
    pub fn hashes(&self) -> BTreeMap<String, String> {
        self.entries.values().map(|entry| (entry.file.to_string(), entry.sha256.to_string())).collect()
    }

    /// Reads a model and compares its hash with the manifest's.
    pub fn verify(&self, model: Model) -> Result<(), OcrError> {
        self.load(model).map(drop)
    }

    pub(in crate::ocr) fn load(&self, model: Model) -> Result<ModelBytes, OcrError> {
        let Some(entry) = self.entries.get(&model) else {
            return Err(engine(&format!("no manifest names a model for {}", model.role())));
        };
        let unreadable = |path: &Path, error: std::io::Error| engine(&format!("cannot read {}: {error}", path.display()));
        let bytes: Cow<'static, [u8]> = match &entry.path {
            None => super::bytes(model).into(),
            Some(path) => fs::read(path).map_err(|error| unreadable(path, error))?.into(),
        };
        let found = hex(&Sha256::digest(&bytes));
        if found != *entry.sha256 {
            let place = entry.path.as_ref().map_or_else(|| "inside the program".to_owned(), |path| path.display().to_string());
            let remedy =
                if entry.path.is_some() { "fetch the file again, or correct its manifest" } else { "install the program again" };
            return Err(engine(&format!(
                "the model {} ({place}) is damaged: its SHA-256 is {found}, the manifest says {}; {remedy}",
                entry.file, entry.sha256
            )));
        }
        let charset = match &entry.charset {
            Some(path) => fs::read_to_string(path).map_err(|error| unreadable(path, error))?.into(),
            None => super::charset(model).into(),
        };
        Ok(ModelBytes { bytes, charset, is_foreign: entry.path.is_some() })
    }
}

/// `folder`: where the files are; `None` for the embedded manifest.
fn entries(manifest: &str, folder: Option<&Path>) -> Result<BTreeMap<Model, Entry>, String> {
    let manifest: FileManifest = toml::from_str(manifest).map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    for raw in manifest.model {
        let Some(model) = Model::ALL.into_iter().find(|model| model.role() == raw.role) else {
            return Err(format!("`{}` is no role; there are {}", raw.role, Model::ALL.map(Model::role).join(", ")));
        };
        if raw.sha256.len() != 64 || !raw.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!("sha256 of {} must be 64 lower-case hexadecimal digits, as sha256sum prints them", raw.file));
        }
        let entry = Entry {
            role: model.role(),
            file: Safe::line(&raw.file),
            sha256: Safe::line(&raw.sha256),
            licence: Safe::line(&raw.licence),
            source: Safe::line(&raw.source),
            input: Safe::line(&raw.input),
            languages: raw.languages.iter().map(|language| Safe::line(language)).collect(),
            path: folder.map(|folder| folder.join(&raw.file)),
            charset: folder.and_then(|folder| raw.charset.as_ref().map(|name| folder.join(name))),
        };
        if found.insert(model, entry).is_some() {
            return Err(format!("two models for the role {}", model.role()));
        }
    }
    Ok(found)
}

fn engine(why: &str) -> OcrError {
    OcrError::Engine(Safe::line(why).clipped(600))
}

#[cfg(test)]
mod tests;
