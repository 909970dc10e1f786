//! What evidence is made of. Plain data; written as JSON it is the format `touchstone`, which every report becomes.
//!
//! `None` means that nobody looked: no report carries it. An empty list means that somebody looked and found nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How bad a finding is by the field's own scale. Ordered.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the scale")]
pub enum Severity {
    #[default]
    Unknown,
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// Every value, the least first.
    pub const ALL: [Severity; 6] = [
        Severity::Unknown,
        Severity::Negligible,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];

    /// As it is written in configuration and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Unknown => "unknown",
            Severity::Negligible => "negligible",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// What a scanner's word for it means here, whatever its case. Clair's `Defcon1` is critical; Red Hat's `Important`
    /// is high and `Moderate` medium; XCCDF's and SARIF's `info` is negligible.
    pub fn of(word: &str) -> Severity {
        const WORDS: [(&str, Severity); 17] = [
            ("critical", Severity::Critical),
            ("high", Severity::High),
            ("medium", Severity::Medium),
            ("low", Severity::Low),
            ("negligible", Severity::Negligible),
            ("unknown", Severity::Unknown),
            ("defcon1", Severity::Critical),
            ("important", Severity::High),
            ("moderate", Severity::Medium),
            ("minor", Severity::Low),
            ("info", Severity::Negligible),
            ("informational", Severity::Negligible),
            ("none", Severity::Negligible),
            ("error", Severity::High),
            ("warning", Severity::Medium),
            ("warn", Severity::Medium),
            ("note", Severity::Low),
        ];
        WORDS
            .iter()
            .find(|(known, _)| word.eq_ignore_ascii_case(known))
            .map_or(Severity::Unknown, |(_, severity)| *severity)
    }

    /// By the qualitative scale of CVSS 3.1 (§5) and 4.0: 0 none, 0.1 low, 4.0 medium, 7.0 high, 9.0 critical.
    pub fn of_score(score: f64) -> Severity {
        match score {
            score if score >= 9.0 => Severity::Critical,
            score if score >= 7.0 => Severity::High,
            score if score >= 4.0 => Severity::Medium,
            score if score > 0.0 => Severity::Low,
            _ => Severity::Negligible,
        }
    }
}

/// What is known of one image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// Which image it is about.
    #[serde(skip_serializing_if = "Identity::is_empty")]
    pub image: Identity,
    /// The reports that it comes from; `reports` of each item counts from 0 in this list.
    pub reports: Vec<Provenance>,
    /// The operating system's distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// What the image's configuration says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Configuration>,
    /// Its layers, the lowest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<Layer>>,
    /// How it was built, as its configuration tells, the oldest step first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<Step>>,
    /// The instructions of its Dockerfile, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<Vec<Instruction>>,
    /// What is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<Package>>,
    /// Known vulnerabilities of what is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerabilities: Option<Vec<Vulnerability>>,
    /// What VEX documents say about vulnerabilities; already applied to [`Vulnerability::vex`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statements: Option<Vec<Statement>>,
    /// Runs of a benchmark, with their scores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmarks: Option<Vec<Benchmark>>,
    /// What came of each rule of a benchmark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<RuleResult>>,
    /// Secrets that somebody left in the image. What they are is never kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<FoundSecret>>,
    /// Bad practice in files of configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misconfigurations: Option<Vec<Misconfiguration>>,
    /// Licences that were found, each on a package or a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licences: Option<Vec<FoundLicence>>,
    /// Files of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<File>>,
    /// What a scan for malware found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malware: Option<Vec<Malware>>,
}

/// Which image evidence is about, as far as the report tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// References, as written: `nginx:1.27`. Sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Digests of its manifest, `sha256:…`. Sorted; more than one where registries hold it in several forms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<String>,
    /// Digest of its configuration, which Docker calls the image's id: `sha256:…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Identity {
    /// Says that it is about this image: a reference by the distribution rules, with what is known of its digest.
    pub fn add(&mut self, reference: String, digest: Option<String>) {
        if !self.names.contains(&reference) {
            self.names.push(reference);
            self.names.sort();
        }
        if let Some(digest) = digest.filter(|digest| !self.digests.contains(digest)) {
            self.digests.push(digest);
            self.digests.sort();
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Identity::default()
    }
}

/// Where evidence comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Provenance {
    /// The report's format, as the table of formats names it: `trivy`.
    pub format: String,
    /// The tool that made it: `Trivy`, `grype`, `OpenSCAP`; the format's name, when the report does not tell.
    pub tool: String,
    /// The tool's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How old the tool's knowledge is: when its database was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Timestamp>,
    /// When the image was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned: Option<Timestamp>,
    /// When the host got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Timestamp>,
    /// `sha256:…` of the report's bytes.
    pub digest: String,
    /// What the report tells, as [`Evidence::kinds`] names it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Which packages it is about.
    #[serde(skip_serializing_if = "Scope::is_all")]
    pub scope: Scope,
}

impl Provenance {
    /// When the image was looked at: not after the report came, whatever it says.
    pub fn time(&self) -> Option<Timestamp> {
        match (self.scanned, self.received) {
            (Some(scanned), Some(received)) => Some(scanned.min(received)),
            (scanned, received) => scanned.or(received),
        }
    }
}

/// Which packages a report is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All, or the report does not tell.
    #[default]
    All,
    /// Those of the operating system's distribution.
    System,
    /// Those of programming languages.
    Language,
}

impl Scope {
    fn is_all(&self) -> bool {
        *self == Scope::All
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::All => "all",
            Scope::System => "system",
            Scope::Language => "language",
        }
    }
}

/// Which of [`Evidence::reports`] say so.
pub type Reports = BTreeSet<u32>;

/// The operating system's distribution.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Distribution {
    /// As os-release's `ID` has it: `debian`, `alpine`, `rhel`.
    pub name: String,
    /// As its `VERSION_ID`: `12.5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// As its `ID_LIKE`: `["rhel", "fedora"]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub like: Vec<String>,
    /// Whether nobody mends it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<bool>,
    /// Who says so.
    pub reports: Reports,
}

/// What an image's configuration says (OCI image specification, `config.md`). A field that is not there is not set in
/// the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Configuration {
    /// `USER`; root, when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `EXPOSE`, with protocol: `80/tcp`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exposed_ports: Vec<String>,
    /// `ENTRYPOINT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// `CMD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// `LABEL`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Names of `ENV`; values may be secrets and are not kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// `VOLUME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// `WORKDIR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// The test of `HEALTHCHECK`: `["CMD-SHELL", "curl -f localhost"]`; `["NONE"]` switches one off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Vec<String>>,
    /// When the image was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// As Go's `GOARCH`: `amd64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// As Go's `GOOS`: `linux`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// Bytes of all layers together, as the report counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Who says so.
    pub reports: Reports,
}

/// One layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Layer {
    /// Of the compressed blob, as manifests name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of the uncompressed content, as configurations name it (`rootfs.diff_ids`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
    /// Bytes of the compressed blob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// One step of an image's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The command: `/bin/sh -c #(nop)  USER nginx`.
    pub created_by: String,
    /// Whether it made no layer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
}

/// One instruction of a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Instruction {
    /// In capitals: `FROM`. That of an `ONBUILD` is `ONBUILD`.
    pub name: String,
    /// The rest of the logical line, continuation lines joined as the builder joins them, comments between them left
    /// out, heredocs with their text.
    pub arguments: String,
    /// Where it begins, counted from 1.
    pub line: u32,
    /// Which build stage it belongs to, counted from 0; those before the first `FROM` belong to 0.
    pub stage: u32,
}

/// Something installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Package {
    /// As its package manager names it: `openssl`, `org.apache.logging.log4j:log4j-core`, `@babel/core`.
    pub name: String,
    /// In full, with epoch and release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The type of a package URL: `deb`, `rpm`, `apk`, `npm`, `gem`, `maven`, `pypi`, `golang`, `cargo`, …, `generic`.
    pub kind: String,
    /// Package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// SPDX identifiers or expressions, or what the package says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licences: Option<Vec<String>>,
    /// Who made it: vendor, maintainer, supplier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The source package that it was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Files that it was found by. Sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Digest of the layer that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Who says so.
    pub reports: Reports,
}

/// Whether there is a version without the vulnerability.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum FixState {
    /// The report does not tell.
    #[default]
    Unknown,
    /// There is none yet.
    NotFixed,
    /// The vendor will make none.
    WontFix,
    /// There is one.
    Fixed,
}

/// A known vulnerability of something installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Vulnerability {
    /// `CVE-2021-44228`, `GHSA-…`, `RHSA-…`.
    pub id: String,
    /// Other ids of the same. Sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// [`Package::name`].
    pub package: String,
    /// [`Package::kind`]; empty when the report does not tell.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// [`Package::version`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// Package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Files that the package was found by. Sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Digest of the layer that the package is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Versions without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// Whether there are such versions.
    pub fix_state: FixState,
    /// How bad it is; where reports disagree, the worst of them.
    pub severity: Severity,
    /// Whose severity it is: `debian`, `nvd`; the tool, when the report does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity_source: Option<String>,
    /// As that source words it: `Defcon1`, `IMPORTANT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity_text: Option<String>,
    /// CVSS, by source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
    /// Probability that it is exploited within 30 days, 0 to 1 (EPSS of FIRST).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<f64>,
    /// Whether it is known to be exploited (CISA's catalogue).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploited: Option<bool>,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Pages about it; the first is the best one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// When it became known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// When a fixed version became available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_at: Option<Timestamp>,
    /// When it was first seen on this image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// What the makers say about it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vex: Option<Vex>,
    /// Who says so.
    pub reports: Reports,
}

/// A CVSS score.
#[derive(Clone, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Score {
    /// Who scored: `nvd`, `redhat`.
    pub source: String,
    /// Of CVSS: `2.0`, `3.0`, `3.1`, `4.0`.
    pub version: String,
    /// `CVSS:3.1/AV:N/…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
    /// Base score, 0 to 10.
    pub base: f64,
    /// Exploitability sub-score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploitability: Option<f64>,
    /// Impact sub-score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<f64>,
}

/// Whether a vulnerability concerns a product, in OpenVEX's words.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// It does not.
    NotAffected,
    /// It did, and does not in this version.
    Fixed,
    /// Nobody knows yet.
    #[default]
    UnderInvestigation,
    /// It does.
    Affected,
}

/// What the makers of a product say about a vulnerability in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Vex {
    /// Whether it concerns the product.
    pub status: VexStatus,
    /// Why not: `vulnerable_code_not_in_execute_path`, or CycloneDX's `code_not_reachable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// In words: why not, or what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// A statement of a VEX document.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// [`Vulnerability::id`] or one of its aliases, first.
    pub vulnerabilities: Vec<String>,
    /// What it is about: package URLs or image references. Empty: the whole image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// Parts of the products: package URLs. Empty: the products as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// What it says.
    pub vex: Vex,
    /// Who says so.
    pub reports: Reports,
}

/// A run of a benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Benchmark {
    /// Its id or place.
    pub id: String,
    /// The profile that was selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What was looked at: a host name, an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// When the run began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Points at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// Who says so.
    pub reports: Reports,
}

/// What came of a rule, in XCCDF's words (1.2, §6.6.4.2).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words are the standard's")]
pub enum RuleOutcome {
    Pass,
    Fail,
    Error,
    #[default]
    Unknown,
    NotApplicable,
    NotChecked,
    NotSelected,
    Informational,
    Fixed,
}

/// What came of a rule of a benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleResult {
    /// [`Benchmark::id`].
    pub benchmark: String,
    /// [`Benchmark::profile`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// `xccdf_org.ssgproject.content_rule_no_empty_passwords`
    pub id: String,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// What came of it.
    pub result: RuleOutcome,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it asks for and why, as plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is called elsewhere, CVE and CCE ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// How to mend it, as plain text: the rule's `fixtext`, or else the shell script among its fixes, else the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What it counts in the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Who says so.
    pub reports: Reports,
}

/// What something is called elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Identifier {
    /// Whose names these are: `https://nvd.nist.gov/cce/index.cfm`.
    pub system: String,
    /// The name: `CCE-80784-7`.
    pub id: String,
}

/// A secret that somebody left in the image. What it is is never kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FoundSecret {
    /// What found it: `aws-access-key-id`.
    pub rule: String,
    /// `AWS`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The file.
    pub path: String,
    /// Where in it, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Digest of the layer that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Who says so.
    pub reports: Reports,
}

/// Bad practice in a file of configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Misconfiguration {
    /// `DS002`, `CIS-DI-0001`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it was found; a report may list what it looked for without finding it.
    pub passed: bool,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Pages about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where in it, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Who says so.
    pub reports: Reports,
}

/// A licence that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FoundLicence {
    /// SPDX identifier or expression, or what stands there.
    pub name: String,
    /// The scanner's judgement: `restricted`, `reciprocal`, `notice`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How bad it is, by the scanner's judgement.
    pub severity: Severity,
    /// [`Package::name`], when it is a package's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The file, when it is a file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How sure the scanner is, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Who says so.
    pub reports: Reports,
}

/// A file of the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// From the root: `/etc/passwd`.
    pub path: String,
    /// Permission bits with setuid, setgid and sticky: `0o4755` is 2541.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// User id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// In lower-case hexadecimal, by algorithm: `sha256`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub checksums: BTreeMap<String, String>,
    /// Names of content patterns that match it, as the tool calls them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Vec<String>>,
    /// What is in it, for the few that were retrieved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Who says so.
    pub reports: Reports,
}

/// Malware that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Malware {
    /// Who found it: `clamav`.
    pub scanner: String,
    /// What it is.
    pub signature: String,
    /// The file.
    pub path: String,
    /// Who says so.
    pub reports: Reports,
}
