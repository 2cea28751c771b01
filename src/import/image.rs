//! Finds the image files an export names, and refuses every path that leads out of the export's folder.
//! It opens no image: whether the bytes are one is for OCR to say.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The folder an export lies in; its images lie in it too.
#[derive(Debug)]
pub(super) struct Folder {
    /// Canonical path; `None` when the folder cannot be resolved, so nothing in it can be trusted.
    root: Option<PathBuf>,
}

impl Folder {
    /// The folder of `file`.
    pub(super) fn of(file: &Path) -> Self {
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { root: fs::canonicalize(parent).ok() }
    }

    /// The canonical path of an image named in the export, or the reason why it is not taken.
    pub(super) fn find(&self, name: &str) -> Result<String, &'static str> {
        let relative = inside(name)?;
        let mut path = self.root.clone().ok_or("the export's folder cannot be resolved")?;
        for part in relative {
            path.push(part);
            // Each step is looked at by itself: a link anywhere on the way could lead out of the folder.
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => return Err("symbolic link"),
                Ok(_) => {}
                Err(_) => return Err("file missing"),
            }
        }
        if !path.is_file() {
            return Err("not a regular file");
        }
        path.into_os_string().into_string().map_err(|_| "path is not UTF-8")
    }
}

/// The parts of a relative path that stays where it is, by the rules of Unix and of Windows alike: exports travel.
fn inside(name: &str) -> Result<Vec<&str>, &'static str> {
    if name.contains('\0') {
        return Err("path holds a NUL byte");
    }
    if name.contains("://") {
        return Err("an address, not a file");
    }
    let drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    if drive || name.starts_with(['/', '\\']) || Path::new(name).is_absolute() {
        return Err("absolute path");
    }
    if name.split(['/', '\\']).any(|part| part == "..") {
        return Err("path climbs out of the export's folder");
    }
    let parts: Vec<&str> = Path::new(name)
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => part.to_str(),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
        })
        .collect();
    if parts.is_empty() { Err("not a regular file") } else { Ok(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_beside_the_export_are_found_by_their_canonical_path() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("photos")).unwrap();
        let odd = "имя с пробелом и «кавычками» 🖼️\u{1b}[2J.jpg";
        fs::write(dir.path().join("photos").join(odd), b"x").unwrap();
        let folder = Folder::of(&dir.path().join("result.json"));
        let found = folder.find(&format!("photos/./{odd}")).unwrap();
        assert_eq!(Path::new(&found), fs::canonicalize(dir.path()).unwrap().join("photos").join(odd));
        assert_eq!(folder.find("photos/other.jpg"), Err("file missing"));
        assert_eq!(folder.find("photos"), Err("not a regular file"));
        assert_eq!(folder.find(""), Err("not a regular file"));
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("secret.png"), b"x").unwrap();
        let inner = dir.path().join("export");
        fs::create_dir(&inner).unwrap();
        let folder = Folder::of(&inner.join("result.json"));
        let absolute = dir.path().join("secret.png").to_str().unwrap().to_owned();
        assert_eq!(folder.find(&absolute), Err("absolute path"));
        for name in ["../secret.png", "photos/../../secret.png", "..\\secret.png", "photos\\..\\..\\secret.png", ".."] {
            assert_eq!(folder.find(name), Err("path climbs out of the export's folder"), "{name}");
        }
        for name in ["/etc/passwd", "\\\\host\\share\\a.png", "C:\\a.png", "c:/a.png"] {
            assert_eq!(folder.find(name), Err("absolute path"), "{name}");
        }
        assert_eq!(folder.find("a\0b.png"), Err("path holds a NUL byte"));
        assert_eq!(folder.find("https://x.org/a.png"), Err("an address, not a file"));
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_refused_wherever_they_stand() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("export");
        fs::create_dir(&inner).unwrap();
        fs::create_dir(dir.path().join("elsewhere")).unwrap();
        fs::write(dir.path().join("elsewhere/a.png"), b"x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), inner.join("photos")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere/a.png"), inner.join("a.png")).unwrap();
        let folder = Folder::of(&inner.join("result.json"));
        assert_eq!(folder.find("photos/a.png"), Err("symbolic link"));
        assert_eq!(folder.find("a.png"), Err("symbolic link"));
    }
}
