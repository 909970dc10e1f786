//! `touchstone inspect`

use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::EXIT_CONFIG;
use crate::capability;
use crate::config::PoolConfig;
use crate::guest::Info;
use crate::outside::Outside;
use crate::policy::{self, Inspection};
use crate::sandbox::Sandbox;
use crate::sandbox::module::{self, Kind, Module};
use crate::store;

#[derive(Args)]
#[command(after_help = "Example:
  touchstone inspect policies-examples/vulnerable-layers/vulnerable_layers.wasm

A module's imports are its permission request: what is not listed here, it cannot do.")]
pub(super) struct Inspect {
    /// The module or component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let name = self.file.display().to_string();
        let module = Module::read(&self.file).with_context(|| name.clone())?;
        let kind = match module.kind().with_context(|| name.clone())? {
            Kind::CoreModule => "core module, made a component when it is loaded",
            Kind::Component => "component",
        };
        let sandbox = Arc::new(Sandbox::new(
            &PoolConfig {
                instances: NonZeroU32::MIN,
                ..PoolConfig::default()
            },
            None,
            Arc::new(Outside::new(store::memory(), &[])?),
        )?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let Inspection { surface, info } =
            runtime.block_on(policy::inspect(&sandbox, &self.file, &module))?;

        let mut out = anstream::stdout().lock();
        writeln!(out, "file      {}", self.file.display())?;
        writeln!(out, "is        {kind}")?;
        writeln!(
            out,
            "size      {} ({} bytes)",
            bytesize::ByteSize(module.size() as u64),
            module.size()
        )?;
        writeln!(out, "digest    {}", module.digest())?;
        if let Ok(info) = &info {
            writeln!(
                out,
                "policy    {} {}: {}",
                info.name, info.version, info.description
            )?;
            let kinds = if info.kinds.is_empty() {
                "all".to_owned()
            } else {
                info.kinds.join(", ")
            };
            writeln!(out, "kinds     {kinds}")?;
        }
        writeln!(out, "exports   {}", surface.exports.join(", "))?;
        write_imports(&mut out, &surface.imports, info.as_ref().ok())?;
        match &info {
            Ok(info) => {
                writeln!(
                    out,
                    "settings  {}",
                    serde_json::to_string_pretty(&info.settings_schema)?
                )?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                writeln!(out, "cannot be loaded: {error}")?;
                Ok(ExitCode::from(EXIT_CONFIG))
            }
        }
    }
}

fn write_imports(
    out: &mut dyn Write,
    imports: &[String],
    info: Option<&Info>,
) -> std::io::Result<()> {
    if imports.is_empty() {
        return writeln!(out, "imports   nothing");
    }
    for (index, import) in imports.iter().enumerate() {
        let head = if index == 0 { "imports" } else { "" };
        let capability = module::interface(import).and_then(capability::find);
        let note = match capability.map(|capability| (capability.name, capability.example)) {
            None => "this host does not have it".to_owned(),
            Some((_, None)) => "always granted".to_owned(),
            Some((name, Some(example))) => {
                let why = info
                    .and_then(|info| info.needs.get(name))
                    .map(|why| format!(" ({why})"))
                    .unwrap_or_default();
                format!("needs a grant such as {name}: [\"{example}\"]{why}")
            }
        };
        writeln!(out, "{head:<9} {import}: {note}")?;
    }
    Ok(())
}
