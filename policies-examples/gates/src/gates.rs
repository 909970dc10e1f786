//! What rules can look for. To add a trigger: a row in its gate's file; to add a gate: a file in `gates/` and its line here.

mod always;
mod dockerfile;
mod feeds;
mod files;
mod licenses;
mod malware;
mod metadata;
mod packages;
mod passwd_file;
mod retrieved_files;
mod secret_scans;
mod vulnerabilities;

use md5::{Digest, Md5};
use touchstone_sdk::Severity;

use crate::bundle::Compat;
use crate::facts::Facts;
use crate::params::{Param, Params};

const GATES: [&[Trigger]; 13] = [
    always::TRIGGERS,
    dockerfile::TRIGGERS,
    files::TRIGGERS,
    licenses::TRIGGERS,
    malware::TRIGGERS,
    metadata::TRIGGERS,
    feeds::NPMS,
    feeds::RUBY_GEMS,
    packages::TRIGGERS,
    passwd_file::TRIGGERS,
    retrieved_files::TRIGGERS,
    secret_scans::TRIGGERS,
    vulnerabilities::TRIGGERS,
];

/// Gates that Anchore does not know any more, and what took their place.
pub const END_OF_LIFE: [(&str, &str); 11] = [
    ("anchoresec", "vulnerabilities"),
    ("pkgcheck", "packages"),
    ("dockerfilecheck", "dockerfile"),
    ("filecheck", "files"),
    ("fileparse_passwd", "passwd_file"),
    ("gemcheck", "ruby_gems"),
    ("metadatacheck", "metadata"),
    ("licblacklist", "licenses"),
    ("npmcheck", "npms"),
    ("pkgblacklist", "packages"),
    ("secretcheck", "secret_scans"),
];

/// Something that a rule can look for.
#[derive(Debug)]
pub struct Trigger {
    /// The gate that it belongs to.
    pub gate: &'static str,
    /// Its name within the gate.
    pub name: &'static str,
    /// What it may be called besides.
    pub aliases: &'static [&'static str],
    /// What it takes.
    pub params: &'static [Param],
    /// Whether Anchore finds nothing, and says nothing, where it has nothing to look at.
    pub silent: bool,
    /// Looks. What it found before an error counts.
    pub run: fn(&Asked<'_>, &mut Vec<Match>) -> Result<(), Lack>,
}

/// What a trigger looks at.
pub struct Asked<'a> {
    /// The rule's parameters.
    pub params: &'a Params,
    /// The rule's id.
    pub rule: &'a str,
    /// What is known of the image.
    pub facts: &'a Facts<'a>,
    /// Whether Anchore's errors are kept.
    pub compat: Compat,
}

impl Asked<'_> {
    /// Whether Anchore's errors are kept.
    pub fn exact(&self) -> bool {
        self.compat == Compat::Exact
    }
}

/// What a trigger needs and does not have.
#[derive(Debug)]
pub struct Lack {
    need: String,
    is_ours: bool,
}

impl Lack {
    /// By what is needed: `a report that lists files`.
    pub fn of(need: impl Into<String>) -> Lack {
        Lack {
            need: need.into(),
            is_ours: false,
        }
    }

    /// What Anchore would have had, so that it has no silence to be kept.
    pub fn ours(need: impl Into<String>) -> Lack {
        Lack {
            is_ours: true,
            ..Lack::of(need)
        }
    }

    /// What is needed.
    pub fn need(&self) -> &str {
        &self.need
    }

    /// Whether Anchore would have had it.
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }
}

/// Something that a trigger found.
#[derive(Debug)]
pub struct Match {
    /// Its own id; the MD5 of gate, trigger and text, when it has none.
    pub id: Option<String>,
    /// Anchore's words for it, which are part of ids.
    pub text: String,
    /// How bad it is.
    pub severity: Severity,
    /// The package.
    pub package: Option<String>,
    /// The file in the image.
    pub path: Option<String>,
    /// Pages about it.
    pub links: Vec<String>,
    /// What the reader can do.
    pub remedy: Option<String>,
}

impl Match {
    /// By Anchore's words for it.
    pub fn new(text: impl Into<String>) -> Match {
        Match {
            id: None,
            text: text.into(),
            severity: Severity::Unknown,
            package: None,
            path: None,
            links: Vec::new(),
            remedy: None,
        }
    }

    /// With an id of its own.
    pub fn id(mut self, id: impl Into<String>) -> Match {
        self.id = Some(id.into());
        self
    }

    /// How bad it is.
    pub fn severity(mut self, severity: Severity) -> Match {
        self.severity = severity;
        self
    }

    /// The package.
    pub fn package(mut self, name: &str) -> Match {
        self.package = Some(name.to_owned());
        self
    }

    /// The file.
    pub fn path(mut self, path: &str) -> Match {
        self.path = Some(path.to_owned());
        self
    }

    /// What the reader can do.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Match {
        self.remedy = Some(remedy.into());
        self
    }

    /// What allowlists call it.
    pub fn trigger_id(&self, trigger: &Trigger) -> String {
        let hash = || md5_hex(&[trigger.gate, trigger.name, &self.text]);
        self.id.clone().unwrap_or_else(hash)
    }
}

/// MD5 of texts one after the other.
pub fn md5_hex(parts: &[&str]) -> String {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// As Python prints a list of strings.
pub fn python_list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|item| format!("'{}'", item.as_ref()))
        .collect();
    format!("[{}]", items.join(", "))
}

/// Every trigger.
pub fn all() -> impl Iterator<Item = &'static Trigger> {
    GATES.into_iter().flatten()
}

/// Finds a trigger by names in any case; an error says which there are.
pub fn find(gate: &str, name: &str) -> Result<&'static Trigger, Unknown> {
    let (gate, name) = (gate.to_lowercase(), name.to_lowercase());
    if let Some((_, successor)) = END_OF_LIFE.iter().find(|(old, _)| *old == gate) {
        return Err(Unknown::Gate(format!(
            "gate {gate} is end-of-life: use {successor}"
        )));
    }
    let triggers: Vec<&'static Trigger> = all().filter(|trigger| trigger.gate == gate).collect();
    if triggers.is_empty() {
        let mut gates: Vec<&str> = all().map(|trigger| trigger.gate).collect();
        gates.dedup();
        return Err(Unknown::Gate(format!(
            "unknown gate {gate:?}; known are {}",
            gates.join(", ")
        )));
    }
    let is_named =
        |trigger: &&&Trigger| trigger.name == name || trigger.aliases.contains(&name.as_str());
    triggers.iter().find(is_named).copied().ok_or_else(|| {
        let names: Vec<&str> = triggers.iter().map(|trigger| trigger.name).collect();
        Unknown::Trigger(format!(
            "gate {gate} has no trigger {name:?}; it has {}",
            names.join(", ")
        ))
    })
}

/// What there is not, in a sentence.
#[derive(Debug)]
pub enum Unknown {
    /// The gate.
    Gate(String),
    /// The trigger.
    Trigger(String),
}

#[cfg(test)]
pub mod tests;
