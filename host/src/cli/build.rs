//! `touchstone build`: policy crates → components.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

use crate::config::PoolConfig;
use crate::outside::Outside;
use crate::policy;
use crate::sandbox::Sandbox;
use crate::sandbox::module::{self, Module};
use crate::store;

const TARGET: &str = "wasm32-unknown-unknown";
const MAX_DEPTH: usize = 4;

/// What makes a small and fast guest, whatever the crate's own profile says.
const PROFILE: &[&str] = &[
    "profile.release.opt-level=3",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=\"debuginfo\"",
];

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone build policies/no-critical-cves
  touchstone build policies-examples

Each crate's module is written beside its Cargo.toml, where policy.yaml finds it.")]
pub(super) struct Build {
    /// Policy crates, or folders that hold some
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Build {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if build_all(&self.paths, Announce::Everything)? == 0 {
            let paths: Vec<String> = self
                .paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            bail!("no Cargo.toml in or below {}", paths.join(", "));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How much to tell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    /// What is being done.
    Progress,
    /// Sizes and imports, too.
    Everything,
}

/// Builds every policy crate in or below the paths. Answers how many there were.
pub(super) fn build_all(paths: &[PathBuf], announce: Announce) -> anyhow::Result<usize> {
    let mut manifests = Vec::new();
    for path in paths {
        find(path, 0, &mut manifests).with_context(|| path.display().to_string())?;
    }
    let mut workspaces: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for manifest in &manifests {
        if let Some((root, package)) = guest_package(manifest)? {
            workspaces.entry(root).or_default().insert(package);
        }
    }
    let mut built = Vec::new();
    for (root, packages) in &workspaces {
        add_target(root)?;
        let names: Vec<&str> = packages.iter().map(String::as_str).collect();
        anstream::eprintln!("building {} for {TARGET}", names.join(", "));
        for package in packages {
            built.extend(compile(root, package)?);
        }
    }
    let sandbox = match announce {
        Announce::Everything => Some(Arc::new(Sandbox::new(
            &PoolConfig {
                instances: NonZeroU32::MIN,
                ..PoolConfig::default()
            },
            None,
            Arc::new(Outside::new(store::memory(), &[])?),
        )?)),
        Announce::Progress => None,
    };
    for artifact in &built {
        write_component(artifact, sandbox.as_ref())?;
    }
    Ok(built.len())
}

/// Folders with a Cargo.toml, not looking into them any further.
fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let manifest = folder.join("Cargo.toml");
    if manifest.exists() {
        found.push(manifest);
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let left_out = name == "target" || name.to_string_lossy().starts_with('.');
        if !left_out && depth < MAX_DEPTH && entry.path().is_dir() {
            find(&entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// The workspace and the name of a package that makes a module; nothing when it makes none.
fn guest_package(manifest: &Path) -> anyhow::Result<Option<(PathBuf, String)>> {
    let output = cargo()
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo: install it with rustup")?;
    if !output.status.success() {
        bail!("cargo cannot read {}", manifest.display());
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let wanted = manifest.canonicalize()?;
    let own = metadata
        .packages
        .into_iter()
        .find(|package| package.manifest_path == wanted);
    let is_module = |package: &Package| {
        package
            .targets
            .iter()
            .any(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))
    };
    match own {
        Some(package) if is_module(&package) => Ok(Some((metadata.workspace_root, package.name))),
        Some(package) => bail!(
            "{}: package {} makes no module: add crate-type = [\"cdylib\", \"rlib\"] under [lib]",
            manifest.display(),
            package.name
        ),
        None => Ok(None),
    }
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Adds the WebAssembly target to the toolchain of a folder, when it is missing.
fn add_target(folder: &Path) -> anyhow::Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .current_dir(folder)
        .output()
        .context("cannot run rustc")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if sysroot.join("lib/rustlib").join(TARGET).exists() {
        return Ok(());
    }
    anstream::eprintln!("adding {TARGET} to the toolchain: rustup target add {TARGET}");
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(folder)
        .status();
    match added {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!("rustup could not add {TARGET}"),
        Err(error) => bail!(
            "the toolchain has no {TARGET}, and rustup cannot be run ({error}): install the target by hand"
        ),
    }
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// A module that cargo made.
struct Artifact {
    folder: PathBuf,
    module: PathBuf,
}

/// One package at a time: together, cargo would give their dependencies the features that any of them asks for, and a
/// module would be another one by what else was built.
fn compile(root: &Path, package: &str) -> anyhow::Result<Vec<Artifact>> {
    let mut command = cargo();
    command
        .current_dir(root)
        .args(["build", "--release", "--lib", "--target", TARGET]);
    command.arg("--message-format=json-render-diagnostics");
    command.args(PROFILE.iter().flat_map(|line| ["--config", line]));
    command.args(["-p", package]);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo could not build {package}");
    }
    let mut artifacts = Vec::new();
    for line in output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let Ok(message) = serde_json::from_slice::<Message>(line) else {
            continue;
        };
        let module = message.filenames.into_iter().find(|file| {
            file.extension()
                .is_some_and(|extension| extension == "wasm")
        });
        if let ("compiler-artifact", Some(manifest), Some(module)) =
            (message.reason.as_str(), message.manifest_path, module)
        {
            let folder = manifest.parent().unwrap_or(Path::new("")).to_owned();
            artifacts.push(Artifact { folder, module });
        }
    }
    Ok(artifacts)
}

/// Makes the module a component and puts it beside its Cargo.toml, unless that is what lies there already.
fn write_component(artifact: &Artifact, sandbox: Option<&Arc<Sandbox>>) -> anyhow::Result<()> {
    let name = artifact
        .module
        .file_name()
        .context("a module without a name")?;
    let module =
        Module::read(&artifact.module).with_context(|| artifact.module.display().to_string())?;
    let bytes = module
        .component()
        .with_context(|| artifact.module.display().to_string())?;
    let path = artifact.folder.join(name);
    if std::fs::read(&path).is_ok_and(|old| old == *bytes) {
        anstream::eprintln!("{} is up to date", path.display());
    } else {
        let mut file = tempfile::NamedTempFile::new_in(&artifact.folder)?;
        file.write_all(&bytes)?;
        set_readable(file.as_file())?;
        file.persist(&path)?;
        anstream::eprintln!("{} written", path.display());
    }
    let Some(sandbox) = sandbox else {
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let inspection = runtime.block_on(policy::inspect(sandbox, &path, &module))?;
    let imports = inspection.surface.imports.iter();
    let names: Vec<&str> = imports
        .map(|import| module::interface(import).unwrap_or(import))
        .collect();
    let asks = if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    };
    anstream::println!(
        "{}: {}, imports {asks}",
        path.display(),
        bytesize::ByteSize(bytes.len() as u64)
    );
    Ok(())
}

/// Temporary files are private; a module is for the server's user, too.
#[cfg(unix)]
fn set_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
