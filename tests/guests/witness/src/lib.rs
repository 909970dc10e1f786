//! Says what it is told of the event's images, and finds what its settings tell it to.

use touchstone_sdk::evidence::{
    Evidence, FileFilter, FixState, PackageFilter, RuleFilter, Subject, VexStatus,
    VulnerabilityFilter, VulnerabilityParts,
};
use touchstone_sdk::prelude::*;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[derive(Default)]
pub struct Witness {
    /// Which vulnerabilities to tell of.
    filter: Filter,
    /// Findings, on each image.
    find: Vec<Found>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Filter {
    min_severity: Option<Severity>,
    only_fixed: bool,
    kinds: Vec<String>,
    packages: Vec<String>,
    ids: Vec<String>,
    min_cvss: Option<f64>,
    published_before: Option<String>,
    fixed_before: Option<String>,
    exclude_paths: Vec<String>,
    affecting: bool,
    /// Told without everything that can be left out, and with one link.
    brief: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Found {
    id: String,
    level: Level,
    package: Option<String>,
    path: Option<String>,
    /// Whether the finding names its image.
    #[serde(default)]
    named: bool,
    details: Option<String>,
}

impl Filter {
    fn told(&self) -> VulnerabilityFilter {
        VulnerabilityFilter {
            min_severity: self.min_severity,
            fix_states: self
                .only_fixed
                .then_some(FixState::Fixed)
                .into_iter()
                .collect(),
            kinds: self.kinds.clone(),
            packages: self.packages.clone(),
            ids: self.ids.clone(),
            min_cvss: self.min_cvss,
            published_before: self.published_before.clone(),
            fixed_before: self.fixed_before.clone(),
            exclude_paths: self.exclude_paths.clone(),
            exclude_vex: match self.affecting {
                true => vec![VexStatus::NotAffected, VexStatus::Fixed],
                false => Vec::new(),
            },
            without: match self.brief {
                true => VulnerabilityParts::from_bits_retain(0b11_1111),
                false => VulnerabilityParts::empty(),
            },
            max_links: self.brief.then_some(1),
        }
    }
}

impl Policy for Witness {
    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let mut outcome = Outcome::default();
        for subject in event.subjects() {
            let details = match &subject.evidence {
                Some(evidence) => self.tell(evidence)?,
                None => json!(null),
            };
            outcome.push(
                Finding::info("told", "what is known")
                    .image(&subject)
                    .details(&json!({ "known": details })),
            );
            for found in &self.find {
                outcome.push(found.on(&subject));
            }
        }
        Ok(outcome)
    }
}

impl Found {
    fn on(&self, subject: &Subject) -> Finding {
        let mut finding = Finding::new(self.level, &self.id, "told so");
        if self.named {
            finding = finding.image(subject);
        }
        finding.package = self.package.clone();
        finding.path = self.path.clone();
        finding.details = self.details.clone();
        finding
    }
}

impl Witness {
    fn tell(&self, evidence: &Evidence) -> Result<Value, Undecided> {
        let summary = &evidence.summary;
        let reports = summary.reports.iter().map(|report| {
            json!({"format": report.format, "tool": report.tool, "age": report.age, "received": report.received.is_some()})
        });
        let mut told = json!({
            "foundBy": format!("{:?}", summary.found_by),
            "digests": summary.digests,
            "names": summary.names,
            "kinds": summary.kinds,
            "fixable": summary.fixable,
            "reports": reports.collect::<Value>(),
            "severities": summary.severities.iter().map(|(severity, count)| json!([severity.as_str(), count])).collect::<Value>(),
        });
        let mut add = |key: &str, value: Value| {
            if let Some(told) = told.as_object_mut() {
                told.insert(key.to_owned(), value);
            }
        };
        if evidence.has("vulnerabilities") {
            let found = evidence.vulnerabilities(&self.filter.told())?;
            let total = found.total();
            let items: Vec<Value> = found
                .map(|found| json!({
                    "id": found.id, "package": found.package, "severity": found.severity.as_str(), "reports": found.reports,
                    "vex": found.vex.map(|vex| format!("{:?}", vex.status)), "cvss": found.cvss,
                    "parts": [found.aliases.len(), found.purl.iter().count(), found.locations.len(), found.severity_source.iter().count(),
                        found.severity_text.iter().count(), found.scores.len(), found.title.iter().count(), found.links.len()],
                }))
                .collect();
            add("vulnerabilities", json!({"total": total, "items": items}));
        }
        if evidence.has("packages") {
            add(
                "packages",
                json!(evidence.packages(&PackageFilter::default())?.count()),
            );
        }
        if evidence.has("rule-results") {
            add(
                "rules",
                json!(evidence.rule_results(&RuleFilter::default())?.count()),
            );
        }
        if evidence.has("files") {
            add(
                "files",
                json!(evidence.files(&FileFilter::default())?.count()),
            );
        }
        if evidence.has("secrets") {
            add("secrets", json!(evidence.secrets()?.count()));
        }
        if evidence.has("misconfigurations") {
            add(
                "misconfigurations",
                json!(evidence.misconfigurations()?.count()),
            );
        }
        if evidence.has("licences") {
            add("licences", json!(evidence.licences()?.count()));
        }
        add(
            "dockerfile",
            json!(evidence.dockerfile().map(|it| it.len())),
        );
        add("layers", json!(evidence.layers().map(|it| it.len())));
        add("history", json!(evidence.history().map(|it| it.len())));
        add("malware", json!(evidence.malware().map(|it| it.len())));
        add(
            "benchmarks",
            json!(evidence.benchmarks().map(|it| it.len())),
        );
        add(
            "distribution",
            json!(evidence.distribution().map(|it| it.name)),
        );
        add("user", json!(evidence.configuration().map(|it| it.user)));
        Ok(told)
    }
}

touchstone_sdk::export!(Witness);
