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
pub(super) fn read(folder: &Path, named: &[PathBuf]) -> Result<Sources, String> {
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
            return Err(format!(
                "{}: only what lies beside policy.yaml is watched; name it without `..`",
                path.display()
            ));
        }
        let path: PathBuf = path
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        reading.add(&path, 0)?;
    }
    Ok(reading.sources)
}

struct Reading<'a> {
    folder: &'a Path,
    sources: Sources,
    size: u64,
}

impl Reading<'_> {
    fn add(&mut self, path: &Path, depth: usize) -> Result<(), String> {
        let broken = |error: std::io::Error| format!("{}: {error}", path.display());
        let full = self.folder.join(path);
        let metadata = std::fs::metadata(&full).map_err(broken)?;
        if metadata.is_file() {
            return self.add_file(path, &full);
        }
        if depth >= MAX_DEPTH {
            return Err(format!("{}: folders in folders in folders", path.display()));
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

    fn add_file(&mut self, path: &Path, full: &Path) -> Result<(), String> {
        let shown = path.display();
        let text = std::fs::read_to_string(full).map_err(|error| format!("{shown}: {error}"))?;
        self.size += text.len() as u64;
        if self.size > MAX_SIZE || self.sources.len() >= MAX_FILES {
            return Err(format!(
                "{shown}: more than {} MiB or {MAX_FILES} files",
                MAX_SIZE >> 20
            ));
        }
        let parts = path.iter().map(|part| part.to_string_lossy());
        let name = parts.collect::<Vec<_>>().join("/");
        self.sources.insert(name, text);
        Ok(())
    }
}
