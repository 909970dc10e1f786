//! Built-in functions of this module that a test replaces by `with`. The interpreter can replace its own, and functions
//! in Rego: so each becomes one in Rego, which every module imports under the old name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use regorus::unstable::{Module, Ref};

use crate::builtins;

/// Where they are, below `data`.
pub const PACKAGE: &str = "touchstone_functions";

/// The functions by the first parts of their names.
pub struct Functions(BTreeMap<&'static str, BTreeSet<&'static str>>);

impl Functions {
    pub fn of(names: &BTreeSet<&'static str>) -> Functions {
        let mut functions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for name in names {
            let (first, rest) = name.split_once('.').unwrap_or((name, ""));
            functions.entry(first).or_default().insert(rest);
        }
        Functions(functions)
    }

    /// The modules with imports in them, and those that are imported.
    pub fn put_in(&self, modules: &[Ref<Module>]) -> BTreeMap<String, String> {
        let own = modules.iter().map(|module| {
            let source = &module.package.span.source;
            (source.get_path().clone(), self.import(module))
        });
        let imported = self.0.iter().map(|(first, names)| {
            let mut text = format!("package {PACKAGE}.{first}\n");
            for name in names {
                let count = builtins::arguments(&format!("{first}.{name}")).unwrap_or_default();
                let list: Vec<String> = (0..count).map(|index| format!("a{index}")).collect();
                let list = list.join(", ");
                let _ = writeln!(text, "{name}({list}) := {first}.{name}({list})");
            }
            (format!("{PACKAGE}/{first}.rego"), text)
        });
        own.chain(imported).collect()
    }

    /// On the line of the package, so that the others keep their numbers.
    fn import(&self, module: &Module) -> String {
        let text = module.package.span.source.get_contents();
        let end = usize::try_from(module.package.refr.span().end).unwrap_or_default();
        let (head, tail) = text.split_at_checked(end).unwrap_or((text, ""));
        let imports = self
            .0
            .keys()
            .map(|first| format!(" import data.{PACKAGE}.{first}"));
        format!("{head}{}{tail}", imports.collect::<String>())
    }
}
