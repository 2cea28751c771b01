//! `tagdeck models ls|verify`.
//! It loads no model into ONNX Runtime: `tagdeck doctor` does.

use color_eyre::eyre::Result;
use serde_json::json;

use super::args::{Common, Models, ModelsCommand};
use super::output::{self, Exit};
use super::session;
use crate::ocr::models::{Catalogue, Entry, Model};

/// See the module.
pub fn run(common: &Common, args: &Models) -> Result<Exit> {
    let config = session::settings(common)?;
    let catalogue = Catalogue::with_folder(&config.data_dir.join("models"))?;
    match &args.what {
        ModelsCommand::Ls(how) => {
            for (_, entry) in catalogue.entries() {
                if how.json { output::json(entry)? } else { output::line(&listed(entry))? }
            }
            Ok(Exit::Done)
        }
        ModelsCommand::Verify(how) => verify(&catalogue, how.json),
    }
}

fn listed(entry: &Entry) -> String {
    let languages: Vec<&str> = entry.languages.iter().map(AsRef::as_ref).collect();
    let languages = if languages.is_empty() { String::new() } else { format!(" ({})", languages.join(" ")) };
    format!("{:<17} {:<26} {}  {:<10}  {}{languages}", entry.role, entry.file, &entry.sha256[..12], entry.licence, place(entry))
}

fn place(entry: &Entry) -> String {
    entry.path.as_ref().map_or_else(|| "inside the program".to_owned(), |path| path.display().to_string())
}

fn verify(catalogue: &Catalogue, as_json: bool) -> Result<Exit> {
    let mut damaged = 0;
    let entries: Vec<(Model, &Entry)> = catalogue.entries().collect();
    for (model, entry) in &entries {
        let verdict = catalogue.verify(*model);
        damaged += usize::from(verdict.is_err());
        let error = verdict.err().map(|error| error.to_string());
        if as_json {
            output::json(
                &json!({"role": entry.role, "file": entry.file, "sha256": entry.sha256, "ok": error.is_none(), "error": error}),
            )?;
        } else {
            let said = error.unwrap_or_else(|| format!("sha256 {} as the manifest says", entry.sha256));
            output::line(&format!("{:<17} {said}", entry.role))?;
        }
    }
    Ok(match damaged {
        0 => Exit::Done,
        n if n == entries.len() => Exit::Failed,
        _ => Exit::Partly,
    })
}
