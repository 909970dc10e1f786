//! Results of rules meet the definitions of their rules, wherever in the document those stand.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::{Repeats, Wrong, from_tool};
use crate::evidence::model::{
    Benchmark, Evidence, Identifier, Identity, RuleOutcome, RuleResult, Severity,
};

/// What a document's benchmark says.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub id: Option<String>,
    pub title: Option<String>,
    pub rules: HashMap<String, Rule>,
}

/// A way to mend what a rule finds.
#[derive(Debug)]
pub(super) struct Fix {
    is_shell: bool,
    text: String,
}

impl Fix {
    /// Of several, for other tools each, a person gets the shell script; else the first.
    pub(super) fn offer(known: &mut Option<Fix>, text: Option<String>, system: &str) {
        let is_shell = system == "urn:xccdf:fix:script:sh";
        let is_better = known
            .as_ref()
            .is_none_or(|known| is_shell && !known.is_shell);
        if let Some(text) = text.filter(|_| is_better) {
            *known = Some(Fix { is_shell, text });
        }
    }
}

/// What a benchmark says of a rule.
#[derive(Debug, Default)]
pub(super) struct Rule {
    pub id: String,
    pub severity: Option<Severity>,
    pub weight: Option<f64>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub rationale: Option<String>,
    pub identifiers: Vec<Identifier>,
    pub references: Vec<String>,
    pub fixtext: Option<String>,
    pub fix: Option<Fix>,
}

/// What came of a rule, with what the result itself says of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub id: String,
    pub result: Option<RuleOutcome>,
    pub severity: Option<Severity>,
    pub weight: Option<f64>,
    pub identifiers: Vec<Identifier>,
    pub fix: Option<Fix>,
}

/// A score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Points {
    /// Whether it is that of the scoring model that every tool has.
    pub preferred: bool,
    pub score: f64,
    pub maximum: f64,
}

/// One `TestResult`.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Which benchmark it stands in.
    pub inside: Option<usize>,
    /// The benchmark's id, as the run names it.
    pub id: Option<String>,
    /// Where the benchmark was found.
    pub href: Option<String>,
    pub profile: Option<String>,
    pub title: Option<String>,
    pub target: Option<String>,
    pub system: Option<String>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub points: Option<Points>,
    pub outcomes: Vec<Outcome>,
}

/// Everything that a document said.
pub(super) fn evidence(sheets: &[Sheet], runs: Vec<Run>) -> Result<Evidence, Wrong> {
    let system = runs.iter().find_map(|run| run.system.as_deref());
    let (tool, version) = system.map_or(("", None), tool);
    let mut reports = from_tool(tool, version);
    for report in &mut reports {
        report.scanned = runs.iter().filter_map(|run| run.ended).max();
    }
    let mut evidence = Evidence {
        reports,
        image: image(&runs),
        ..Evidence::default()
    };
    let mut benchmarks = Vec::with_capacity(runs.len());
    let mut rules = Vec::with_capacity(runs.iter().map(|run| run.outcomes.len()).sum());
    let mut repeats = Repeats::default();
    let sheets = Sheets::of(sheets);
    for mut run in runs {
        let sheet = sheets.get(&run);
        let outcomes = std::mem::take(&mut run.outcomes);
        let benchmark = benchmark(run, sheet)?;
        let title = benchmark.title.as_ref().map_or(0, String::len);
        repeats.add("TestResult", benchmark.id.len() + title)?;
        for outcome in outcomes {
            let rule = sheet.and_then(|sheet| sheet.rules.get(&outcome.id));
            repeats.add("rule-result", weight(&benchmark, rule))?;
            rules.push(join(&benchmark, outcome, rule));
        }
        benchmarks.push(benchmark);
    }
    evidence.benchmarks = Some(benchmarks);
    evidence.rules = Some(rules);
    Ok(evidence)
}

/// A document's benchmarks.
struct Sheets<'a> {
    all: &'a [Sheet],
    by_id: HashMap<&'a str, &'a Sheet>,
}

impl<'a> Sheets<'a> {
    fn of(all: &'a [Sheet]) -> Sheets<'a> {
        let mut by_id = HashMap::new();
        for sheet in all {
            if let Some(id) = &sheet.id {
                by_id.entry(id.as_str()).or_insert(sheet);
            }
        }
        Sheets { all, by_id }
    }

    /// The benchmark of a run: that around it, that of the id it names, or else the only one.
    fn get(&self, run: &Run) -> Option<&'a Sheet> {
        match (run.inside, &run.id, self.all) {
            (Some(inside), ..) => self.all.get(inside),
            (None, Some(id), _) => self.by_id.get(id.as_str()).copied(),
            (None, None, [only]) => Some(only),
            (None, None, _) => None,
        }
    }
}

fn benchmark(run: Run, sheet: Option<&Sheet>) -> Result<Benchmark, Wrong> {
    let id = sheet.and_then(|sheet| sheet.id.clone());
    let id = id.or(run.id).or(run.href).ok_or_else(|| {
        let reason = "it does not say of which benchmark: <benchmark id=\"…\"> is missing";
        Wrong::at("TestResult", reason)
    })?;
    Ok(Benchmark {
        id,
        profile: run.profile,
        title: sheet.and_then(|sheet| sheet.title.clone()).or(run.title),
        target: run.target,
        started: run.started,
        ended: run.ended,
        score: run.points.map(|points| points.score),
        maximum: run.points.map(|points| points.maximum),
        ..Benchmark::default()
    })
}

fn join(benchmark: &Benchmark, outcome: Outcome, rule: Option<&Rule>) -> RuleResult {
    let severity = outcome.severity.or_else(|| rule?.severity);
    let description = rule.and_then(|rule| match (&rule.description, &rule.rationale) {
        (Some(what), Some(why)) => Some(format!("{what}\n\n{why}")),
        (what, why) => what.as_ref().or(why.as_ref()).cloned(),
    });
    // A result's own script has the values of this run in it.
    let own = outcome.fix.map(|fix| fix.text);
    let fix = rule.and_then(|rule| rule.fixtext.clone()).or(own);
    let identifiers = match rule {
        Some(rule) if outcome.identifiers.is_empty() => rule.identifiers.clone(),
        _ => outcome.identifiers,
    };
    RuleResult {
        benchmark: benchmark.id.clone(),
        profile: benchmark.profile.clone(),
        id: outcome.id,
        severity: severity.unwrap_or_default(),
        result: outcome.result.unwrap_or_default(),
        title: rule.and_then(|rule| rule.title.clone()),
        description,
        identifiers,
        references: rule.map(|rule| rule.references.clone()).unwrap_or_default(),
        fix: fix.or_else(|| Some(rule?.fix.as_ref()?.text.clone())),
        weight: outcome.weight.or_else(|| rule?.weight),
        ..RuleResult::default()
    }
}

/// How many bytes a result takes from elsewhere in the document.
fn weight(benchmark: &Benchmark, rule: Option<&Rule>) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let mut bytes = benchmark.id.len() + length(&benchmark.profile);
    if let Some(rule) = rule {
        let texts = [
            &rule.title,
            &rule.description,
            &rule.rationale,
            &rule.fixtext,
        ];
        bytes += rule.fix.as_ref().map_or(0, |fix| fix.text.len());
        bytes += texts.into_iter().map(length).sum::<usize>();
        for reference in &rule.references {
            bytes += size_of::<String>() + reference.len();
        }
        for known in &rule.identifiers {
            bytes += size_of::<Identifier>() + known.system.len() + known.id.len();
        }
    }
    bytes
}

/// Which image was looked at, as far as `oscap-podman` and `oscap-docker` tell in the name of the target:
/// `podman-image://ID [NAME:TAG …]`.
fn image(runs: &[Run]) -> Identity {
    let mut image = Identity::default();
    for target in runs.iter().filter_map(|run| run.target.as_deref()) {
        let kinds = ["podman-image://", "docker-image://"];
        let Some(words) = kinds.iter().find_map(|kind| target.strip_prefix(kind)) else {
            continue;
        };
        for word in words.split([' ', ',', '[', ']']) {
            let digits = word.strip_prefix("sha256:").unwrap_or(word);
            if digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                image.id = Some(format!("sha256:{digits}"));
            } else if word.contains(':') {
                image.names.push(word.to_owned());
            }
        }
    }
    image.names.sort();
    image.names.dedup();
    image
}

/// Name and version of a tool by its CPE name: `cpe:/a:redhat:openscap:1.3.9`, `cpe:2.3:a:redhat:openscap:1.3.9:…`.
fn tool(system: &str) -> (&str, Option<&str>) {
    let parts = ["cpe:/a:", "cpe:2.3:a:"]
        .iter()
        .find_map(|begin| system.strip_prefix(begin));
    let mut parts = parts.unwrap_or_default().split(':').skip(1);
    let version = |version: &&str| !version.is_empty() && *version != "*";
    match (parts.next(), parts.next().filter(version)) {
        (Some("openscap"), known) => ("OpenSCAP", known),
        (Some(product), known) => (product, known),
        (None, _) => (system, None),
    }
}
