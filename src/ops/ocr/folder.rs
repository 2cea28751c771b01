//! A folder that takes one file per input, each written whole or not at all.
//! It knows nothing of what is in them.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Input;
use crate::text::Safe;

/// Characters of a name; file systems allow 255 bytes, and a Cyrillic letter takes two.
const MAX_NAME: usize = 100;

/// The folder of `--out`.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    ending: &'static str,
    /// Names given out, in lower case: some file systems hold `A.md` and `a.md` for one.
    taken: HashSet<String>,
}

impl Folder {
    /// Makes the folder where it is missing.
    pub fn make(path: &Path, ending: &'static str) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self { path: path.to_owned(), ending, taken: HashSet::new() })
    }

    /// The file for one input: its own name with another ending, a number behind it where two inputs are called the same.
    /// Asked in the order of the inputs, it gives the same names each time.
    pub fn file_for(&mut self, input: &Input) -> PathBuf {
        let stem = stem(input);
        let name = |number: usize| match number {
            1 => format!("{stem}.{}", self.ending),
            number => format!("{stem}-{number}.{}", self.ending),
        };
        let mut number = 1;
        while self.taken.contains(&name(number).to_lowercase()) {
            number += 1;
        }
        self.taken.insert(name(number).to_lowercase());
        self.path.join(name(number))
    }

    /// Writes a file beside its place and moves it there: nobody ever sees half of it.
    pub fn write(&self, file: &Path, content: &[u8]) -> io::Result<()> {
        // The file is to be like any other one here, not for its owner alone as temporary files are; the umask still applies.
        let mode = Permissions::from_mode(0o666);
        let mut temporary = tempfile::Builder::new().prefix(".tagdeck-").permissions(mode).tempfile_in(&self.path)?;
        temporary.write_all(content)?;
        temporary.persist(file)?;
        Ok(())
    }
}

/// A name that no shell, terminal or file system takes for something else.
fn stem(input: &Input) -> String {
    let path = match input {
        Input::File(path) => path.as_path(),
        Input::Object(name) | Input::Fetched { name, .. } if name != "-" => Path::new(name),
        Input::Object(_) | Input::Fetched { .. } | Input::Stdin => return "stdin".to_owned(),
    };
    let foreign = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String = Safe::line(&foreign)
        .chars()
        .map(|c| if c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { c })
        .take(MAX_NAME)
        .collect();
    let plain = plain.trim_start_matches(['-', '.', ' ']).trim_end_matches([' ', '.']);
    if plain.is_empty() { "image".to_owned() } else { plain.to_owned() }
}
