//! Evidence as documents, in the words of `touchstone evidence show -o json`; and filters from documents.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use touchstone_sdk::evidence::{
    FixState, FoundBy, ImageConfiguration, Layer, Overview, Package, PackageFilter, Provenance,
    RuleFilter, RuleOutcome, RuleResult, Vex, VexStatus, Vulnerability, VulnerabilityFilter,
    VulnerabilityParts as Parts,
};
use touchstone_sdk::{ImageName, Severity};

use super::Fault;

const FIX_STATES: [(&str, FixState); 4] = [
    ("unknown", FixState::Unknown),
    ("notFixed", FixState::NotFixed),
    ("wontFix", FixState::WontFix),
    ("fixed", FixState::Fixed),
];

const PARTS: [(&str, Parts); 6] = [
    ("aliases", Parts::ALIASES),
    ("purl", Parts::PURL),
    ("locations", Parts::LOCATIONS),
    ("severitySource", Parts::SEVERITY_SOURCE),
    ("scores", Parts::SCORES),
    ("title", Parts::TITLE),
];

const VEX: [(&str, VexStatus); 4] = [
    ("not_affected", VexStatus::NotAffected),
    ("fixed", VexStatus::Fixed),
    ("under_investigation", VexStatus::UnderInvestigation),
    ("affected", VexStatus::Affected),
];

const OUTCOMES: [(&str, RuleOutcome); 9] = [
    ("pass", RuleOutcome::Pass),
    ("fail", RuleOutcome::Fail),
    ("error", RuleOutcome::Error),
    ("unknown", RuleOutcome::Unknown),
    ("notapplicable", RuleOutcome::NotApplicable),
    ("notchecked", RuleOutcome::NotChecked),
    ("notselected", RuleOutcome::NotSelected),
    ("informational", RuleOutcome::Informational),
    ("fixed", RuleOutcome::Fixed),
];

/// Without what is not known, so that Rego finds it undefined.
pub fn known(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}

pub fn name(name: &ImageName) -> Value {
    let ImageName {
        registry,
        repository,
        tag,
        digest,
    } = name;
    known(json!({"registry": registry, "repository": repository, "tag": tag, "digest": digest}))
}

pub fn overview(overview: &Overview) -> Value {
    let Overview {
        found_by,
        digests,
        names,
        id,
        reports,
        kinds,
        severities,
        fixable,
    } = overview;
    let found_by = match found_by {
        FoundBy::Event => "event",
        FoundBy::Digest => "digest",
        FoundBy::Tag => "tag",
    };
    let counts = severities
        .iter()
        .map(|(severity, count)| (severity.as_str(), count));
    let counts: std::collections::BTreeMap<&str, &u32> = counts.collect();
    let reports: Vec<Value> = reports.iter().map(report).collect();
    known(json!({
        "foundBy": found_by, "digests": digests, "names": names, "id": id, "reports": reports, "kinds": kinds,
        "severities": counts, "fixable": fixable,
    }))
}

fn report(report: &Provenance) -> Value {
    let Provenance {
        format,
        tool,
        version,
        database,
        scanned,
        received,
        age,
        digest,
        kinds,
        scope: _,
    } = report;
    known(json!({
        "format": format, "tool": tool, "version": version, "database": database, "scanned": scanned,
        "received": received, "age": age, "digest": digest, "kinds": kinds,
    }))
}

pub fn vulnerability(found: &Vulnerability) -> Value {
    let scores = found.scores.iter().map(|score| {
        known(json!({"source": score.source, "version": score.version, "vector": score.vector, "base": score.base}))
    });
    known(json!({
        "id": found.id, "aliases": found.aliases, "package": found.package, "kind": found.kind,
        "installed": found.installed, "purl": found.purl, "locations": found.locations, "fixed": found.fixed,
        "fixState": word(&FIX_STATES, found.fix_state), "severity": found.severity.as_str(),
        "severitySource": found.severity_source, "severityText": found.severity_text,
        "scores": scores.collect::<Vec<_>>(), "cvss": found.cvss, "epss": found.epss,
        "exploited": found.exploited, "title": found.title, "links": found.links, "published": found.published,
        "fixedAt": found.fixed_at, "firstSeen": found.first_seen, "vex": found.vex.as_ref().map(vex),
    }))
}

fn vex(said: &Vex) -> Value {
    known(json!({
        "status": word(&VEX, said.status), "justification": said.justification, "statement": said.statement,
        "author": said.author,
    }))
}

pub fn package(found: &Package) -> Value {
    known(json!({
        "name": found.name, "version": found.version, "kind": found.kind, "purl": found.purl,
        "licences": found.licences, "origin": found.origin, "source": found.source, "locations": found.locations,
        "layer": found.layer,
    }))
}

pub fn rule_result(found: &RuleResult) -> Value {
    let identifiers = found.identifiers.iter();
    let identifiers = identifiers.map(|(system, id)| json!({"system": system, "id": id}));
    known(json!({
        "benchmark": found.benchmark, "profile": found.profile, "id": found.id,
        "severity": found.severity.as_str(), "result": word(&OUTCOMES, found.outcome), "title": found.title,
        "description": found.description, "identifiers": identifiers.collect::<Vec<_>>(),
        "references": found.references, "fix": found.fix, "weight": found.weight,
    }))
}

pub fn configuration(found: &ImageConfiguration) -> Value {
    let labels = found
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()));
    let labels: serde_json::Map<String, Value> = labels.collect();
    known(json!({
        "user": found.user, "exposedPorts": found.exposed_ports, "entrypoint": found.entrypoint,
        "command": found.command, "labels": labels, "environment": found.environment, "volumes": found.volumes,
        "workingDirectory": found.working_directory, "healthcheck": found.healthcheck, "created": found.created,
        "architecture": found.architecture, "os": found.os, "size": found.size,
    }))
}

pub fn layer(found: &Layer) -> Value {
    known(json!({"digest": found.digest, "diffId": found.diff_id, "size": found.size}))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct RawVulnerabilityFilter {
    min_severity: Option<Severity>,
    fix_states: Vec<String>,
    kinds: Vec<String>,
    packages: Vec<String>,
    ids: Vec<String>,
    min_cvss: Option<f64>,
    published_before: Option<String>,
    fixed_before: Option<String>,
    exclude_paths: Vec<String>,
    exclude_vex: Vec<String>,
    without: Vec<String>,
    max_links: Option<u32>,
}

pub fn vulnerability_filter(filter: Value) -> Result<VulnerabilityFilter, Fault> {
    let RawVulnerabilityFilter {
        min_severity,
        fix_states,
        kinds,
        packages,
        ids,
        min_cvss,
        published_before,
        fixed_before,
        exclude_paths,
        exclude_vex,
        without,
        max_links,
    } = read(filter)?;
    Ok(VulnerabilityFilter {
        min_severity,
        fix_states: meant(&FIX_STATES, &fix_states)?,
        kinds,
        packages,
        ids,
        min_cvss,
        published_before,
        fixed_before,
        exclude_paths,
        exclude_vex: meant(&VEX, &exclude_vex)?,
        without: meant(&PARTS, &without)?
            .into_iter()
            .fold(Parts::empty(), |all, part| all | part),
        max_links,
    })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct RawPackageFilter {
    kinds: Vec<String>,
    names: Vec<String>,
    licences: Vec<String>,
    exclude_paths: Vec<String>,
}

pub fn package_filter(filter: Value) -> Result<PackageFilter, Fault> {
    let RawPackageFilter {
        kinds,
        names,
        licences,
        exclude_paths,
    } = read(filter)?;
    Ok(PackageFilter {
        kinds,
        names,
        licences,
        exclude_paths,
    })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct RawRuleFilter {
    results: Vec<String>,
    min_severity: Option<Severity>,
    ids: Vec<String>,
}

pub fn rule_filter(filter: Value) -> Result<RuleFilter, Fault> {
    let RawRuleFilter {
        results,
        min_severity,
        ids,
    } = read(filter)?;
    Ok(RuleFilter {
        outcomes: meant(&OUTCOMES, &results)?,
        min_severity,
        ids,
    })
}

/// A filter that cannot be read lets nothing be decided: an empty answer would look as if all were well.
fn read<T: DeserializeOwned>(filter: Value) -> Result<T, Fault> {
    serde_json::from_value(filter).map_err(|error| Fault::Host(format!("filter: {error}")))
}

fn meant<T: Copy>(words: &[(&str, T)], texts: &[String]) -> Result<Vec<T>, Fault> {
    let find = |text: &String| {
        let found = words.iter().find(|(word, _)| word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Fault::Host(format!("filter: {text:?} is none of {}", known.join(", ")))
        })
    };
    texts.iter().map(find).collect()
}

fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    let mut words = words.iter();
    let found = words.find(|(_, known)| *known == meaning);
    found.map_or("unknown", |(word, _)| word)
}
