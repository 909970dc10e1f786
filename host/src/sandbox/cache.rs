//! Compiled policies on disk, by content. A damaged entry is rebuilt; a folder that others may write is not used.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::data::hex;
use crate::guest::Info;
use crate::sandbox::{Effort, Sandbox};

/// Changes whenever the meaning of an entry does.
const FORMAT: u32 = 1;
/// Entries that nobody wanted for so long are removed when the cache is opened.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A folder of compiled components.
pub struct Cache {
    folder: PathBuf,
    /// What the compiled code depends on besides the component: wasmtime's version and the engine's settings.
    engine: String,
}

/// Why a folder is not used as a cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be made or read.
    #[error("cannot use cache folder {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Machine code that somebody else wrote would be run.
    #[error("cache folder {} {reason}: give it to the user that runs touchstone, with mode 0700", path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// What is kept beside the machine code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    /// What the module says about itself; nothing for code that is not configured yet.
    pub info: Option<Info>,
    /// The documents that `configure` read, with the hash of what they were.
    pub reads: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    entry: Entry,
}

impl Cache {
    /// Makes the folder where needed, with mode 0700, and checks that nobody else can write it.
    pub fn open(folder: &Path, engine: &Engine) -> Result<Cache, CacheError> {
        let failed = |source| CacheError::Io {
            path: folder.to_owned(),
            source,
        };
        create_private(folder).map_err(failed)?;
        if let Some(reason) = untrusted(folder).map_err(failed)? {
            return Err(CacheError::NotOurs {
                path: folder.to_owned(),
                reason,
            });
        }
        let mut hasher = Hash256(Sha256::new());
        FORMAT.hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache = Cache {
            folder: folder.to_owned(),
            engine: hex(&hasher.0.finalize()),
        };
        cache.prune();
        Ok(cache)
    }

    /// Names an entry by everything that it depends on.
    pub fn key(&self, parts: &[&[u8]]) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.engine);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex(&hash.finalize())
    }

    /// What is kept under a key. An entry that is not whole is removed.
    pub fn load(&self, key: &str, engine: &Engine) -> Option<(Component, Entry)> {
        let (code, seal) = self.paths(key);
        // It may be older than the folder's mode.
        if !(is_ours(&seal) && is_ours(&code)) {
            return None;
        }
        let sealed: Sealed = serde_json::from_slice(&fs::read(&seal).ok()?).ok()?;
        let before = identity(&code);
        let whole =
            fs::read(&code).is_ok_and(|bytes| hex(&Sha256::digest(&bytes)) == sealed.sha256);
        let component = whole
            .then(|| deserialize(engine, &code))
            .and_then(Result::ok);
        // Others may have put their own in the place meanwhile: what was looked at has to be what was loaded.
        if before.is_none() || identity(&code) != before {
            return None;
        }
        if component.is_none() {
            tracing::warn!(entry = %code.display(), "cached policy is damaged, building it again");
            let _ = fs::remove_file(&seal);
        }
        // Marks it as wanted. Only the age of unused entries depends on it.
        let _ = fs::File::open(&seal).and_then(|file| file.set_modified(SystemTime::now()));
        component.map(|component| (component, sealed.entry))
    }

    /// Keeps machine code, and loads it from there.
    pub fn store(
        &self,
        key: &str,
        code: &Code,
        entry: Entry,
        engine: &Engine,
    ) -> std::io::Result<Component> {
        let (code_path, seal_path) = self.paths(key);
        let sealed = Sealed {
            sha256: hex(&Sha256::digest(&code.0)),
            entry,
        };
        let file = self.write(&code.0)?;
        // Before it has its name, under which others may put their own.
        let component = deserialize(engine, file.path()).map_err(std::io::Error::other)?;
        file.persist(&code_path)?;
        let seal = self.write(&serde_json::to_vec(&sealed)?)?;
        seal.persist(&seal_path)?;
        Ok(component)
    }

    fn paths(&self, key: &str) -> (PathBuf, PathBuf) {
        (
            self.folder.join(format!("{key}.cwasm")),
            self.folder.join(format!("{key}.json")),
        )
    }

    /// Under another name first, so that nobody sees half a file, and code that is mapped stays as it is.
    fn write(&self, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    fn prune(&self) {
        let old = |path: &Path| {
            let modified = fs::metadata(path).and_then(|info| info.modified()).ok();
            modified
                .and_then(|time| time.elapsed().ok())
                .is_some_and(|age| age > MAX_AGE)
        };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
                && old(&path)
            {
                let _ = fs::remove_file(path.with_extension("cwasm"));
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// Whether nobody else can have written a file.
#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let us = nix::unistd::geteuid().as_raw();
    fs::symlink_metadata(path)
        .is_ok_and(|info| info.is_file() && info.uid() == us && info.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.is_file()
}

/// What tells a file from another that took its place.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let info = fs::metadata(path).ok()?;
    Some((info.ino(), info.ctime(), info.ctime_nsec()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|info| info.modified()).ok()
}

/// Loads machine code from a file.
#[expect(
    unsafe_code,
    reason = "wasmtime maps machine code as it is; see the SAFETY comment"
)]
fn deserialize(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file lies in a folder that only this user may write (checked when the cache was opened), was written
    // by this program from `precompile_component`, never in place, and its hash was compared since. wasmtime itself
    // checks that version and engine settings fit.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads machine code that was made a moment ago and kept nowhere else.
#[expect(
    unsafe_code,
    reason = "wasmtime takes machine code as it is; see the SAFETY comment"
)]
pub fn load_fresh(engine: &Engine, code: &Code) -> wasmtime::Result<Component> {
    // SAFETY: only `Code::compile` makes a `Code`, from what `precompile_component` gave.
    unsafe { Component::deserialize(engine, &code.0) }
}

/// Machine code as it left the compiler.
pub struct Code(Vec<u8>);

impl Code {
    /// Compiles a component.
    pub fn compile(sandbox: &Sandbox, component: &[u8], effort: Effort) -> wasmtime::Result<Code> {
        sandbox.compile(component, effort).map(Code)
    }
}

#[cfg(unix)]
fn create_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// Why somebody else could have written into the folder.
#[cfg(unix)]
fn untrusted(folder: &Path) -> std::io::Result<Option<&'static str>> {
    use std::os::unix::fs::MetadataExt;
    let info = fs::symlink_metadata(folder)?;
    // The owner of a file made now is this user.
    let us = tempfile::NamedTempFile::new_in(folder)?
        .as_file()
        .metadata()?
        .uid();
    Ok(match info {
        info if !info.is_dir() => Some("is a link"),
        info if info.uid() != us => Some("belongs to another user"),
        info if info.mode() & 0o022 != 0 => Some("can be written by others"),
        _ => None,
    })
}

#[cfg(not(unix))]
fn untrusted(_folder: &Path) -> std::io::Result<Option<&'static str>> {
    Ok(None)
}

/// Lets what implements [`Hash`] be hashed the same in every process.
struct Hash256(Sha256);

impl Hasher for Hash256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}
