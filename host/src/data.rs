//! The documents that policies may read: folders of JSON and YAML, mounted as OPA mounts them.
//!
//! A file's content is merged at the path of the folder that holds it, counted from the root: `data/clair/x.json`
//! with `{"layers": …}` is found at `clair/layers`. Names that start with a dot are left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::document::unescape;

/// Deeper folders are a mistake or a loop of links.
const MAX_FOLDERS: usize = 32;

/// All documents of one generation.
#[derive(Debug, Default)]
pub struct Data {
    root: Value,
    digest: String,
    files: Vec<Source>,
}

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    path: PathBuf,
    len: u64,
    modified: Option<SystemTime>,
    /// What else the system tells: a file may be replaced by one of the same size and age.
    identity: (u64, i64, i64),
}

/// Why the data folders could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not JSON.
    #[error("{} is not JSON: {source}", path.display())]
    Json {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Not YAML.
    #[error("{}: {reason}", path.display())]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A document that is not an object has no keys to be found under.
    #[error("{} holds {found} where an object is needed: put it under a key", path.display())]
    NotAnObject {
        /// Which file.
        path: PathBuf,
        /// What it holds.
        found: &'static str,
    },
    /// Two files give the same key.
    #[error("{} and {} both define {key:?}: remove one", first.display(), second.display())]
    Conflict {
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The path of the key.
        key: String,
    },
    /// Folders nested too deeply.
    #[error("{} is nested deeper than {MAX_FOLDERS} folders: is it a loop of links?", .0.display())]
    TooDeep(PathBuf),
}

impl Data {
    /// Reads every document below the roots. With `previous`, returns nothing when no file has changed since.
    pub fn load(roots: &[PathBuf], previous: Option<&Data>) -> Result<Option<Data>, DataError> {
        let mut found = Vec::new();
        for root in roots {
            collect(root, &mut Vec::new(), &mut found)?;
        }
        let files: Vec<Source> = found.iter().map(|(_, source)| source.clone()).collect();
        if previous.is_some_and(|previous| previous.files == files) {
            return Ok(None);
        }
        let mut merged = Merged::default();
        let mut hash = Sha256::new();
        for (mount, source) in found {
            let bytes = read(&source.path)?;
            for part in [mount.join("/").as_bytes(), &bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            merged.add(&mount, parse(&source.path, &bytes)?, &source.path)?;
        }
        Ok(Some(Data {
            root: Value::Object(merged.root),
            digest: hex(&hash.finalize()),
            files,
        }))
    }

    /// From one value; for tests and tools.
    pub fn from_value(root: Value) -> Data {
        let digest = hex(&Sha256::digest(root.to_string()));
        Data {
            root,
            digest,
            files: Vec::new(),
        }
    }

    /// The value at a path (an RFC 6901 pointer without its leading slash) as JSON text.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut value = &self.root;
        for segment in path.split('/').map(unescape) {
            value = match value {
                Value::Object(object) => object.get(segment.as_ref())?,
                Value::Array(array) => array.get(segment.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value.to_string())
    }

    /// Names the content: equal digests, equal documents.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The files that were read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|source| source.path.as_path())
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The documents below a folder with their mount points, in the order of their names.
fn collect(
    folder: &Path,
    mount: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, Source)>,
) -> Result<(), DataError> {
    let failed = |source| DataError::Read {
        path: folder.to_owned(),
        source,
    };
    if mount.len() > MAX_FOLDERS {
        return Err(DataError::TooDeep(folder.to_owned()));
    }
    let mut entries = fs::read_dir(folder)
        .map_err(failed)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Follows links: a ConfigMap's files are links into `..data`.
        let path = entry.path();
        let info = fs::metadata(&path).map_err(|source| DataError::Read {
            path: path.clone(),
            source,
        })?;
        if info.is_dir() {
            mount.push(name);
            collect(&path, mount, found)?;
            mount.pop();
        } else if is_document(&path) {
            found.push((
                mount.clone(),
                Source {
                    path,
                    len: info.len(),
                    modified: info.modified().ok(),
                    identity: identity(&info),
                },
            ));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn identity(info: &fs::Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (info.ino(), info.ctime(), info.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_info: &fs::Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}

fn is_document(path: &Path) -> bool {
    matches!(
        path.extension().and_then(|extension| extension.to_str()),
        Some("json" | "yaml" | "yml")
    )
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>, DataError> {
    let value = if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        serde_json::from_slice(bytes).map_err(|source| DataError::Json {
            path: path.to_owned(),
            source,
        })?
    } else {
        serde_saphyr::from_slice(bytes).map_err(|source| DataError::Yaml {
            path: path.to_owned(),
            reason: source.without_snippet().to_string(),
        })?
    };
    let found = match value {
        Value::Object(object) => return Ok(object),
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "nothing",
    };
    Err(DataError::NotAnObject {
        path: path.to_owned(),
        found,
    })
}

/// The tree under construction, and who gave each leaf.
#[derive(Default)]
struct Merged {
    root: Map<String, Value>,
    added: Vec<(Vec<String>, PathBuf)>,
}

impl Merged {
    fn add(
        &mut self,
        mount: &[String],
        content: Map<String, Value>,
        path: &Path,
    ) -> Result<(), DataError> {
        let mut target = &mut self.root;
        for (depth, name) in mount.iter().enumerate() {
            target = match target
                .entry(name.clone())
                .or_insert_with(|| Value::Object(Map::new()))
            {
                Value::Object(object) => object,
                _ => return Err(self.conflict(mount.get(..=depth).unwrap_or(mount), path)),
            };
        }
        if let Err(place) = merge(target, content, mount.to_vec()) {
            return Err(self.conflict(&place, path));
        }
        self.added.push((mount.to_vec(), path.to_owned()));
        Ok(())
    }

    /// The earlier file is the last one whose mount leads to the place.
    fn conflict(&self, place: &[String], second: &Path) -> DataError {
        let first = self
            .added
            .iter()
            .rfind(|(mount, _)| place.starts_with(mount));
        DataError::Conflict {
            first: first.map(|(_, path)| path.clone()).unwrap_or_default(),
            second: second.to_owned(),
            key: place.join("/"),
        }
    }
}

/// Merges objects into one another; answers the place where both have something else.
fn merge(
    target: &mut Map<String, Value>,
    content: Map<String, Value>,
    place: Vec<String>,
) -> Result<(), Vec<String>> {
    for (key, value) in content {
        let mut here = place.clone();
        here.push(key.clone());
        match (target.get_mut(&key), value) {
            (None, value) => {
                target.insert(key, value);
            }
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new, here)?,
            (Some(_), _) => return Err(here),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn load(folder: &tempfile::TempDir) -> Result<Data, DataError> {
        Data::load(&[folder.path().to_owned()], None).map(Option::unwrap)
    }

    #[test]
    fn a_file_is_mounted_at_its_folder() {
        let folder = folder(&[
            ("clair/one.json", r#"{"layers":{"sha256:a":{"n":1}}}"#),
            ("clair/two.yaml", "layers:\n  sha256:b: {n: 2}\n"),
            ("top.json", r#"{"a/b":[true,{"c":"d"}]}"#),
            ("notes.txt", "not a document"),
            (".hidden/x.json", "{"),
        ]);
        let data = load(&folder).unwrap();
        for (path, expected) in [
            ("clair/layers/sha256:a/n", Some("1")),
            ("clair/layers/sha256:b", Some(r#"{"n":2}"#)),
            ("a~1b/1/c", Some(r#""d""#)),
            ("a~1b/2", None),
            ("clair/nothing", None),
            ("", None),
            ("../clair", None),
        ] {
            assert_eq!(data.get(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_key_given_twice_names_both_files() {
        let folder = folder(&[
            ("a/one.json", r#"{"k":{"x":1}}"#),
            ("a/two.json", r#"{"k":{"x":2}}"#),
        ]);
        let error = load(&folder).unwrap_err().to_string();
        assert!(
            error.contains("one.json") && error.contains("two.json") && error.contains("\"a/k/x\""),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for (content, expected) in [("[1]", "an array"), ("3", "a number"), ("{", "not JSON")] {
            let error = load(&folder(&[("x.json", content)]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn unchanged_files_are_not_read_again() {
        let folder = folder(&[("x.json", r#"{"a":1}"#)]);
        let roots = [folder.path().to_owned()];
        let first = Data::load(&roots, None).unwrap().unwrap();
        assert!(Data::load(&roots, Some(&first)).unwrap().is_none());
        fs::write(folder.path().join("x.json"), r#"{"a":22}"#).unwrap();
        let second = Data::load(&roots, Some(&first)).unwrap().unwrap();
        assert_ne!(first.digest(), second.digest());
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_and_loops_end() {
        let folder = folder(&[("..2026/x.json", r#"{"a":1}"#)]);
        std::os::unix::fs::symlink("..2026", folder.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/x.json", folder.path().join("x.json")).unwrap();
        assert_eq!(load(&folder).unwrap().get("a").as_deref(), Some("1"));
        std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
        assert!(load(&folder).is_err());
    }
}
