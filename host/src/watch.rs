//! Watches the files that a generation is made from, and has the next one built when they change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, NoCache, new_debouncer_opt};
use tokio::sync::mpsc;

use crate::config::State;
use crate::service::Service;

/// How long files have to be quiet before they are looked at.
const QUIET: Duration = Duration::from_millis(30);

/// How long until what could not be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Why files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch files: {0}; raise fs.inotify.max_user_watches, or serve without --watch")]
pub struct WatchError(#[from] notify::Error);

/// What is watched, and which of the events there matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    /// Watched with everything below.
    roots: Vec<PathBuf>,
    /// Watched without what is below: the roots may be replaced, links may lead out of them.
    folders: Vec<PathBuf>,
    /// Folders in which every event matters, but for those of the state.
    linked: Vec<PathBuf>,
    config: Option<PathBuf>,
    state: Option<PathBuf>,
}

/// Reloads the service whenever its files change; ends with the runtime.
pub async fn watch(service: Arc<Service>) -> Result<(), WatchError> {
    let (wake, mut woken) = mpsc::channel::<()>(1);
    let places = Arc::new(Mutex::new(Places::default()));
    let concerning = Arc::clone(&places);
    let matters = move |path: &Path| {
        let places = concerning.lock().unwrap_or_else(PoisonError::into_inner);
        places.concern(path)
    };
    let mut watcher = start(matters, wake)?;
    let mut watched = BTreeMap::new();
    loop {
        let wanted = Places::of(&service);
        *places.lock().unwrap_or_else(PoisonError::into_inner) = wanted.clone();
        if wanted.apply(&mut watcher, &mut watched) {
            // What changed before the watch began was not seen.
            service.reload().await;
            continue;
        }
        let change = woken.recv();
        let change = match service.may_pass() {
            true => tokio::time::timeout(RETRY, change).await,
            false => Ok(change.await),
        };
        if matches!(change, Ok(None)) {
            return Ok(());
        }
        service.reload().await;
    }
}

/// Tells whenever something at or below these folders has changed; several changes at a time are told once.
pub fn changes(folders: &[PathBuf]) -> Result<Changes, WatchError> {
    let (wake, woken) = mpsc::channel::<()>(1);
    let mut watcher = start(|_| true, wake)?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    Ok(Changes {
        woken,
        _watcher: watcher,
    })
}

/// See [`changes`].
pub struct Changes {
    woken: mpsc::Receiver<()>,
    _watcher: Watcher,
}

impl Changes {
    /// The next one; nothing when there will be no more.
    pub async fn recv(&mut self) -> Option<()> {
        self.woken.recv().await
    }
}

type Watcher = Debouncer<RecommendedWatcher, NoCache>;

/// Wakes somebody when a path that matters has changed; several changes at a time wake once.
fn start(
    matters: impl Fn(&Path) -> bool + Send + 'static,
    wake: mpsc::Sender<()>,
) -> Result<Watcher, WatchError> {
    let on_events = move |result: DebounceEventResult| {
        let is_change = match result {
            // Where events were lost, everything has to be looked at.
            Ok(events) if events.iter().any(|event| event.need_rescan()) => true,
            Ok(events) => events
                .iter()
                .filter(|event| !matches!(event.kind, EventKind::Access(_)))
                .flat_map(|event| &event.paths)
                .any(|path| matters(path)),
            Err(_) => true,
        };
        if is_change {
            // When the channel is full, somebody is about to look anyway.
            let _ = wake.try_send(());
        }
    };
    Ok(new_debouncer_opt(
        QUIET,
        None,
        on_events,
        NoCache,
        notify::Config::default(),
    )?)
}

impl Places {
    fn of(service: &Service) -> Places {
        let config = service.config();
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let roots: Vec<PathBuf> = config
            .policies
            .iter()
            .chain(&config.data)
            .chain(&config.waivers)
            .map(|path| absolute(path))
            .collect();
        let file = service.config_file().map(|file| absolute(file));
        let parents = roots
            .iter()
            .chain(&file)
            .filter_map(|path| path.parent())
            .map(Path::to_owned)
            .collect();
        // Where links lead to. A ConfigMap's stay below the root.
        let real_roots: Vec<PathBuf> = roots
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .collect();
        let generation = service.generations.current();
        let files = generation.iter().flat_map(|generation| generation.files());
        let real = files.filter_map(|file| file.canonicalize().ok());
        let outside = real.filter(|file| !real_roots.iter().any(|root| file.starts_with(root)));
        // Certificates are often links, too, and so is what they lead to.
        let shown = service.tls.iter().flat_map(|tls| tls.files());
        let keys = config.break_glass.iter().flat_map(|glass| glass.files());
        let shown = shown.chain(keys);
        let shown = shown.flat_map(|file| file.canonicalize().into_iter().chain([absolute(file)]));
        let mut linked: Vec<PathBuf> = outside
            .chain(shown)
            .filter_map(|file| file.parent().map(Path::to_owned))
            .collect();
        linked.sort();
        linked.dedup();
        Places {
            roots,
            folders: parents,
            linked,
            config: file,
            state: match &service.started_with().state {
                State::Sqlite(file) => Some(absolute(file)),
                State::Memory => None,
            },
        }
    }

    /// Begins and ends watches until they are as wanted; answers whether any began.
    fn apply(&self, watcher: &mut Watcher, watched: &mut BTreeMap<PathBuf, (bool, u64)>) -> bool {
        let mut wanted = BTreeMap::new();
        for folder in self.folders.iter().chain(&self.linked) {
            wanted.insert(folder.clone(), false);
        }
        for root in &self.roots {
            wanted.insert(root.clone(), true);
        }
        let gone: Vec<PathBuf> = watched
            .keys()
            .filter(|path| !wanted.contains_key(*path))
            .cloned()
            .collect();
        for path in gone {
            // It may be gone from the disk, too.
            let _ = watcher.unwatch(&path);
            watched.remove(&path);
        }
        let mut began = false;
        for (path, recursive) in wanted {
            // A folder that was replaced by another of the same name has to be watched anew.
            let Some(identity) = identity(&path) else {
                continue;
            };
            if watched.get(&path) == Some(&(recursive, identity)) {
                continue;
            }
            let _ = watcher.unwatch(&path);
            let mode = if recursive {
                RecursiveMode::Recursive
            } else {
                RecursiveMode::NonRecursive
            };
            match watcher.watch(&path, mode) {
                Ok(()) => {
                    watched.insert(path, (recursive, identity));
                    began = true;
                }
                Err(error) => tracing::warn!(path = %path.display(), %error, "cannot watch"),
            }
        }
        began
    }

    /// Whether a change there may change the generation.
    fn concern(&self, path: &Path) -> bool {
        let below = |root: &PathBuf| {
            path.strip_prefix(root)
                .is_ok_and(|rest| !rest.components().any(|part| part.as_os_str() == "target"))
        };
        // A ConfigMap's file changes when `..data` beside it does.
        let beside_config = |file: &PathBuf| {
            path == file
                || path.parent() == file.parent()
                    && path.file_name().is_some_and(|name| name == "..data")
        };
        // Its journal is named as it is, and more.
        let is_state = |state: &PathBuf| {
            let (path, state) = (path.as_os_str(), state.as_os_str());
            path.as_encoded_bytes()
                .starts_with(state.as_encoded_bytes())
        };
        let is_linked = || self.linked.iter().any(|folder| path.starts_with(folder));
        self.roots.iter().any(below)
            || is_linked() && !self.state.iter().any(is_state)
            || self.config.iter().any(beside_config)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|info| info.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<u64> {
    path.exists().then_some(0)
}
