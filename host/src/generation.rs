//! Generations: the set of all policies and data that is active at one moment. The next one is built whole, off the
//! request path, and swapped in at once; a policy that fails to build keeps its last good version.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::config::{ConfigError, HostConfig, POLICY_FILE, PolicyConfig};
use crate::data::{Data, hex};
use crate::model::{Event, Mode, Verdict};
use crate::policy::{LoadError, Policy, identity};
use crate::sandbox::Sandbox;
use crate::sandbox::module::{Module, Stamp};
use crate::waiver::{self, Checked, Waivers};

/// How deep below a root policies are looked for.
const MAX_DEPTH: usize = 4;

/// All policies and data of one moment. Immutable.
pub struct Generation {
    id: String,
    built: Timestamp,
    members: Vec<Member>,
    data: Arc<Data>,
    data_error: Option<String>,
    waivers: Arc<Waivers>,
    waivers_digest: String,
    waivers_error: Option<String>,
    files: Vec<PathBuf>,
    may_pass: bool,
}

/// One policy's place in a generation.
#[derive(Clone)]
pub struct Member {
    /// Its name; its folder's, when policy.yaml could not be read.
    pub name: String,
    /// Where it comes from.
    pub folder: PathBuf,
    /// What it is now.
    pub state: State,
}

/// Whether a policy works.
#[derive(Clone)]
pub enum State {
    /// As its files say.
    Ready(Arc<Policy>),
    /// Its files are broken now; the last good version serves.
    Stale(Arc<Policy>, String),
    /// It never was good. Every event that it would judge is indeterminate.
    Failed(Failed),
}

/// A policy that never was good.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Why, in full.
    pub error: String,
    /// What policy.yaml says; a stand-in that judges every event, when it could not be read.
    pub config: Box<PolicyConfig>,
}

impl State {
    /// As it is written in answers.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Ready(_) => "ready",
            State::Stale(..) => "stale",
            State::Failed(_) => "failed",
        }
    }

    /// What is wrong.
    pub fn error(&self) -> Option<&str> {
        match self {
            State::Ready(_) => None,
            State::Stale(_, error) => Some(error),
            State::Failed(failed) => Some(&failed.error),
        }
    }
}

impl Member {
    /// The policy that serves.
    pub fn policy(&self) -> Option<&Arc<Policy>> {
        match &self.state {
            State::Ready(policy) | State::Stale(policy, _) => Some(policy),
            State::Failed(_) => None,
        }
    }

    /// What it was told by policy.yaml.
    fn config(&self) -> &PolicyConfig {
        match &self.state {
            State::Ready(policy) | State::Stale(policy, _) => policy.config(),
            State::Failed(failed) => &failed.config,
        }
    }

    /// Whether its verdict counts.
    pub fn mode(&self) -> Mode {
        self.config().mode
    }

    /// What it counts as when it cannot decide.
    pub fn on_error(&self) -> Verdict {
        self.config().on_error
    }

    /// Whether OPA's data API asks it.
    pub fn answers_opa(&self) -> bool {
        self.config().opa
    }

    fn covers(&self, event: &Event) -> bool {
        self.config().matches.covers(event)
    }

    fn order(&self) -> i32 {
        self.config().order
    }

    /// What the generation's name is made from.
    fn identity(&self) -> String {
        let serving = self.policy().map_or("", |policy| policy.identity());
        format!("{} {} {serving}\n", self.name, self.state.as_str())
    }
}

impl Generation {
    /// Builds the generation that the files make now. What has not changed since `previous` is taken over.
    pub async fn build(
        sandbox: &Arc<Sandbox>,
        config: &HostConfig,
        previous: Option<&Generation>,
    ) -> Generation {
        let (found, mut errors) = find_policies(&config.policies);
        let mut folders = Vec::new();
        for folder in found {
            match config.check_writers_of(&folder) {
                Ok(()) => folders.push(folder),
                Err(error) => errors.push((folder, error.into())),
            }
        }
        let (data, data_error, data_may_pass) = load_data(config, &folders, previous);
        let waivers = LoadedWaivers::load(config, previous);
        let before: Arc<[Member]> = previous.map_or_else(Default::default, |previous| {
            previous.members.as_slice().into()
        });
        let jobs = folders.into_iter().map(|folder| {
            let job = Arc::new(Job {
                sandbox: Arc::clone(sandbox),
                data: Arc::clone(&data),
                data_error: data_error.clone(),
                before: Arc::clone(&before),
                folder,
            });
            // Compiling takes a thread for long, so not one of those that answer requests.
            let (runtime, loading) = (tokio::runtime::Handle::current(), Arc::clone(&job));
            (
                job,
                tokio::task::spawn_blocking(move || runtime.block_on(loading.load())),
            )
        });
        let jobs: Vec<_> = jobs.collect();
        let mut may_pass = data_may_pass || errors.iter().any(|(_, error)| is_passing(error));
        let mut loaded = Vec::new();
        for (job, loading) in jobs {
            loaded.push(match loading.await {
                Ok(done) => done,
                // A bug of ours must not take down what served well.
                Err(panic) => job.not_loaded(&LoadError::Host(panic.to_string())),
            });
        }
        let mut files: Vec<PathBuf> = data.files().map(Path::to_owned).collect();
        files.extend(waivers.files);
        let mut members: Vec<Member> = Vec::new();
        for loaded in loaded {
            files.extend(loaded.files);
            may_pass |= loaded.may_pass;
            let taken = members
                .iter()
                .any(|member| member.name == loaded.member.name);
            members.push(if taken {
                name_taken(loaded.member)
            } else {
                loaded.member
            });
        }
        for (folder, error) in errors {
            let lost = lost(&before, &members, &folder, &error);
            match lost.is_empty() {
                true => members.push(unreadable(&folder, &error)),
                false => members.extend(lost),
            }
        }
        members.sort_by(|a, b| (a.order(), &a.name).cmp(&(b.order(), &b.name)));
        let content: String = members.iter().map(Member::identity).collect();
        let parts = format!("{content}data {} waivers {}", data.digest(), waivers.digest);
        let hash = hex(&Sha256::digest(parts));
        let id = hash.get(..16).unwrap_or(&hash).to_owned();
        Generation {
            id,
            built: Timestamp::now(),
            members,
            data,
            data_error,
            waivers: waivers.waivers,
            waivers_digest: waivers.digest,
            waivers_error: waivers.error,
            files,
            may_pass,
        }
    }

    /// Of one policy and these documents, whatever files say.
    pub async fn of_one(
        sandbox: &Arc<Sandbox>,
        config: PolicyConfig,
        folder: &Path,
        data: Arc<Data>,
    ) -> Generation {
        let job = Job {
            sandbox: Arc::clone(sandbox),
            data: Arc::clone(&data),
            data_error: None,
            before: Arc::default(),
            folder: folder.to_owned(),
        };
        let loaded = job.load_configured(config).await;
        Generation {
            id: String::new(),
            built: Timestamp::now(),
            members: vec![loaded.member],
            data,
            data_error: None,
            waivers: Arc::default(),
            waivers_digest: String::new(),
            waivers_error: None,
            files: Vec::new(),
            may_pass: false,
        }
    }

    /// Names the content: equal ids, equal answers.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was built.
    pub fn built(&self) -> Timestamp {
        self.built
    }

    /// All policies, in the order in which they judge.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The policy of that name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The policies that judge this event, in order.
    pub fn matching<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(|member| member.covers(event))
    }

    /// The documents.
    pub fn data(&self) -> &Arc<Data> {
        &self.data
    }

    /// Why the documents are not those that the files hold now.
    pub fn data_error(&self) -> Option<&str> {
        self.data_error.as_deref()
    }

    /// The waivers in files.
    pub fn waivers(&self) -> &Arc<Waivers> {
        &self.waivers
    }

    /// Why the waivers are not those that the files hold now.
    pub fn waivers_error(&self) -> Option<&str> {
        self.waivers_error.as_deref()
    }

    /// The files that it was made from.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether something could not be read that perhaps can be in a moment: a file, for want of descriptors or memory.
    pub fn may_pass(&self) -> bool {
        self.may_pass
    }

    /// Whether it answers and reports the same as another.
    fn equals(&self, other: &Generation) -> bool {
        let errors = |generation: &Generation| {
            let members = generation
                .members
                .iter()
                .map(|member| member.state.error().map(str::to_owned));
            members
                .chain([
                    generation.data_error.clone(),
                    generation.waivers_error.clone(),
                ])
                .collect::<Vec<_>>()
        };
        self.id == other.id && errors(self) == errors(other)
    }
}

/// Where the active generation is found.
#[derive(Default)]
pub struct Generations(ArcSwapOption<Generation>);

impl Generations {
    /// The active generation; nothing until the first is built.
    pub fn current(&self) -> Option<Arc<Generation>> {
        self.0.load_full()
    }

    /// Swaps in a generation.
    pub fn set(&self, generation: Generation) {
        self.0.store(Some(Arc::new(generation)));
    }

    /// Builds the next generation and swaps it in, if it differs. Answers whether it did.
    pub async fn rebuild(&self, sandbox: &Arc<Sandbox>, config: &HostConfig) -> bool {
        let before = self.current();
        let next = Generation::build(sandbox, config, before.as_deref()).await;
        if before.as_ref().is_some_and(|before| before.equals(&next)) {
            // The list of files may differ, but nothing that anybody sees.
            return false;
        }
        for member in next.members() {
            if let Some(error) = member.state.error() {
                tracing::error!(policy = ?member.name, state = member.state.as_str(), ?error, "policy is not as its files say");
            }
        }
        if let Some(error) = next.data_error() {
            tracing::error!(?error, "data is not as its files say");
        }
        if let Some(error) = next.waivers_error() {
            tracing::error!(?error, "waivers are not as their files say");
        }
        let gone = before
            .iter()
            .flat_map(|before| before.members())
            .filter(|member| next.member(&member.name).is_none());
        for member in gone {
            tracing::warn!(policy = ?member.name, folder = ?member.folder, "policy is gone: it judges no more");
        }
        if next.members.is_empty() {
            tracing::warn!("there is no policy: nothing is decided");
        }
        tracing::info!(
            generation = next.id,
            policies = next.members.len(),
            "serving"
        );
        self.0.store(Some(Arc::new(next)));
        true
    }
}

/// The waivers of a generation.
struct LoadedWaivers {
    waivers: Arc<Waivers>,
    digest: String,
    error: Option<String>,
    files: Vec<PathBuf>,
}

impl LoadedWaivers {
    /// Reads the files; where one is broken, what was good last stays in force.
    fn load(config: &HostConfig, previous: Option<&Generation>) -> LoadedWaivers {
        match waiver::load(&config.waivers) {
            Ok((waivers, files)) => {
                let written: Vec<_> = waivers.iter().map(Checked::written).collect();
                LoadedWaivers {
                    digest: hex(&Sha256::digest(format!("{written:?}"))),
                    waivers: Arc::new(waivers),
                    error: None,
                    files,
                }
            }
            Err(error) => LoadedWaivers {
                waivers: previous.map_or_else(Arc::default, |last| Arc::clone(&last.waivers)),
                digest: previous.map_or_else(String::new, |last| last.waivers_digest.clone()),
                error: Some(error.to_string()),
                files: Vec::new(),
            },
        }
    }
}

/// The folders that hold a policy.yaml, at or below the roots, in the order of their names; and the folders of which
/// that cannot be told, which may hold one.
pub fn find_policies(roots: &[PathBuf]) -> (Vec<PathBuf>, Vec<(PathBuf, LoadError)>) {
    let mut search = Search::default();
    for root in roots {
        search.folder(root, 0);
    }
    (search.found, search.errors)
}

#[derive(Default)]
struct Search {
    found: Vec<PathBuf>,
    errors: Vec<(PathBuf, LoadError)>,
}

impl Search {
    fn folder(&mut self, folder: &Path, depth: usize) {
        // A link that leads nowhere is a policy that cannot be read, not one that is not there.
        match std::fs::symlink_metadata(folder.join(POLICY_FILE)) {
            Ok(_) => return self.found.push(folder.to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return self.failed(folder, source),
        }
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            // A subfolder that vanishes while it is looked at is gone.
            Err(error) if depth > 0 && error.kind() == std::io::ErrorKind::NotFound => return,
            Err(source) => return self.failed(folder, source),
        };
        entries.sort_by_key(|entry| entry.file_name());
        for entry in entries {
            let name = entry.file_name();
            let left_out = name == "target" || name.to_string_lossy().starts_with('.');
            if left_out || depth >= MAX_DEPTH {
                continue;
            }
            let path = entry.path();
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            match std::fs::metadata(&path) {
                Ok(info) if info.is_dir() => self.folder(&path, depth + 1),
                Ok(_) => {}
                // What it leads to may be mounted again.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    if is_link {
                        let nowhere = "it is a link that leads nowhere: remove it, or what it leads to is a policy";
                        self.failed(&path, std::io::Error::other(nowhere));
                    }
                }
                Err(error) => self.failed(&path, error),
            }
        }
    }

    fn failed(&mut self, folder: &Path, source: std::io::Error) {
        let error = ConfigError::Read {
            path: folder.to_owned(),
            source,
        };
        self.errors.push((folder.to_owned(), error.into()));
    }
}

/// Whether an error is one of reading, and not that there is nothing to read: it may be gone in a moment.
pub fn is_passing(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let reading = causes.find_map(|error| error.downcast_ref::<std::io::Error>());
    reading.is_some_and(|error| {
        use std::io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound};
        let kind = error.kind();
        ![NotFound, InvalidData, IsADirectory, NotADirectory].contains(&kind)
    })
}

/// The policies of which it cannot be told whether they are there still, since their folder cannot be read: what was good
/// last serves.
fn lost(before: &[Member], now: &[Member], folder: &Path, error: &LoadError) -> Vec<Member> {
    // Nor is what anybody may have written taken up.
    let is_open = matches!(error, LoadError::Config(ConfigError::Writable { .. }));
    if !is_passing(error) && !is_open {
        return Vec::new();
    }
    let is_loaded = |name: &str| now.iter().any(|member| member.name == name);
    let below = before
        .iter()
        .filter(|member| member.folder.starts_with(folder));
    let lost = below.filter(|member| !is_loaded(&member.name));
    lost.filter_map(|member| {
        let policy = Arc::clone(member.policy()?);
        Some(Member {
            state: State::Stale(policy, error.to_string()),
            ..member.clone()
        })
    })
    .collect()
}

/// The documents of the data folders and of the `data` folder in each policy's own. When they cannot be loaded, the
/// last good ones stay, with the reason, and whether that may pass.
fn load_data(
    config: &HostConfig,
    policies: &[PathBuf],
    previous: Option<&Generation>,
) -> (Arc<Data>, Option<String>, bool) {
    let own = policies
        .iter()
        .map(|folder| folder.join("data"))
        .filter(|folder| folder.is_dir());
    let roots: Vec<PathBuf> = config.data.iter().cloned().chain(own).collect();
    let before = previous.map(|previous| &previous.data);
    // After an error, what is in memory is not what the files held last.
    let comparable =
        before.filter(|_| previous.is_some_and(|previous| previous.data_error.is_none()));
    match Data::load(&roots, comparable.map(AsRef::as_ref)) {
        Ok(Some(data)) => (Arc::new(data), None, false),
        Ok(None) => (before.cloned().unwrap_or_default(), None, false),
        Err(error) => (
            before.cloned().unwrap_or_default(),
            Some(error.to_string()),
            is_passing(&error),
        ),
    }
}

/// One policy to be loaded.
struct Job {
    sandbox: Arc<Sandbox>,
    data: Arc<Data>,
    data_error: Option<String>,
    before: Arc<[Member]>,
    folder: PathBuf,
}

struct Loaded {
    member: Member,
    files: Vec<PathBuf>,
    may_pass: bool,
}

impl Job {
    async fn load(&self) -> Loaded {
        match PolicyConfig::load(&self.folder) {
            Ok(config) => self.load_configured(config).await,
            Err(error) => self.not_loaded(&error.into()),
        }
    }

    async fn load_configured(&self, config: PolicyConfig) -> Loaded {
        let mut files = vec![self.folder.join(POLICY_FILE)];
        files.push(config.module.clone());
        files.extend(config.sources.iter().cloned());
        let before = self.before.iter().find(|member| member.name == config.name);
        let last_good = before.and_then(Member::policy);
        let loaded = self.load_policy(&config, last_good).await;
        let may_pass = loaded.as_ref().is_err_and(|error| is_passing(error));
        let state = match loaded {
            Ok(policy) => State::Ready(policy),
            Err(error) => match last_good {
                Some(policy) => State::Stale(Arc::clone(policy), error.to_string()),
                None => State::Failed(Failed {
                    error: error.to_string(),
                    config: Box::new(config.clone()),
                }),
            },
        };
        Loaded {
            member: Member {
                name: config.name,
                folder: self.folder.clone(),
                state,
            },
            files,
            may_pass,
        }
    }

    async fn load_policy(
        &self,
        config: &PolicyConfig,
        last_good: Option<&Arc<Policy>>,
    ) -> Result<Arc<Policy>, LoadError> {
        if let Some(policy) = last_good
            && let Some(stamp) = Stamp::of(&config.module)
            && let Some(digest) = policy.untouched_module(&stamp)
            && policy.is_current(&identity(config, digest), &self.data)
        {
            return Ok(Arc::clone(policy));
        }
        let module = Module::read(&config.module).map_err(|source| LoadError::Module {
            path: config.module.display().to_string(),
            source,
        })?;
        if let Some(error) = &self.data_error
            && config.grants.contains("data")
            && last_good.is_none()
        {
            return Err(LoadError::Data(error.clone()));
        }
        if let Some(policy) = last_good
            && policy.is_current(&identity(config, module.digest()), &self.data)
        {
            return Ok(Arc::clone(policy));
        }
        Policy::load(&self.sandbox, config.clone(), module, &self.data).await
    }

    /// Where not even policy.yaml could be read, the folder tells which policy is meant.
    fn not_loaded(&self, error: &LoadError) -> Loaded {
        let before = self
            .before
            .iter()
            .find(|member| member.folder == self.folder);
        let member = match before.and_then(|before| Some((before, before.policy()?))) {
            Some((before, policy)) => Member {
                state: State::Stale(Arc::clone(policy), error.to_string()),
                ..before.clone()
            },
            None => unreadable(&self.folder, error),
        };
        Loaded {
            member,
            files: vec![self.folder.join(POLICY_FILE)],
            may_pass: is_passing(error),
        }
    }
}

/// What a policy is called whose policy.yaml cannot be read.
pub fn folder_name(folder: &Path) -> String {
    folder.file_name().map_or_else(
        || folder.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// A policy of which nothing is known but that it should be there: it stands in the way of every event.
fn unreadable(folder: &Path, error: &LoadError) -> Member {
    let name = folder_name(folder);
    let config = PolicyConfig {
        order: i32::MIN,
        ..PolicyConfig::stand_in(name.clone(), folder)
    };
    let failed = Failed {
        error: error.to_string(),
        config: Box::new(config),
    };
    Member {
        name,
        folder: folder.to_owned(),
        state: State::Failed(failed),
    }
}

fn name_taken(member: Member) -> Member {
    let error = LoadError::NameTaken(member.name.clone());
    let name = format!("{} ({})", member.name, member.folder.display());
    Member {
        name,
        ..unreadable(&member.folder, &error)
    }
}
