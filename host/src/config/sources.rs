//! The texts that a policy in another language is written in: files beside its policy.yaml, which the module gets with its
//! settings.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// All texts of a policy together, in bytes.
const MAX_SIZE: u64 = 4 << 20;
/// Files of a policy.
const MAX_FILES: usize = 1000;
/// How deep below the named folders files are looked for.
const MAX_DEPTH: usize = 16;

/// Texts by their paths below the policy's folder, with `/` between the parts.
pub(super) type Sources = BTreeMap<String, String>;

/// Reads files, and folders with all that is in them but for hidden files.
pub(super) fn read(folder: &Path, named: &[PathBuf]) -> Result<Sources, Wrong> {
    let mut reading = Reading {
        folder,
        sources: Sources::new(),
        size: 0,
    };
    for path in named {
        let is_below = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_below {
            return Err(Wrong::Named(format!(
                "{}: only what lies beside policy.yaml is watched; name it without `..`",
                path.display()
            )));
        }
        let path: PathBuf = path
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        reading.add(&path, 0)?;
    }
    Ok(reading.sources)
}

/// Why there are no texts.
pub(super) enum Wrong {
    /// This cannot be read.
    Read(PathBuf, std::io::Error),
    /// What is named cannot be meant.
    Named(String),
}

struct Reading<'a> {
    folder: &'a Path,
    sources: Sources,
    size: u64,
}

impl Reading<'_> {
    fn add(&mut self, path: &Path, depth: usize) -> Result<(), Wrong> {
        let broken = |error| Wrong::Read(path.to_owned(), error);
        let full = self.folder.join(path);
        let metadata = std::fs::metadata(&full).map_err(broken)?;
        if metadata.is_file() {
            return self.add_file(path, &full);
        }
        if depth >= MAX_DEPTH {
            let text = format!("{}: folders in folders in folders", path.display());
            return Err(Wrong::Named(text));
        }
        for entry in std::fs::read_dir(&full).map_err(broken)? {
            let name = entry.map_err(broken)?.file_name();
            // Hidden: editors' and Kubernetes' own.
            if !name.to_string_lossy().starts_with('.') {
                self.add(&path.join(name), depth + 1)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, full: &Path) -> Result<(), Wrong> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(full).map_err(|error| Wrong::Read(path.to_owned(), error))?;
        self.size += text.len() as u64;
        if self.size > MAX_SIZE || self.sources.len() >= MAX_FILES {
            return Err(Wrong::Named(format!(
                "{shown}: more than {} MiB or {MAX_FILES} files",
                MAX_SIZE >> 20
            )));
        }
        let parts = path.iter().map(|part| part.to_string_lossy());
        let name = parts.collect::<Vec<_>>().join("/");
        self.sources.insert(name, text);
        Ok(())
    }
}
