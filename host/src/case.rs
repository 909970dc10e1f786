//! Golden cases: an event, what is known when it comes, and what is to come of it. Each is judged in a host of its own that
//! reaches nothing outside: what capabilities answer stands in the case, and anything else is an error to the policy.

mod bench;
mod expect;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::config::{ConfigError, PolicyConfig, yaml_reason_at};
use crate::generation::{find_policies, folder_name};
use crate::model::Decision;
use crate::waiver::Waiver;

use self::bench::Bench;
use self::expect::{brief, differences, found};

/// The folder beside policy.yaml that holds them, one YAML file each.
pub const FOLDER: &str = "cases";
/// What a policy is asked for the tests in its own language: it answers [`OwnTests`].
const OWN_TESTS: &str = "//tests";

/// A case as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// The event's kind; by its nature, when not given.
    #[serde(default)]
    kind: Option<String>,
    /// What is judged: a document of any form.
    #[serde(default)]
    event: Option<Value>,
    /// What is judged, in a file beside the case: a document, or a scanner's report.
    #[serde(default)]
    file: Option<PathBuf>,
    /// The image that the report in `file` is about.
    #[serde(default)]
    image: Option<String>,
    /// The document that the policy is asked for besides.
    #[serde(default)]
    query: Option<String>,
    /// In place of those in policy.yaml.
    #[serde(default)]
    settings: Option<Value>,
    /// In place of the documents in the policy's folder.
    #[serde(default)]
    data: Option<Value>,
    /// Reports that the host was given before.
    #[serde(default)]
    evidence: Vec<Before>,
    /// When it is.
    #[serde(default, deserialize_with = "time")]
    clock: Option<Timestamp>,
    /// Exceptions in force.
    #[serde(default)]
    waivers: Vec<Waiver>,
    /// What servers answer, by method and URL: `GET https://example.com/a`.
    #[serde(default)]
    http: BTreeMap<String, Answer>,
    /// The policy's keys and their values.
    #[serde(default)]
    store: BTreeMap<String, String>,
    /// What is to come of it.
    expect: Value,
}

/// A report that the host was given before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    /// The image that it is about.
    #[serde(default)]
    image: Option<String>,
    /// A file beside the case.
    #[serde(default)]
    file: Option<PathBuf>,
    /// The report itself.
    #[serde(default)]
    report: Option<Value>,
}

/// What a server answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A text as it is; anything else as JSON.
    #[serde(default)]
    body: Value,
}

fn time<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(text)?;
    let time = text.parse();
    let wrong = |_| format!("{text:?} is no time: write clock: 2026-01-31T12:00:00Z");
    time.map(Some).map_err(wrong).map_err(D::Error::custom)
}

fn ok() -> u16 {
    200
}

/// What came of a case, or of a test in a policy's own language.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The policy; its folder's name, where policy.yaml cannot be read.
    pub policy: String,
    /// The case's file name without its ending; the test's own name.
    pub name: String,
    /// Where it stands.
    pub file: PathBuf,
    /// How long it took, with loading the policy.
    pub time: Duration,
    /// What is not as it should be; nothing when it passed.
    pub wrong: Vec<String>,
    /// Whether it was left out.
    pub skipped: bool,
}

impl Ran {
    /// Whether it stands in the way.
    pub fn failed(&self) -> bool {
        !self.wrong.is_empty()
    }
}

/// The lines of a policy's own texts that its tests ran through, by file.
pub type Coverage = BTreeMap<String, Covered>;

/// Lines, counted from 1.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Covered {
    /// That some test ran through.
    pub covered: Vec<u32>,
    /// That no test ran through.
    pub not_covered: Vec<u32>,
}

/// What a policy answers when it is asked for [`OWN_TESTS`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnTests {
    tests: Vec<OwnTest>,
    #[serde(default)]
    coverage: Coverage,
}

/// A test in a policy's own language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnTest {
    name: String,
    file: String,
    #[serde(default)]
    line: Option<u32>,
    outcome: OwnOutcome,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OwnOutcome {
    Pass,
    Fail,
    Error,
    Skip,
}

/// Runs cases.
#[derive(Clone, Debug, Default)]
pub struct Runner {
    /// Where compiled policies are kept.
    pub cache: Option<PathBuf>,
    /// Only those whose policy and name, with a `/` between, contain this.
    pub filter: Option<String>,
    /// Write what came of a case into its file, where that is not what it expects.
    pub update: bool,
}

/// What came of all of them.
#[derive(Debug, Default)]
pub struct Results {
    /// In the order of folders and file names.
    pub ran: Vec<Ran>,
    /// By policy.
    pub coverage: BTreeMap<String, Coverage>,
    /// Cases that were written anew.
    pub updated: Vec<PathBuf>,
}

impl Runner {
    /// The cases and own tests of every policy in or below these folders. An error where a folder cannot be read.
    pub async fn run(&self, roots: &[PathBuf]) -> Result<Results, ConfigError> {
        let (folders, errors) = find_policies(roots);
        if let Some((path, error)) = errors.into_iter().next() {
            let source = std::io::Error::other(error.to_string());
            return Err(ConfigError::Read { path, source });
        }
        let mut results = Results::default();
        for folder in folders {
            self.run_policy(&folder, &mut results).await?;
        }
        Ok(results)
    }

    async fn run_policy(&self, folder: &Path, results: &mut Results) -> Result<(), ConfigError> {
        let config = PolicyConfig::load(folder).ok();
        let name = match &config {
            Some(config) => config.name.clone(),
            None => folder_name(folder),
        };
        for file in files(&folder.join(FOLDER))? {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            if self.wants(&name, &stem) {
                let ran = self.run_case(folder, &name, &stem, &file, results).await;
                results.ran.push(ran);
            }
        }
        if config.is_some_and(|config| !config.sources.is_empty()) {
            self.run_own(folder, &name, results).await;
        }
        Ok(())
    }

    fn wants(&self, policy: &str, name: &str) -> bool {
        let filter = self.filter.as_deref();
        filter.is_none_or(|filter| format!("{policy}/{name}").contains(filter))
    }

    async fn run_case(
        &self,
        folder: &Path,
        policy: &str,
        name: &str,
        file: &Path,
        results: &mut Results,
    ) -> Ran {
        let started = Instant::now();
        let wrong = match self.judge(folder, file).await {
            Err(reason) => vec![reason],
            Ok((case, found)) => {
                let differences = differences(&case.expect, &found);
                if self.update && !differences.is_empty() {
                    match rewrite(file, &brief(&found)) {
                        Ok(()) => {
                            results.updated.push(file.to_owned());
                            Vec::new()
                        }
                        Err(reason) => vec![reason],
                    }
                } else {
                    differences
                }
            }
        };
        Ran {
            policy: policy.to_owned(),
            name: name.to_owned(),
            file: file.to_owned(),
            time: started.elapsed(),
            wrong,
            skipped: false,
        }
    }

    async fn judge(&self, folder: &Path, file: &Path) -> Result<(Case, Value), String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let case: Case = serde_saphyr::from_str(&text).map_err(|error| yaml_reason_at(&error))?;
        let bench = Bench::new(folder, &case, self.cache.as_deref()).await?;
        let beside = file.parent().unwrap_or(Path::new(""));
        let event = bench.event(&case, beside)?;
        bench.know(&case, beside).await?;
        let decision = bench.decide(event, case.clock).await?;
        Ok((case, found(&decision)))
    }

    /// Asks a policy that is written in a language of its own for the tests in it.
    async fn run_own(&self, folder: &Path, policy: &str, results: &mut Results) {
        let started = Instant::now();
        let ran = |name: &str, file: PathBuf, wrong: Vec<String>| Ran {
            policy: policy.to_owned(),
            name: name.to_owned(),
            file,
            time: started.elapsed(),
            wrong,
            skipped: false,
        };
        match self.ask_own(folder).await {
            Ok(None) => {}
            Ok(Some(own)) => {
                for test in own
                    .tests
                    .into_iter()
                    .filter(|test| self.wants(policy, &test.name))
                {
                    let wrong = match test.outcome {
                        OwnOutcome::Pass | OwnOutcome::Skip => Vec::new(),
                        OwnOutcome::Fail | OwnOutcome::Error => {
                            let place = test.line.map(|line| format!("line {line}: "));
                            let message = test
                                .message
                                .unwrap_or_else(|| "it does not hold".to_owned());
                            vec![format!("{}{message}", place.unwrap_or_default())]
                        }
                    };
                    results.ran.push(Ran {
                        skipped: test.outcome == OwnOutcome::Skip,
                        ..ran(&test.name, folder.join(&test.file), wrong)
                    });
                }
                if !own.coverage.is_empty() {
                    results.coverage.insert(policy.to_owned(), own.coverage);
                }
            }
            Err(reason) => {
                results
                    .ran
                    .push(ran("its own tests", folder.to_owned(), vec![reason]));
            }
        }
    }

    async fn ask_own(&self, folder: &Path) -> Result<Option<OwnTests>, String> {
        let case: Case =
            serde_json::from_value(json!({"expect": {}})).map_err(|error| error.to_string())?;
        let bench = Bench::new(folder, &case, self.cache.as_deref()).await?;
        let mut event = bench.event(&case, folder)?;
        event.query = Some(OWN_TESTS.to_owned());
        let decision = bench.decide(event, None).await?;
        let Some(value) = own_value(decision) else {
            return Ok(None);
        };
        serde_json::from_value(value)
            .map(Some)
            .map_err(|error| format!("what it answers about its own tests: {error}"))
    }
}

fn own_value(decision: Decision) -> Option<Value> {
    decision.policies.into_iter().next()?.value
}

/// The cases in a folder, by name; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let broken = |source: std::io::Error| ConfigError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(broken(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(broken)?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Writes what came of a case in place of what it expects, and leaves the rest as it is.
fn rewrite(file: &Path, found: &Value) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let head: String = text
        .split_inclusive('\n')
        .take_while(|line| !line.starts_with("expect:"))
        .collect();
    let end = if head.is_empty() || head.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    std::fs::write(file, format!("{head}{end}expect: {found}\n")).map_err(|error| error.to_string())
}
