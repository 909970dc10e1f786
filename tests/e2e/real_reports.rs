//! Reports as real tools wrote them: what was read is what is there, counted by other means.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use touchstone::evidence::{self, Evidence, RuleOutcome, Severity};

use crate::support::fixtures;

fn read(path: &Path) -> Evidence {
    let bytes = fs::read(path).unwrap();
    evidence::read(&bytes, None).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// How many items of arrays stand at a path of keys, through all arrays on the way.
fn count(value: &Value, path: &[&str]) -> usize {
    match (path, value) {
        ([], Value::Array(items)) => items.len(),
        ([], _) => 0,
        (path, Value::Array(items)) => items.iter().map(|item| count(item, path)).sum(),
        ([key, rest @ ..], value) => value.get(key).map_or(0, |value| count(value, rest)),
    }
}

/// Every text at a key, wherever it stands.
fn texts(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if name == key => found.push(text.clone()),
                    value => texts(value, key, found),
                }
            }
        }
        _ => {}
    }
}

fn vulnerabilities(evidence: &Evidence) -> usize {
    evidence.vulnerabilities.as_ref().map_or(0, Vec::len)
}

/// By severity, in words.
fn severities(evidence: &Evidence) -> BTreeMap<Severity, usize> {
    let mut counts = BTreeMap::new();
    for found in evidence.vulnerabilities.iter().flatten() {
        *counts.entry(found.severity).or_default() += 1;
    }
    counts
}

/// The scanners' words.
fn words(all: &[String]) -> BTreeMap<Severity, usize> {
    let mut counts = BTreeMap::new();
    for word in all {
        *counts.entry(Severity::of(word)).or_default() += 1;
    }
    counts
}

#[test]
fn trivy() {
    let Some(fixtures) = fixtures() else { return };
    for path in files(&fixtures.join("trivy")) {
        let (found, raw, name) = (read(&path), json(&path), path.display());
        assert_eq!(
            vulnerabilities(&found),
            count(&raw, &["Results", "Vulnerabilities"]),
            "{name}"
        );
        assert_eq!(
            found.packages.as_ref().map_or(0, Vec::len),
            count(&raw, &["Results", "Packages"]),
            "{name}"
        );
        assert_eq!(
            found.secrets.as_ref().map_or(0, Vec::len),
            count(&raw, &["Results", "Secrets"]),
            "{name}"
        );
        assert_eq!(
            found.misconfigurations.as_ref().map_or(0, Vec::len),
            count(&raw, &["Results", "Misconfigurations"]),
            "{name}"
        );
        assert_eq!(
            found.licences.as_ref().map_or(0, Vec::len),
            count(&raw, &["Results", "Licenses"]),
            "{name}"
        );
        let results = raw["Results"].as_array().unwrap().iter();
        let all =
            results.flat_map(|result| result["Vulnerabilities"].as_array().into_iter().flatten());
        let all: Vec<String> = all
            .map(|one| one["Severity"].as_str().unwrap_or("unknown").to_owned())
            .collect();
        assert_eq!(severities(&found), words(&all), "{name}");
        let secrets = serde_json::to_string(&found.secrets).unwrap();
        let mut matches = Vec::new();
        texts(&raw, "Match", &mut matches);
        assert!(
            matches.iter().all(|text| !secrets.contains(text.as_str())),
            "{name}"
        );
    }
}

#[test]
fn grype() {
    let Some(fixtures) = fixtures() else { return };
    for path in files(&fixtures.join("grype")) {
        let (found, raw, name) = (read(&path), json(&path), path.display());
        let matches = raw["matches"].as_array().unwrap();
        assert_eq!(
            found.vulnerabilities.as_ref().map(Vec::len),
            Some(matches.len()),
            "{name}"
        );
        let all: Vec<String> = matches
            .iter()
            .map(|one| {
                one["vulnerability"]["severity"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(severities(&found), words(&all), "{name}");
        // Before 0.9, Grype wrote one version in another place, and no state.
        let fixed = matches.iter().filter(|one| {
            let about = &one["vulnerability"];
            about["fix"]["state"] == "fixed" || about["fixedInVersion"].is_string()
        });
        let fixed = fixed.count();
        assert_eq!(found.fixable() as usize, fixed, "{name}");
        assert_eq!(
            found.reports[0].version.as_deref(),
            raw["descriptor"]["version"].as_str(),
            "{name}"
        );
    }
}

#[test]
fn clair_and_its_clients() {
    let Some(fixtures) = fixtures() else { return };
    for path in files(&fixtures.join("clair")) {
        let (found, raw, name) = (read(&path), json(&path), path.display());
        let expected = match raw.get("LayerCount") {
            Some(_) => raw["Vulnerabilities"]
                .as_object()
                .unwrap()
                .values()
                .map(|list| list.as_array().map_or(0, Vec::len))
                .sum(),
            None => count(&raw, &["vulnerabilities"]),
        };
        assert_eq!(
            found.vulnerabilities.as_ref().map(Vec::len),
            Some(expected),
            "{name}"
        );
    }
    let layers = json(&fixtures.join("image_enforcer/data/clair/clair.json"));
    let layers = layers["layers"].as_object().unwrap();
    let mut total = 0;
    for (digest, layer) in layers {
        let found = evidence::read(layer.to_string().as_bytes(), None)
            .unwrap_or_else(|error| panic!("{digest}: {error}"));
        let expected = count(layer, &["Layer", "Features", "Vulnerabilities"]);
        assert_eq!(vulnerabilities(&found), expected, "{digest}");
        assert_eq!(
            found.packages.as_ref().map_or(0, Vec::len),
            count(layer, &["Layer", "Features"]),
            "{digest}"
        );
        total += expected;
    }
    assert!(total > 0);
}

#[test]
fn harbor() {
    let Some(fixtures) = fixtures() else { return };
    for path in files(&fixtures.join("harbor")) {
        let (found, raw) = (read(&path), json(&path));
        let report = raw.as_object().unwrap().values().next().unwrap();
        assert_eq!(vulnerabilities(&found), count(report, &["vulnerabilities"]));
        let mut all = Vec::new();
        texts(&report["vulnerabilities"], "severity", &mut all);
        assert_eq!(severities(&found), words(&all));
    }
}

#[test]
fn bills_of_materials_and_statements() {
    let Some(fixtures) = fixtures() else { return };
    for path in files(&fixtures.join("sbom")) {
        let (found, raw, name) = (read(&path), json(&path), path.display());
        let purls = |items: &Value, of: &dyn Fn(&Value) -> Option<String>| {
            let items = items.as_array().into_iter().flatten();
            items.filter_map(of).collect::<BTreeSet<String>>()
        };
        let expected = match raw.get("spdxVersion") {
            Some(_) => purls(&raw["packages"], &|package| {
                let references = package["externalRefs"].as_array()?;
                let purl = references
                    .iter()
                    .find(|one| one["referenceType"] == "purl")?;
                let purl = purl["referenceLocator"].as_str()?;
                (!purl.starts_with("pkg:oci/")).then(|| purl.to_owned())
            }),
            None => purls(&raw["components"], &|one| {
                one["purl"].as_str().map(str::to_owned)
            }),
        };
        let packages = found.packages.iter().flatten();
        let found_purls: BTreeSet<String> = packages
            .filter_map(|package| package.purl.clone())
            .collect();
        assert_eq!(found_purls, expected, "{name}");
        if let Some(all) = raw["vulnerabilities"].as_array() {
            let ids: BTreeSet<&str> = all.iter().map(|one| one["id"].as_str().unwrap()).collect();
            let told = found
                .vulnerabilities
                .iter()
                .flatten()
                .map(|one| one.id.as_str());
            let told = told.chain(
                found
                    .statements
                    .iter()
                    .flatten()
                    .flat_map(|one| one.vulnerabilities.iter().map(String::as_str)),
            );
            let told: BTreeSet<&str> = told.filter(|id| ids.contains(id)).collect();
            assert_eq!(told, ids, "{name}");
        }
    }
    for path in files(&fixtures.join("vex")) {
        let (found, raw) = (read(&path), json(&path));
        assert_eq!(
            found.statements.map_or(0, |all| all.len()),
            count(&raw, &["statements"])
        );
        assert_eq!(found.vulnerabilities, None);
    }
    for path in files(&fixtures.join("sarif")) {
        let (found, raw) = (read(&path), json(&path));
        assert_eq!(
            found.misconfigurations.map_or(0, |all| all.len()),
            count(&raw, &["runs", "results"])
        );
    }
}

#[test]
fn open_scap() {
    let Some(fixtures) = fixtures() else { return };
    for (file, pass, fail, not_selected) in [
        ("debian11-anssi-average.arf.xml.gz", 25, 20, 310),
        ("debian11-anssi-average.xccdf.xml.gz", 25, 20, 310),
        ("rhsa-many.xccdf.xml.gz", 2904, 31, 0),
    ] {
        let path = fixtures.join("openscap").join(file);
        let mut text = String::new();
        let compressed = fs::File::open(&path).unwrap();
        flate2::read::GzDecoder::new(compressed)
            .read_to_string(&mut text)
            .unwrap();
        // Whatever the prefix: what ends a result's word.
        let in_text = |word: &str| text.matches(&format!("result>{word}</")).count();
        let found = read(&path);
        let rules = found.rules.as_ref().unwrap();
        let of = |outcome| rules.iter().filter(|rule| rule.result == outcome).count();
        for (outcome, word, expected) in [
            (RuleOutcome::Pass, "pass", pass),
            (RuleOutcome::Fail, "fail", fail),
            (RuleOutcome::NotSelected, "notselected", not_selected),
        ] {
            assert_eq!(
                (of(outcome), in_text(word)),
                (expected, expected),
                "{file} {word}"
            );
        }
        assert_eq!(rules.len(), pass + fail + not_selected, "{file}");
        for rule in rules.iter().filter(|rule| rule.result == RuleOutcome::Fail) {
            assert!(rule.title.is_some(), "{file} {}", rule.id);
            // The severity that stands at the rule's own result.
            let (_, after) = text
                .split_once(&format!("<rule-result idref=\"{}\"", rule.id))
                .unwrap_or_else(|| panic!("{}", rule.id));
            let head = after.split_once('>').unwrap().0;
            if let Some((_, severity)) = head.split_once("severity=\"") {
                let word = severity.split_once('"').unwrap().0;
                assert_eq!(rule.severity, Severity::of(word), "{}", rule.id);
            }
        }
        assert_eq!(found.benchmarks.as_ref().map(Vec::len), Some(1), "{file}");
    }
}

#[test]
fn what_is_no_report_is_not_taken_for_one() {
    let Some(fixtures) = fixtures() else { return };
    for folder in ["anchore", "kubernetes"] {
        for path in files(&fixtures.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!evidence::is_report(&text), "{}", path.display());
        }
    }
}
