//! From the bytes of a file to a component: what is taken, and what is told to those whose file is not.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload, WasmFeatures};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::capability::PACKAGE;
use crate::data::hex;

/// Larger files are not modules that somebody means to run.
const MAX_BYTES: u64 = 128 << 20;

/// Seconds after which a file that looks the same is the same: the coarsest clocks of file systems tick every other second.
#[cfg(unix)]
const SETTLED: i64 = 3;

/// Component types within component types. Their readers recurse; real contracts need a handful.
const MAX_NESTING: usize = 200;

/// Why a file cannot become a policy.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    /// Nothing in it.
    #[error("it is empty: build it again")]
    Empty,
    /// Too large.
    #[error("{0} bytes: a module may have {MAX_BYTES} at most")]
    TooLarge(u64),
    /// Something else than WebAssembly.
    #[error(
        "it is {0}, not a WebAssembly module or component: name the .wasm file that `touchstone build` writes"
    )]
    NotWasm(&'static str),
    /// Broken WebAssembly.
    #[error("it is not valid WebAssembly: {0}")]
    Invalid(String),
    /// Types nested so deeply that reading them would exhaust the stack.
    #[error("its component types nest too deeply: at most {MAX_NESTING} levels are read")]
    TooDeep,
    /// It wants an operating system.
    #[error(
        "it imports {0}: policies run without WASI; build it for wasm32-unknown-unknown, or with --stub-wasi where the language's tool has that"
    )]
    Wasi(String),
    /// A core module that does not say which world it implements.
    #[error(
        "it is a core module without a component type: build it with touchstone-sdk or wit-bindgen, against wit/ of Touchstone"
    )]
    NoContract,
    /// The module and its component type do not fit together.
    #[error("it cannot be made a component: {0}")]
    Encode(String),
}

/// The bytes of a module.
pub struct Module {
    bytes: Vec<u8>,
    digest: String,
    stamp: Option<Stamp>,
}

/// What tells that a file was not touched, without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    path: PathBuf,
    inode: u64,
    length: u64,
    /// When anything about the file changed last, in seconds and nanoseconds. Unlike the time of the last write, nobody
    /// can set it.
    changed: (i64, i64),
}

impl Stamp {
    /// Of a file as it is now. Nothing for one that changed a moment ago: clocks are coarse, and if it changed again, that
    /// could look the same.
    #[cfg(unix)]
    pub fn of(path: &Path) -> Option<Stamp> {
        use std::os::unix::fs::MetadataExt;
        let info = std::fs::metadata(path).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let age = i64::try_from(now.as_secs())
            .ok()?
            .checked_sub(info.ctime())?;
        (age >= SETTLED).then(|| Stamp {
            path: path.to_owned(),
            inode: info.ino(),
            length: info.len(),
            changed: (info.ctime(), info.ctime_nsec()),
        })
    }

    /// Elsewhere, files are read.
    #[cfg(not(unix))]
    pub fn of(_path: &Path) -> Option<Stamp> {
        None
    }
}

/// What kind of WebAssembly a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A core module that carries its component type.
    CoreModule,
    /// A component.
    Component,
}

impl Module {
    /// Reads a file and checks that it is valid WebAssembly.
    pub fn read(path: &Path) -> Result<Module, ModuleError> {
        let length = std::fs::metadata(path)?.len();
        if length > MAX_BYTES {
            return Err(ModuleError::TooLarge(length));
        }
        // Before it is read: what changes meanwhile is read again next time.
        let stamp = Stamp::of(path);
        let module = Module::new(std::fs::read(path)?);
        Ok(Module { stamp, ..module })
    }

    /// From bytes in memory.
    pub fn new(bytes: Vec<u8>) -> Module {
        let digest = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
        Module {
            bytes,
            digest,
            stamp: None,
        }
    }

    /// What the file looked like when it was read.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// `sha256:…` of the bytes.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What the bytes are.
    pub fn kind(&self) -> Result<Kind, ModuleError> {
        if self.bytes.is_empty() {
            return Err(ModuleError::Empty);
        }
        if !self.bytes.starts_with(b"\0asm") {
            return Err(ModuleError::NotWasm(guess(&self.bytes)));
        }
        match Parser::new(0).parse_all(&self.bytes).next() {
            Some(Ok(Payload::Version {
                encoding: Encoding::Component,
                ..
            })) => Ok(Kind::Component),
            Some(Ok(_)) => Ok(Kind::CoreModule),
            Some(Err(error)) => Err(ModuleError::Invalid(error.to_string())),
            None => Err(ModuleError::Empty),
        }
    }

    /// The component: the bytes themselves, or made from the core module and the component type that it carries.
    pub fn component(&self) -> Result<Cow<'_, [u8]>, ModuleError> {
        let kind = self.kind()?;
        check_nesting(&self.bytes)?;
        wasmparser::Validator::new_with_features(WasmFeatures::all())
            .validate_all(&self.bytes)
            .map_err(|error| ModuleError::Invalid(error.to_string()))?;
        if kind == Kind::Component {
            return Ok(Cow::Borrowed(&self.bytes));
        }
        let contents = self.contents()?;
        if let Some(wasi) = contents.wasi {
            return Err(ModuleError::Wasi(wasi));
        }
        if !contents.component_type {
            return Err(ModuleError::NoContract);
        }
        wit_component::ComponentEncoder::default()
            .validate(false)
            .module(&self.bytes)
            .and_then(|mut encoder| encoder.encode())
            .map(Cow::Owned)
            .map_err(|error| ModuleError::Encode(format!("{error:#}")))
    }

    fn contents(&self) -> Result<Contents, ModuleError> {
        let mut contents = Contents {
            wasi: None,
            component_type: false,
        };
        for payload in Parser::new(0).parse_all(&self.bytes) {
            match payload.map_err(|error| ModuleError::Invalid(error.to_string()))? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import =
                            import.map_err(|error| ModuleError::Invalid(error.to_string()))?;
                        if import.module.starts_with("wasi") {
                            contents.wasi = Some(import.module.to_owned());
                        }
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    contents.component_type = true;
                }
                _ => {}
            }
        }
        Ok(contents)
    }
}

/// Refuses component types that nest too deeply, without reading them: an upper bound is enough. Each level begins with
/// a declaration of a component type (0x41) or an instance type (0x42), marked as a type (0x01).
fn check_nesting(bytes: &[u8]) -> Result<(), ModuleError> {
    for payload in Parser::new(0).parse_all(bytes) {
        let section = match payload.map_err(|error| ModuleError::Invalid(error.to_string()))? {
            Payload::ComponentTypeSection(section) => section.range(),
            Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                check_nesting(section.data())?;
                continue;
            }
            _ => continue,
        };
        let section = bytes.get(section).unwrap_or_default();
        let levels = section
            .windows(2)
            .filter(|pair| matches!(pair, [0x01, 0x41 | 0x42]))
            .count();
        if levels > MAX_NESTING {
            return Err(ModuleError::TooDeep);
        }
    }
    Ok(())
}

/// What of a core module matters before it is made a component.
struct Contents {
    wasi: Option<String>,
    component_type: bool,
}

/// What a file that is no WebAssembly most likely is.
fn guess(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => "a native program or library",
        [b'#', b'!', ..] => "a script",
        [b'{' | b'[', ..] => "JSON",
        [0x1f, 0x8b, ..] => "a gzip archive",
        _ if bytes.starts_with(b"(module") || bytes.starts_with(b"(component") => {
            "WebAssembly text (assemble it first)"
        }
        _ if std::str::from_utf8(bytes).is_ok() => "text",
        _ => "something else",
    }
}

/// What a component asks for and offers.
pub struct Surface {
    /// The interfaces that it imports functions or resources from. Types need no permission.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

impl Surface {
    /// Of a compiled component.
    pub fn of(component: &Component, engine: &Engine) -> Surface {
        let is_used = |item: &ComponentItem| match item {
            ComponentItem::ComponentInstance(instance) => {
                instance.exports(engine).any(|(_, export)| {
                    matches!(
                        export.ty,
                        ComponentItem::ComponentFunc(_) | ComponentItem::Resource(_)
                    )
                })
            }
            ComponentItem::Type(_) => false,
            _ => true,
        };
        let component = component.component_type();
        let used = component
            .imports(engine)
            .filter(|(_, import)| is_used(&import.ty));
        Surface {
            imports: used.map(|(name, _)| name.to_owned()).collect(),
            exports: component
                .exports(engine)
                .map(|(name, _)| name.to_owned())
                .collect(),
        }
    }
}

/// `data` out of `touchstone:policy/data@0.1.0`; nothing for other packages.
pub fn interface(import: &str) -> Option<&str> {
    let name = import.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(name.split_once('@').map_or(name, |(name, _)| name))
}
